"""A campaign: scenarios under agents, each so often, so many guests at a time."""

import hashlib
import json
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import judge, machine, places
from .agents import Agent
from .scenario import Scenario

Result = dict[str, Any]


@dataclass(frozen=True)
class Campaign:
    """What is asked for."""

    scenarios: list[Scenario]
    agents: list[Agent]
    policy: Path
    repeat: int
    guests: int
    """At a time. Each has two processors, and two guests on two processors measure each other."""
    results: Path
    """A folder; each result is added to its results.jsonl as soon as it is there."""
    resumes: bool
    """Whether runs count whose results are there already, if they were of the same agent and policy."""

    def groups(self) -> Iterator[list[Result]]:
        """The results of each scenario under each agent, in order, once all of them are there."""
        found = self._earlier() if self.resumes else {}
        writing = threading.Lock()
        free: queue.SimpleQueue[Path] = queue.SimpleQueue()
        for number in range(self.guests):
            free.put(places.BUILD / f"guest-{number + 1}")

        def run(scenario: Scenario, agent: Agent, repetition: int, build: str | None) -> Result:
            folder = free.get()
            try:
                life = machine.run(scenario, agent, self.policy, folder)
            finally:
                free.put(folder)
            report = judge.read(life.report)
            result = judge.judge(scenario, agent, life, report, repetition) | {"build": build, "guests": self.guests}
            result["flight"] = self._keep_flight(f"{scenario.name}-{agent.name}-{repetition}", report)
            with writing, (self.results / "results.jsonl").open("a") as stream:
                stream.write(json.dumps(result, ensure_ascii=False) + "\n")
            return result

        with ThreadPoolExecutor(self.guests) as pool:
            groups: list[tuple[list[Result], list[Future[Result]]]] = []
            for scenario in self.scenarios:
                for agent in self.agents:
                    build = self._build(agent)
                    there = found.get((scenario.name, agent.name, build), [])[: self.repeat]
                    missing = range(len(there) + 1, self.repeat + 1)
                    groups.append((there, [pool.submit(run, scenario, agent, number, build) for number in missing]))
            try:
                for there, coming in groups:
                    yield there + [future.result() for future in coming]
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _keep_flight(self, name: str, report: judge.Report) -> str | None:
        """Writes the flight of a run, and returns its path in the results; None if the guest did not tell all of it."""
        path = self.results / "flights" / f"{name}.flight"
        path.unlink(missing_ok=True)
        if not report.complete or not report.flight:
            return None
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(report.flight)
        return str(path.relative_to(self.results))

    def _build(self, agent: Agent) -> str | None:
        """Which Spillway it is, by its program and policy; None for others."""
        if not agent.prepare or agent.unit != "spillway.service":
            return None
        return hashlib.sha256(places.AGENT.read_bytes() + self.policy.read_bytes()).hexdigest()[:12]

    def _earlier(self) -> dict[tuple[str, str, str | None], list[Result]]:
        found: dict[tuple[str, str, str | None], list[Result]] = {}
        path = self.results / "results.jsonl"
        if not path.exists():
            return found
        # A campaign that was killed while it wrote left part of a line, which no other must follow.
        whole = path.read_bytes().rpartition(b"\n")[:2]
        path.write_bytes(b"".join(whole))
        for line in whole[0].splitlines():
            result = json.loads(line)
            found.setdefault((result["scenario"], result["agent"], result.get("build")), []).append(result)
        return found

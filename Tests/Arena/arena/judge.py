"""What a guest's report says, and whether that is well."""

import json
import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from .agents import Agent
from .machine import Life
from .scenario import Scenario

SCHEMA = 1
"""Of a result; fields are only added within it."""

KERNELS_OWN = 128
"""si_code SI_KERNEL: the sender of a SIGKILL was the kernel's own killer (include/uapi/asm-generic/siginfo.h)."""

CLEANERS = {"systemd"}
"""Whose signals choose nobody: it ends what is left of a unit once something of it was killed."""

SIGNAL = re.compile(
    r"\s*(?P<sender>.+)-\d+\s+\[\d+\]\s+\S+\s+(?P<time>[\d.]+): signal_generate: "
    r"sig=(?P<signal>\d+) errno=-?\d+ code=(?P<code>-?\d+) comm=(?P<comm>.*) pid=(?P<pid>\d+) "
    r"grp=\d res=(?P<result>\d+)"
)

SAMPLE_FIELDS = (
    "ms",
    "available_kib",
    "free_kib",
    "anonymous_kib",
    "swap_free_kib",
    "stall_some_us",
    "stall_full_us",
    "oom_kills",
    "direct_scans",
    "restored",
    "major_faults",
    "lost_us",
    "longest_us",
    "sampler_late_us",
    "trouble",
)


@dataclass
class Report:
    """The referee's lines, taken apart."""

    samples: list[dict[str, int]] = field(default_factory=list)
    signals: list[dict[str, Any]] = field(default_factory=list)
    ends: list[dict[str, Any]] = field(default_factory=list)
    logs: dict[str, list[str]] = field(default_factory=dict)
    records: list[dict[str, Any]] = field(default_factory=list)
    flight: bytes = b""
    total_kib: int = 0
    swap_total_kib: int = 0
    agent_cpu_us: int | None = None
    probe_ms: int | None = None
    complete: bool = False
    failure: str = ""


def read(lines: list[str]) -> Report:
    """A report as far as it goes: a guest that stood still left half a line behind."""
    report = Report()
    for line in lines:
        kind, _, rest = line.partition(" ")
        words = rest.split()
        try:
            _read_line(report, kind, rest, words)
        except (ValueError, IndexError):
            report.failure = report.failure or f"the report has a broken line: {line[:80]}"
    return report


def _read_line(report: Report, kind: str, rest: str, words: list[str]) -> None:
    match kind:
        case "sample":
            report.samples.append(dict(zip(SAMPLE_FIELDS, map(int, words), strict=True)))
        case "signal":
            scene, _, trace = rest.partition(" ")
            if match := SIGNAL.match(trace):
                ms = round(float(match["time"]) * 1000 - int(scene) / 1000)
                signal = {
                    "ms": ms,
                    "sender": match["sender"],
                    "signal": int(match["signal"]),
                    "by_kernel": int(match["code"]) == KERNELS_OWN,
                    "comm": match["comm"],
                    "pid": int(match["pid"]),
                    "ignored": match["result"] == "1",
                }
                if ms >= 0 and int(scene) > 0 and match["sender"] not in CLEANERS:
                    report.signals.append(signal)
        case "ended":
            report.ends.append(
                {"ms": int(words[0]), "name": words[1], "pid": int(words[2]), "how": words[3], "code": int(words[4])}
            )
        case "sizes":
            report.total_kib, report.swap_total_kib = int(words[0]), int(words[1])
        case "agent":
            report.agent_cpu_us = int(words[0])
        case "probe":
            report.probe_ms = int(words[0]) if words[1] == "1" else None
        case "log":
            name, _, text = rest.partition(" ")
            if name == "record":
                report.records.append(json.loads(text))
            else:
                report.logs.setdefault(name, []).append(text)
        case "flight":
            report.flight += bytes.fromhex(rest)
        case "failed":
            report.failure = rest
        case "end":
            report.complete = True


def judge(scenario: Scenario, agent: Agent, life: Life, report: Report, repetition: int) -> dict[str, Any]:
    """The result of one run, as a line of results.jsonl has it. The flight is a file of its own."""
    if not report.samples and not report.failure:
        last_words = life.console.strip().splitlines() or ["nothing"]
        report.failure = f"it never came to its scene; the last of its console: {last_words[-1]}"
    roles = {actor.name: actor.role for actor in scenario.actors}
    victims, culprits = scenario.victim_comms, scenario.culprit_comms
    report.signals = [signal for signal in report.signals if not _is_among(culprits, signal)]

    in_scene = [end for end in report.ends if end["ms"] >= 0]
    lost = {
        end["name"]
        for end in in_scene
        if roles.get(end["name"]) in ("innocent", "critical")
        and end["how"] == "signal"
        and end["name"] not in scenario.victims
    }
    lost |= {signal["comm"] for signal in report.signals if not signal["ignored"] and signal["comm"] not in culprits}
    agent_lost = agent.command is not None and any(end["name"] == "agent" for end in report.ends)
    ended = [signal for signal in report.signals if not signal["ignored"]]
    kernel_kills = _kernel_kills(report)
    first = ended[0] if ended else None
    before = _sample_before(report, first["ms"]) if first else None
    last = report.samples[-1] if report.samples else None
    survived = report.complete and report.probe_ms is not None

    result: dict[str, Any] = {
        "schema": SCHEMA,
        "scenario": scenario.name,
        "title": scenario.title,
        "why": scenario.why,
        "agent": agent.name,
        "repetition": repetition,
        "expect": scenario.expect,
        "known": scenario.known or None if agent.name == "spillway" else None,
        "survived": survived,
        "first_victim": first["comm"] if first else None,
        "right_victim": first["comm"] in victims if first else None,
        "innocents_lost": sorted(lost),
        "agent_lost": agent_lost,
        "kernel_kills": kernel_kills,
        "lost_ms": round(last["lost_us"] / 1000, 1) if last else None,
        "worst_gap_ms": round(max(sample["longest_us"] for sample in report.samples) / 1000, 1) if last else None,
        "first_signal_s": first["ms"] / 1000 if first else None,
        "relief_s": _relief(report),
        "available_at_signal_kib": before["available_kib"] if before else None,
        "swap_free_at_signal_kib": before["swap_free_kib"] if before else None,
        "agent_cpu_ms": round(report.agent_cpu_us / 1000, 1) if report.agent_cpu_us is not None else None,
        "probe_ms": report.probe_ms,
        "scene_s": last["ms"] / 1000 if last else None,
        "attempts": life.attempts,
        "took_s": round(life.took, 1),
        "load_before": round(life.load_before, 2),
        "load_after": round(life.load_after, 2),
        "sampler_late_ms": round(sum(sample["sampler_late_us"] for sample in report.samples) / 1000, 1),
        "total_kib": report.total_kib,
        "swap_total_kib": report.swap_total_kib,
        "failure": report.failure,
        "signals": report.signals,
        "ends": in_scene,
        "records": report.records,
        "logs": report.logs,
        "samples": report.samples,
    }
    result["faults"] = _faults(scenario, agent, result)
    result["faults"] += [f"{name} failed, see its log" for name in _failed(scenario, report)]
    return result


def _is_among(culprits: set[str], signal: dict[str, Any]) -> bool:
    """Whether culprits deal with each other, as stress-ng does with what it starts: nothing was chosen."""
    return not signal["by_kernel"] and signal["sender"] in culprits and signal["comm"] in culprits


def _failed(scenario: Scenario, report: Report) -> list[str]:
    """Innocent programs that could not do their part: without it nothing can go wrong in a scene."""
    failures = {end["name"] for end in report.ends if end["how"] == "exit" and end["code"] != 0}
    return sorted(actor.name for actor in scenario.actors if actor.role != "culprit" and actor.name in failures)


def _kernel_kills(report: Report) -> int:
    """As vmstat counts them; as the tracer does where the machine stood still before vmstat could be read."""
    counted = report.samples[-1]["oom_kills"] - report.samples[0]["oom_kills"] if report.samples else 0
    traced = len({signal["pid"] for signal in report.signals if signal["by_kernel"]})
    return max(counted, traced)


def _sample_before(report: Report, ms: int) -> dict[str, int] | None:
    earlier = [sample for sample in report.samples if sample["ms"] <= ms]
    return earlier[-1] if earlier else None


def _relief(report: Report) -> float | None:
    """Seconds until the last signal has been sent and trouble has ended; None if there was none, or no end of it."""
    moments: list[int] = [signal["ms"] for signal in report.signals]
    moments += [after["ms"] for sample, after in pairwise(report.samples) if sample["trouble"]]
    if not moments or report.samples[-1]["trouble"]:
        return None
    return max(moments) / 1000


def _faults(scenario: Scenario, agent: Agent, result: dict[str, Any]) -> list[str]:
    """Everything that should not have been, in words."""
    faults = []
    if result["failure"]:
        faults.append(f"the run failed: {result['failure']}")
    elif not result["survived"]:
        faults.append("the machine did not survive")
    if result["kernel_kills"]:
        faults.append(f"the kernel killed {result['kernel_kills']}")
    if result["innocents_lost"]:
        faults.append("lost " + ", ".join(result["innocents_lost"]))
    if result["agent_lost"]:
        faults.append("the agent died")
    if scenario.expect == "calm" and result["right_victim"] is False:
        faults.append(f"{result['first_victim']} was signalled, and should not be")
    if scenario.expect == "end" and result["right_victim"] is False:
        faults.append(f"the first victim was {result['first_victim']}")
    if scenario.expect == "end" and result["first_victim"] is None and agent.name != "dry-run":
        faults.append("no process was killed")
    return faults

"""Who keeps the guests from running out: Spillway, its peers, and nobody."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import places
from .archive import Archive
from .scenario import Mistake, Scenario


@dataclass(frozen=True)
class Agent:
    """One of them, as its package would start it."""

    name: str
    title: str
    unit: str = ""
    """Whose cgroup it runs in."""
    command: Callable[[Scenario], list[str]] | None = None
    prepare: Callable[[Archive, Scenario, Path, Path], None] | None = None
    """Adds to the guest's files what the agent reads; the paths are the operator's policy and a folder to work in."""
    protected_adj: int = 0
    """`oom_score_adj` of what the operator protects, where that is the way to say it."""
    flights: str = ""
    """The guest's folder in which it saves what it saw."""
    adj: int = 0
    """Its own `oom_score_adj`, where its unit sets one."""
    under_systemd: bool = False


def policy(scenario: Scenario, base: Path) -> str:
    """A policy's text with the rules and domains that a scenario adds."""
    text = base.read_text()
    for name in scenario.protect:
        text += f'\n[[rule]]\nname = "{name} stays, says the scenario"\nmatch = {{ unit = "{name}.service" }}\n'
        text += "protect = true\n"
    for number, cgroup in enumerate(scenario.domains):
        text += f'\n[[domain]]\nname = "domain {number + 1}, says the scenario"\ncgroup = "{cgroup}"\n'
    return text


def _prepare_spillway(archive: Archive, scenario: Scenario, base: Path, folder: Path) -> None:
    path, image = folder / "policy.toml", folder / "policy.img"
    path.write_text(policy(scenario, base))
    result = subprocess.run([places.TOOL, "compile", path, "-o", image], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise Mistake(f"{base}:\n{result.stderr}")
    archive.add_file("stage/policy.img", image, 0o644)
    archive.add_file("stage/spillwayd", places.AGENT)


FLIGHTS = "/var/log/flights"
"""On the guest's disk: in a tmpfs they would take memory from the scene."""


def _spillway(name: str, title: str, *more: str) -> Agent:
    words = ["/stage/spillwayd", "--image", "/stage/policy.img", "--record", "/run/log/record", "--flights", FLIGHTS]
    return Agent(
        name,
        title,
        "spillway.service",
        lambda _: [*words, "--verbose", *more],
        _prepare_spillway,
        flights=FLIGHTS,
        # The unit's adjustment, from packaging/systemd/spillway.service.
        adj=-900,
    )


def _earlyoom(scenario: Scenario) -> list[str]:
    avoid = ["--avoid", f"^({'|'.join(scenario.protect)})$"] if scenario.protect else []
    return ["/usr/bin/earlyoom", "-r", "3600", *avoid]


def _prepare_nohang(archive: Archive, scenario: Scenario, base: Path, folder: Path) -> None:
    text = next((places.BUILD / "packages/root/etc/nohang").glob("nohang.conf")).read_text()
    for name in scenario.protect:
        text += f"\n@BADNESS_ADJ_RE_NAME -1000 /// ^{name}$\n"
    archive.add("stage/nohang.conf", text.encode())


def _nohang(scenario: Scenario) -> list[str]:
    return ["/usr/bin/python3.11", "/usr/sbin/nohang", "--monitor", "--config", "/stage/nohang.conf"]


AGENTS = {
    agent.name: agent
    for agent in (
        Agent("kernel", "kernel alone", protected_adj=-500),
        Agent("earlyoom", "earlyoom", "earlyoom.service", _earlyoom),
        Agent("nohang", "nohang", "nohang.service", _nohang, _prepare_nohang),
        Agent("oomd", "systemd-oomd", "systemd-oomd.service", under_systemd=True),
        _spillway("spillway", "Spillway"),
        _spillway("dry-run", "Spillway, dry run", "--dry-run"),
    )
}

PEERS = ("earlyoom", "nohang", "oomd")
"""Those that Spillway is held against."""

"""Scenarios: what a TOML file in `scenarios/` says, checked."""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from . import places

ROLES = ("critical", "innocent", "culprit")
BEFORE = -60
"""Early enough to be among the first."""

FITTING = {
    str: (str, "a text"),
    bool: (bool, "true or false"),
    int: (int, "a whole number"),
    float: (int | float, "a number"),
}
"""What a key's value may be, by the type of its field. All others are lists."""

AGENT_AT = -2
"""By then the cast has what it wants: an agent is not judged by what it makes of a machine's first seconds, unless a
scenario is about them."""

USER_SCOPE = "/user.slice/user-1000.slice/{name}.scope"


class Mistake(Exception):
    """Something in a scenario that cannot be meant; its text names file and key."""


@dataclass(frozen=True)
class Actor:
    """A program of the scene."""

    name: str
    """What it calls itself; of at most 15 bytes, as the kernel keeps no more."""
    role: str = "culprit"
    run: tuple[str, ...] = ()
    """The workload's mode and keys."""
    program: str = ""
    """A program of the guest, in place of the workload."""
    arguments: tuple[str, ...] = ()
    """The program's."""
    at: float = 0
    """Seconds from the scene's start; what is on the machine before has a negative one."""
    uid: int = 1000
    adj: int = 0
    """`oom_score_adj`."""
    cgroup: str = ""
    memory_max_mib: int = 0
    """The limit of its cgroup; 0 is none."""
    called: str = ""
    """What it calls itself, if that is not its name here."""
    starts: tuple[str, ...] = ()
    """What processes that it starts call themselves, if not as it does."""

    @property
    def comm(self) -> str:
        """By which the tracer knows it and its children."""
        return self.called or self.name.split("-")[0]


@dataclass(frozen=True)
class Swap:
    """Swap space of a guest."""

    kind: str
    """`disk` or `zram`."""
    mib: int
    iops: int = 200


@dataclass(frozen=True)
class SecondDisk:
    """An empty file system that any user may write to, at `/second`. It is a disk of its own, so that nothing else
    waits for it."""

    mib: int
    mib_s: int
    """How much it reads and writes in a second."""
    iops: int = 200


@dataclass(frozen=True)
class Scenario:
    """One file."""

    name: str
    title: str
    why: str
    expect: str
    """`end`: a process has to be killed; `calm`: none has to be."""
    victims: tuple[str, ...] = ()
    """The actors that may be killed with all that they start, and started processes that may be. All others are
    innocent."""
    memory_mib: int = 512
    duration: float = 40
    quiet: float = 6
    """Seconds without trouble, once the culprits are gone, after which there is no more to see."""
    quick: bool = False
    known: str = ""
    """How Spillway fails here today, and in which issue that is. Such a failure does not fail the command."""
    agent_at: float = AGENT_AT
    """Seconds of the scene at which the agent starts."""
    disk_iops: int = 500
    swap: Swap | None = None
    second_disk: SecondDisk | None = None
    protect: tuple[str, ...] = ()
    """Actors that the operator protects, in the way of each agent."""
    domains: tuple[str, ...] = ()
    """Cgroups that the operator has watched as memory domains, where an agent can."""
    setup: str = ""
    """Shell, run in the guest before anything else."""
    actors: tuple[Actor, ...] = field(default=())

    @property
    def victim_comms(self) -> set[str]:
        """By which the tracer knows the right victims."""
        whole = {comm for actor in self.actors if actor.name in self.victims for comm in (actor.comm, *actor.starts)}
        return whole | {comm for actor in self.actors for comm in actor.starts if comm in self.victims}

    @property
    def culprit_comms(self) -> set[str]:
        """By which the tracer knows all that no harm is done to: the right victims, and what belongs to culprits."""
        culprits = [actor for actor in self.actors if actor.role == "culprit"]
        return self.victim_comms | {comm for actor in culprits for comm in (actor.comm, *actor.starts)}


TABLES = {"swap": Swap, "second_disk": SecondDisk}
"""Keys that are tables of their own."""


def load_all(names: list[str] | None = None, quick: bool = False) -> list[Scenario]:
    """The scenarios in the order of their files' names.

    Raises `Mistake` if a file has one, or a name is nobody's.
    """
    paths = sorted(places.SCENARIOS.glob("*.toml"))
    known = [path.stem for path in paths]
    for name in names or []:
        if name not in known:
            raise Mistake(f"no scenario {name!r}; {_nearest(name, known)}")
    scenarios = [_load(path) for path in paths if not names or path.stem in names]
    return [scenario for scenario in scenarios if scenario.quick or not quick]


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.4)
    return f"{near[0]!r} is the nearest" if near else "there are: " + ", ".join(sorted(known))


def _load(path: Path) -> Scenario:
    cast = tomllib.loads((places.ARENA / "cast.toml").read_text())["actor"]
    try:
        table = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise Mistake(f"{path}: {error}") from error
    left_out = table.pop("leave_out", [])
    own = table.pop("actor", [])
    replaced = {actor.get("name") for actor in own} | set(left_out)
    actors = [{"at": BEFORE, **actor} for actor in cast if actor["name"] not in replaced] + own
    built = {key: _build(kind, table.pop(key), f"{path}: {key}") for key, kind in TABLES.items() if key in table}
    table["name"] = path.stem
    built["actors"] = tuple(_build(Actor, actor, f"{path}: actor {actor.get('name')!r}") for actor in actors)
    scenario: Scenario = _build(Scenario, table, str(path), built)
    _check(scenario, str(path))
    return scenario


def _build(kind: type, table: Any, place: str, built: Mapping[str, Any] | None = None) -> Any:
    if not isinstance(table, dict):
        raise Mistake(f"{place} is {table!r}; it has to be a table")
    known = {part.name: part.type for part in fields(kind)}
    for key, value in table.items():
        if key not in known:
            raise Mistake(f"{place}: no key {key!r}; {_nearest(key, list(known))}")
        fitting, words = FITTING.get(known[key], (list | tuple, "a list"))
        if not isinstance(value, fitting):
            raise Mistake(f"{place}: {key} is {value!r}; it has to be {words}")
    try:
        simple = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
        return kind(**simple, **(built or {}))
    except TypeError as error:
        raise Mistake(f"{place}: {error}") from error


def _check(scenario: Scenario, place: str) -> None:
    names = [actor.name for actor in scenario.actors]
    for actor in scenario.actors:
        if actor.role not in ROLES:
            raise Mistake(f"{place}: actor {actor.name!r}: role is {actor.role!r}; it can be one of {', '.join(ROLES)}")
        if bool(actor.run) == bool(actor.program):
            raise Mistake(f"{place}: actor {actor.name!r}: needs either 'run' or 'program'")
        if actor.arguments and not actor.program:
            raise Mistake(f"{place}: actor {actor.name!r}: 'arguments' belong to 'program'")
        for comm in (actor.comm, *actor.starts):
            if len(comm.encode()) > 15:
                raise Mistake(f"{place}: actor {actor.name!r}: the kernel keeps 15 bytes of {comm!r}")
    if len(set(names)) != len(names):
        raise Mistake(f"{place}: two actors have one name")
    started = [comm for actor in scenario.actors for comm in actor.starts]
    for key, possible in (("victims", names + started), ("protect", names)):
        for name in getattr(scenario, key):
            if name not in possible:
                raise Mistake(f"{place}: {key}: no actor {name!r}; {_nearest(name, possible)}")
    if scenario.expect not in ("end", "calm"):
        raise Mistake(f"{place}: expect is {scenario.expect!r}; it can be 'end' or 'calm'")
    if scenario.expect == "end" and not scenario.victims:
        raise Mistake(f"{place}: expect = 'end' needs 'victims'")
    if scenario.swap and scenario.swap.kind not in ("disk", "zram"):
        raise Mistake(f"{place}: swap: kind is {scenario.swap.kind!r}; it can be 'disk' or 'zram'")

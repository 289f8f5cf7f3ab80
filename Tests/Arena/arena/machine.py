"""One guest: what it is given, and its life from start to end."""

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from . import places
from .agents import Agent
from .archive import Archive
from .scenario import USER_SCOPE, Actor, Scenario

SETTLE = {False: 5.0, True: 10.0}
"""Seconds from the start of the cast to the scene, by whether systemd starts it."""

AGENT_BEFORE = 2.0
"""Seconds before the scene at which the agent starts. By then the cast has what it wants: an agent that saw a database
fill its pool would take it for a leak, which here, where nothing is a month old, would be an accident of the guest."""

BOOT_LIMIT = 120.0
"""Seconds beyond the scene after which a guest is ended, whatever it does."""


@dataclass(frozen=True)
class Life:
    """What is left of a guest."""

    report: list[str]
    """The referee's lines."""
    console: str
    ended_itself: bool
    took: float
    load_before: float
    """The host's load average over the last minute when the guest started."""
    load_after: float


def run(scenario: Scenario, agent: Agent, policy: Path) -> Life:
    """Starts a guest and waits for its end, which it reaches in any case."""
    folder = places.BUILD / "guest"
    folder.mkdir(parents=True, exist_ok=True)
    initrd, report, console = folder / "initrd", folder / "report", folder / "console"
    initrd.write_bytes(_initrd(scenario, agent, policy))
    report.unlink(missing_ok=True)
    console.unlink(missing_ok=True)
    limit = BOOT_LIMIT + SETTLE[agent.under_systemd] + scenario.duration
    load_before, start = os.getloadavg()[0], time.monotonic()
    with subprocess.Popen(
        _command(scenario, agent, initrd, report, console, folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as guest:
        try:
            _, errors = guest.communicate(timeout=limit)
            ended_itself = True
        except subprocess.TimeoutExpired:
            ended_itself = False
        finally:
            guest.kill()
    if ended_itself and guest.returncode != 0:
        raise SystemExit(f"arena: QEMU ended with {guest.returncode}: {errors.decode(errors='replace')}")
    return Life(
        report.read_text(errors="replace").splitlines() if report.exists() else [],
        console.read_text(errors="replace") if console.exists() else "",
        ended_itself,
        time.monotonic() - start,
        load_before,
        os.getloadavg()[0],
    )


def _command(
    scenario: Scenario, agent: Agent, initrd: Path, report: Path, console: Path, folder: Path
) -> list[str | Path]:
    disk = places.DEBIAN_DISK if agent.under_systemd else places.DISK
    # Five seconds' worth may go at once, so that the guest is not long in starting.
    limits = f"throttling.iops-total={scenario.disk_iops},throttling.iops-total-max={scenario.disk_iops * 2}"
    words: list[str | Path] = [
        "qemu-system-x86_64",
        "-accel",
        "tcg,thread=multi",
        "-smp",
        "2",
        "-m",
        f"{scenario.memory_mib}M",
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-no-reboot",
        "-kernel",
        places.KERNEL,
        "-initrd",
        initrd,
        "-append",
        "console=ttyS0 loglevel=4 cgroup_no_v1=all panic=-1 tsc=reliable systemd.show_status=false",
        "-serial",
        f"file:{console}",
        "-serial",
        f"file:{report}",
        "-drive",
        f"file={disk},format=raw,if=none,id=root,snapshot=on,{limits}",
        "-device",
        "virtio-blk-pci,drive=root",
    ]
    if scenario.swap and scenario.swap.kind == "disk":
        swap = folder / "swap"
        swap.unlink(missing_ok=True)
        with swap.open("wb") as stream:
            stream.truncate(scenario.swap.mib << 20)
        words += [
            "-drive",
            f"file={swap},format=raw,if=none,id=swap,throttling.iops-total={scenario.swap.iops}",
            "-device",
            "virtio-blk-pci,drive=swap",
        ]
    return words


def _initrd(scenario: Scenario, agent: Agent, policy: Path) -> bytes:
    archive = Archive()
    for program in ("workload", "referee", "appender"):
        archive.add_file(f"stage/{program}", places.PROGRAMS / program)
    archive.add_file("stage/init-second", places.GUEST / "init-second")
    archive.add("stage/setup", _setup(scenario, agent).encode())
    archive.add("stage/plan", _plan(scenario, agent).encode())
    if agent.prepare:
        agent.prepare(archive, scenario, policy)
    first = places.INITRAMFS.read_bytes()
    return first + bytes(-len(first) % 4) + archive.finish()


def _setup(scenario: Scenario, agent: Agent) -> str:
    lines = ["set -eu"]
    if scenario.swap and scenario.swap.kind == "zram":
        lines += [
            f"echo {scenario.swap.mib}M >/sys/block/zram0/disksize",
            "/bin/busybox mkswap /dev/zram0 >/dev/null",
            "/bin/busybox swapon /dev/zram0",
        ]
    elif scenario.swap:
        lines += ["/bin/busybox mkswap /dev/vdb >/dev/null", "/bin/busybox swapon /dev/vdb"]
    if not agent.under_systemd:
        cgroups = {_cgroup(actor) for actor in scenario.actors}
        if agent.unit:
            cgroups.add(f"/system.slice/{agent.unit}")
        lines += [f"/bin/busybox mkdir -p /sys/fs/cgroup{cgroup}" for cgroup in sorted(cgroups)]
        for actor in scenario.actors:
            if actor.memory_max_mib:
                lines += _limit(_cgroup(actor), actor.memory_max_mib)
    return "\n".join([*lines, scenario.setup, ""])


def _limit(cgroup: str, mib: int) -> list[str]:
    """Shell that gives a cgroup a limit, for which each one above it has to hand down the controller."""
    lines, path = [], "/sys/fs/cgroup"
    for part in cgroup.split("/")[1:]:
        lines.append(f"echo +memory >{path}/cgroup.subtree_control")
        path += f"/{part}"
    return [*lines, f"echo {mib}M >{path}/memory.max"]


def _cgroup(actor: Actor) -> str:
    return actor.cgroup or USER_SCOPE.format(name=actor.name)


def _plan(scenario: Scenario, agent: Agent) -> str:
    lines = [
        ["settle", _ms(SETTLE[agent.under_systemd])],
        ["duration", _ms(scenario.duration)],
        ["quiet", _ms(scenario.quiet)],
    ]
    if agent.unit:
        lines.append(["agent", f"/system.slice/{agent.unit}"])
    if agent.command:
        lines.append(
            [
                "actor",
                "agent",
                "agent",
                _ms(-AGENT_BEFORE),
                "0",
                str(agent.adj),
                "0",
                f"/system.slice/{agent.unit}",
                *agent.command(scenario),
            ]
        )
    lines += [_actor_line(scenario, agent, actor) for actor in scenario.actors]
    return "".join("\t".join(line) + "\n" for line in lines)


def _actor_line(scenario: Scenario, agent: Agent, actor: Actor) -> list[str]:
    adj = agent.protected_adj if actor.name in scenario.protect and agent.protected_adj else actor.adj
    command = [actor.program] if actor.program else ["/stage/workload", *actor.run, f"name={actor.comm}"]
    cgroup, uid = _cgroup(actor), actor.uid
    if agent.under_systemd:
        slice_name = cgroup.split("/")[-2]
        command = [
            "/usr/bin/systemd-run",
            "--scope",
            "--quiet",
            "--collect",
            f"--slice={slice_name}",
            f"--unit={actor.name}",
            f"--uid={uid}",
            "--",
            *command,
        ]
        if actor.memory_max_mib:
            command[1:1] = [f"--property=MemoryMax={actor.memory_max_mib}M"]
        if actor.name in scenario.protect:
            command[1:1] = ["--property=ManagedOOMPreference=omit"]
        cgroup, uid = "-", 0
    restart = "1" if actor.role == "critical" else "0"
    return ["actor", actor.name, actor.role, _ms(actor.at), str(uid), str(adj), restart, cgroup, *command]


def _ms(seconds: float) -> str:
    return str(int(seconds * 1000))

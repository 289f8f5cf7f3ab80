"""One guest: what it is given, and its life from start to end."""

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from . import image, places
from .agents import Agent
from .archive import Archive
from .scenario import USER_SCOPE, Actor, Scenario, SecondDisk

SETTLE = {False: 5.0, True: 10.0}
"""Seconds from the start of the cast to the scene, by whether systemd starts it."""

START_LIMIT = {False: 90.0, True: 180.0}
"""Seconds in which a guest comes to its scene, by whether it has systemd; it takes 10 and 35 on a host of its own."""

END_LIMIT = 60.0
"""Seconds beyond the scene after which a guest is ended, whatever it does."""

ATTEMPTS = 3
"""Emulated processors lock up at boot once in a while, before any agent has had a part in it: 1 of 90 guests did."""


@dataclass(frozen=True)
class Life:
    """What is left of a guest."""

    report: list[str]
    """The referee's lines."""
    console: str
    came_to_scene: bool
    attempts: int
    """How many guests it took until one came to its scene."""
    took: float
    load_before: float
    """The host's load average over the last minute when the guest started."""
    load_after: float


def run(scenario: Scenario, agent: Agent, policy: Path, folder: Path) -> Life:
    """Starts a guest and waits for its end, which it reaches in any case; another one if it never came to its scene.

    The folder is the guest's alone, and what is in it goes.
    """
    for attempt in range(1, ATTEMPTS + 1):
        life = _live(scenario, agent, policy, folder, attempt)
        if life.came_to_scene:
            break
    return life


def _live(scenario: Scenario, agent: Agent, policy: Path, folder: Path, attempt: int) -> Life:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    initrd, report, console = folder / "initrd", folder / "report", folder / "console"
    initrd.write_bytes(_initrd(scenario, agent, policy, folder))
    load_before, start = os.getloadavg()[0], time.monotonic()
    with (folder / "errors").open("wb") as errors:
        guest = subprocess.Popen(
            _command(scenario, agent, initrd, report, console, folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
    try:
        came = _wait(guest, report, START_LIMIT[agent.under_systemd], scenario.duration + END_LIMIT)
    finally:
        guest.kill()
        guest.wait()
    # Negative is the signal by which it was just ended.
    if guest.returncode > 0:
        raise SystemExit(f"arena: QEMU ended with {guest.returncode}: {(folder / 'errors').read_text()}")
    return Life(
        _text(report).splitlines(),
        _text(console),
        came,
        attempt,
        time.monotonic() - start,
        load_before,
        os.getloadavg()[0],
    )


def _wait(guest: subprocess.Popen[bytes], report: Path, to_start: float, to_end: float) -> bool:
    """Until a guest ends or its time is over; whether it came to its scene, or told why not."""
    came, deadline = False, time.monotonic() + to_start
    while time.monotonic() < deadline:
        try:
            guest.wait(timeout=0.5)
            break
        except subprocess.TimeoutExpired:
            if not came and _has_begun(report):
                came, deadline = True, time.monotonic() + to_end
    return came or _has_begun(report)


def _has_begun(report: Path) -> bool:
    return any(line.startswith(("scene ", "failed ")) for line in _text(report).splitlines())


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def _command(
    scenario: Scenario, agent: Agent, initrd: Path, report: Path, console: Path, folder: Path
) -> list[str | Path]:
    disk = places.DEBIAN_DISK if agent.under_systemd else places.DISK
    # Five seconds' worth may go at once, so that the guest is not long in starting.
    limits = f"throttling.iops-total={scenario.disk_iops},throttling.iops-total-max={scenario.disk_iops * 2}"
    words = [
        *qemu(scenario.memory_mib, initrd, disk, limits),
        "-no-reboot",
        "-serial",
        f"file:{console}",
        "-serial",
        f"file:{report}",
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
    if scenario.second_disk:
        words += _second_disk(scenario.second_disk, folder)
    return words


def _second_disk(disk: SecondDisk, folder: Path) -> list[str | Path]:
    path, empty = folder / "second", folder / "empty"
    empty.mkdir()
    image.make_file_system(empty, path, disk.mib)
    limits = f"throttling.iops-total={disk.iops},throttling.bps-total={disk.mib_s << 20}"
    return [
        "-drive",
        f"file={path},format=raw,if=none,id=second,{limits}",
        "-device",
        "virtio-blk-pci,drive=second",
    ]


def qemu(memory_mib: int, initrd: Path, disk: Path, limits: str = "") -> list[str | Path]:
    """The command of a guest, but for its serial lines. What it writes to its disk goes when it ends."""
    return [
        "qemu-system-x86_64",
        "-accel",
        "tcg,thread=multi",
        "-smp",
        "2",
        "-m",
        f"{memory_mib}M",
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-kernel",
        places.KERNEL,
        "-initrd",
        initrd,
        "-append",
        "console=ttyS0 loglevel=4 cgroup_no_v1=all panic=-1 tsc=reliable systemd.show_status=false",
        "-drive",
        ",".join(filter(None, [f"file={disk},format=raw,if=none,id=root,snapshot=on", limits])),
        "-device",
        "virtio-blk-pci,drive=root",
    ]


def _initrd(scenario: Scenario, agent: Agent, policy: Path, folder: Path) -> bytes:
    archive = Archive()
    for program in ("workload", "referee", "appender"):
        archive.add_file(f"stage/{program}", places.PROGRAMS / program)
    archive.add_file("stage/init-second", places.GUEST / "init-second")
    archive.add("stage/setup", _setup(scenario, agent).encode())
    archive.add("stage/plan", _plan(scenario, agent).encode())
    if agent.prepare:
        agent.prepare(archive, scenario, policy, folder)
    return start_with(archive)


def start_with(archive: Archive) -> bytes:
    """An initramfs that makes the disk's root the machine's, with these files in it."""
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
    if scenario.second_disk:
        device = "/dev/vdc" if scenario.swap and scenario.swap.kind == "disk" else "/dev/vdb"
        lines += [
            "/bin/busybox mkdir -p /second",
            f"/bin/busybox mount -t ext4 {device} /second",
            "/bin/busybox chmod 1777 /second",
        ]
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
    if agent.flights:
        lines.append(["flights", agent.flights])
    if agent.command:
        lines.append(
            [
                "actor",
                "agent",
                "agent",
                _ms(scenario.agent_at),
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
    command = ["/stage/workload", *actor.run, f"name={actor.comm}"]
    if actor.program:
        command = [actor.program, *actor.arguments]
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

"""Where things lie."""

from pathlib import Path

ARENA = Path(__file__).resolve().parent.parent
"""Tests/Arena."""

ROOT = ARENA.parent.parent
"""The repository."""

GUEST = ARENA / "guest"
SCENARIOS = ARENA / "scenarios"
CORPUS = ROOT / "Tests/Fixtures/flights"

BUILD = ROOT / "build" / "arena"
"""All that is made here; `make clean` removes it."""

KERNEL = BUILD / "vmlinuz"
INITRAMFS = BUILD / "initramfs.cpio.gz"
DISK = BUILD / "disk.ext4"
DEBIAN_DISK = BUILD / "debian.ext4"
PROGRAMS = BUILD / "programs"
RESULTS = BUILD / "results"

TOOL = ROOT / "build" / "bin" / "spillway"
AGENT = ROOT / "build" / "bin" / "spillwayd"


def flight(scenario: str) -> Path:
    """The flight of a scenario in the corpus."""
    return CORPUS / f"{scenario}.flight"

"""Where things lie."""

from pathlib import Path

FILES = Path(__file__).resolve().parent.parent / "files"
"""Tests/Guest/files."""

ROOT = FILES.parent.parent.parent
"""The repository."""

BUILD = ROOT / "build" / "guest"
"""All that is made here; `make clean` removes it."""

DISK = BUILD / "debian.ext4"
WORKLOAD = BUILD / "workload"
CONSOLE = BUILD / "console"
"""What the last guest's kernel said."""

"""Installs the package in a guest and checks what it does there, one line a check."""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from . import checks, debian, places
from .guest import Failed, Guest


def main() -> int:
    """What `make guest-test` starts; 1 if a check failed."""
    parser = argparse.ArgumentParser(prog="guest-test", description=__doc__)
    parser.add_argument("--setup", action="store_true", help="only make the guest's parts")
    parser.add_argument("--only", metavar="WORD", help="install and arm; else only checks with this word in their name")
    arguments = parser.parse_args()
    debian.make_all()
    if arguments.setup:
        return 0
    package = _package()
    begun, failed = time.monotonic(), 0
    with Guest(package) as guest:
        print(f"guest-test: {package.name} in a guest, up after {time.monotonic() - begun:.0f} s", flush=True)
        for check in checks.ALL:
            if arguments.only and check not in checks.NEEDED and arguments.only not in check.__name__:
                continue
            failed += not _try(check, guest)
    print(f"guest-test: {failed} failed, in {time.monotonic() - begun:.0f} s", flush=True)
    return 1 if failed else 0


def _package() -> Path:
    arch = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
    packages = sorted((places.ROOT / "build").glob(f"spillway_*_{arch}.deb"), key=lambda path: path.stat().st_mtime)
    if not packages:
        raise SystemExit("guest-test: no package; run `make deb` first")
    return packages[-1]


def _try(check: checks.Check, guest: Guest) -> bool:
    begun, name = time.monotonic(), check.__name__.replace("_", " ")
    try:
        seen, verdict = check(guest), "pass"
    except Failed as failure:
        seen, verdict = str(failure), "FAIL"
    print(f"{verdict}  {name} ({time.monotonic() - begun:.0f} s): {seen}", flush=True)
    if verdict == "FAIL":
        _, journal = guest.run("journalctl --no-pager --quiet --lines=12 --output=short-monotonic --unit=spillway")
        print("      " + "\n      ".join(journal.strip().splitlines()), flush=True)
        checks.recover(guest)
    return verdict == "pass"


if __name__ == "__main__":
    sys.exit(main())

"""One guest, and what is said to it: scripts go over a serial line, and their output comes back."""

import base64
import json
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

from arena import machine
from arena import places as arena_places
from arena.archive import Archive

from . import places

MEMORY_MIB = 512

BOOT_LIMIT = 240.0
"""Seconds until the guest answers; it takes 25 on a host of its own."""

SCRIPT_LIMIT = 230.0
"""Seconds for one script; the guest itself gives it 200."""

LONGEST_SCRIPT = 2900
"""Bytes: the guest's serial line holds 4095 of what was not read, and base64 makes four of three."""


class Failed(Exception):
    """A check has not seen what it should have."""


class Guest:
    """Runs from its making to the end of the `with`."""

    def __init__(self, package: Path) -> None:
        """Starts a guest with a package to install."""
        self._folder = Path(tempfile.mkdtemp(prefix="spillway-guest-"))
        self._number = 0
        self._boot = ""
        self._received = b""
        initrd = self._folder / "initrd"
        initrd.write_bytes(_initrd(package))
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self._folder / "line"))
        listener.listen(1)
        listener.settimeout(20)
        with (places.BUILD / "errors").open("wb") as errors:
            self._process = subprocess.Popen(
                [
                    *machine.qemu(MEMORY_MIB, initrd, places.DISK),
                    "-serial",
                    f"file:{places.CONSOLE}",
                    "-chardev",
                    f"socket,id=line,path={self._folder / 'line'}",
                    "-serial",
                    "chardev:line",
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        try:
            self._line, _ = listener.accept()
        except TimeoutError:
            self._end()
            raise SystemExit(f"guest-test: QEMU did not start: {(places.BUILD / 'errors').read_text()}") from None
        finally:
            listener.close()

    def __enter__(self) -> "Guest":
        """Waits until it answers."""
        try:
            self.wait_for_boot()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends it; what was written to its disk goes."""
        self._end()

    def wait_for_boot(self) -> None:
        """Until its system is up, after another boot than the last."""
        last = self._boot
        while self._boot == last:
            words = self._read_line(BOOT_LIMIT).split()
            if len(words) == 2 and words[0] == "ready":
                self._boot = words[1]

    def run(self, script: str) -> tuple[int, str]:
        """Exit code and output of a shell script."""
        self._number += 1
        text = f". /stage/lib.sh\n{script}\n".encode()
        if len(text) > LONGEST_SCRIPT:
            raise ValueError(f"a script of {len(text)} bytes does not fit: {script[:60]}")
        self._line.sendall(f"{self._number} {base64.b64encode(text).decode()}\n".encode())
        words = self._read_line(SCRIPT_LIMIT).split(" ")
        if len(words) != 3 or words[0] != str(self._number):
            raise SystemExit(f"guest-test: the guest answers {' '.join(words)[:200]!r} to script {self._number}")
        return int(words[1]), base64.b64decode(words[2]).decode(errors="replace")

    def do(self, script: str) -> str:
        """Output of a script that must succeed; its last lines are what is wrong if it does not."""
        code, output = self.run(script)
        if code != 0:
            tail = " | ".join(output.strip().splitlines()[-6:])
            raise Failed(f"exit code {code} of: {_first_line(script)}: {tail or 'no output'}")
        return output.strip()

    def records(self, after: int) -> list[dict]:
        """Records of the agent beyond so many lines; of decisions the candidates are left out."""
        text = self.do(
            f'tail -n +{after + 1} "$record" | sed \'s/"candidates": *\\[.*\\], *"considered"/"considered"/\''
        )
        return [json.loads(line) for line in text.splitlines()]

    def record_count(self) -> int:
        """How many records there are."""
        return int(self.do('wc -l <"$record"'))

    def reboot(self) -> None:
        """Starts the system anew, from the same disk."""
        self.do("systemctl --no-block reboot")
        self.wait_for_boot()

    def _read_line(self, limit: float) -> str:
        deadline = time.monotonic() + limit
        while b"\n" not in self._received:
            self._line.settimeout(max(0.1, deadline - time.monotonic()))
            try:
                some = self._line.recv(65536)
            except TimeoutError:
                raise SystemExit(f"guest-test: the guest does not answer; see {places.CONSOLE}") from None
            if not some:
                raise SystemExit(f"guest-test: the guest has ended; see {places.CONSOLE}")
            self._received += some
        line, self._received = self._received.split(b"\n", 1)
        return line.decode(errors="replace").rstrip("\r")

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def _first_line(script: str) -> str:
    return next((line.strip() for line in script.splitlines() if line.strip()), "")[:90]


def _initrd(package: Path) -> bytes:
    archive = Archive()
    archive.add_file("stage/spillway.deb", package, 0o644)
    archive.add_file("stage/workload", places.WORKLOAD)
    for name in ("channel", "lib.sh"):
        archive.add_file(f"stage/{name}", places.FILES / name)
    earlyoom = next((arena_places.BUILD / "packages").glob("earlyoom_*.deb"))
    archive.add_file("stage/earlyoom.deb", earlyoom, 0o644)
    return machine.start_with(archive)

"""An initramfs as the kernel takes it: the "newc" form of cpio (Documentation/driver-api/early-userspace)."""

import stat
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Archive:
    """Files, collected in memory."""

    _parts: list[bytes] = field(default_factory=list)
    _folders: set[str] = field(default_factory=set)
    _number: int = 0

    def add(self, name: str, content: bytes, mode: int = 0o644) -> None:
        """Adds a file, and the folders that lead to it."""
        parents = name.split("/")[:-1]
        for depth in range(1, len(parents) + 1):
            self._folder("/".join(parents[:depth]))
        self._entry(name, stat.S_IFREG | mode, content)

    def add_file(self, name: str, path: Path, mode: int = 0o755) -> None:
        """Adds a copy of the host's file `path`."""
        self.add(name, path.read_bytes(), mode)

    def add_console(self) -> None:
        """Without /dev/console the first process has no standard streams."""
        self._folder("dev")
        self._entry("dev/console", stat.S_IFCHR | 0o600, b"", device=(5, 1))

    def finish(self) -> bytes:
        """The archive's bytes. Several of them, one after the other, are one initramfs."""
        self._entry("TRAILER!!!", 0, b"")
        archive = b"".join(self._parts)
        return archive + bytes(-len(archive) % 512)

    def _folder(self, name: str) -> None:
        if name not in self._folders:
            self._folders.add(name)
            self._entry(name, stat.S_IFDIR | 0o755, b"")

    def _entry(self, name: str, mode: int, content: bytes, device: tuple[int, int] = (0, 0)) -> None:
        self._number += 1
        path = name.encode() + b"\0"
        numbers = (self._number, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(path), 0)
        head = b"070701" + b"".join(b"%08X" % number for number in numbers) + path
        self._parts += [head, bytes(-len(head) % 4), content, bytes(-len(content) % 4)]

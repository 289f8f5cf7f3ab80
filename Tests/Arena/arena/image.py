"""Makes the guests' parts from Debian's packages and our sources: kernel, initramfs, programs and disks.

Packages are unpacked below build/arena and never installed. A part that is there is kept; what it was made of is
written beside it, so that a change makes it anew.
"""

import gzip
import hashlib
import inspect
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from . import places
from .archive import Archive

PACKAGES = [
    "busybox-static",
    "earlyoom",
    "nohang",
    # nohang is a Python program.
    "python3-minimal",
    "python3.11-minimal",
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "libc6",
    "zlib1g",
    "libexpat1",
    "libffi8",
    # stress-ng is linked with more than it needs for memory.
    "stress-ng",
    "libapparmor1",
    "libbsd0",
    "libmd0",
    "libcrypt1",
    "libegl1",
    "libgles2",
    "libglvnd0",
    "libgbm1",
    "libdrm2",
    "libwayland-server0",
    "libipsec-mb1",
    "libjpeg62-turbo",
    "libjudydebian1",
    "libkmod2",
    "liblzma5",
    "libssl3",
    "libzstd1",
    "libsctp1",
    "libxxhash0",
]
KERNEL_PACKAGE = "linux-image-cloud-amd64"

MODULES = [
    "virtio_ring",
    "virtio",
    "virtio_pci_modern_dev",
    "virtio_pci_legacy_dev",
    "virtio_pci",
    "virtio_blk",
    "lzo-rle",
    "zsmalloc",
    "zram",
]
"""In the order of their dependencies, as insmod has no other way to know it."""

SOURCES = {"workload": ["workload.c", "families.c"], "referee": ["referee.c"]}
"""The guests' programs in C."""

DATA_MIB = {"service": 32, "text": 160, "big": 768}
"""Files on the disk: the service's, the one programs run in, and one larger than memory."""

FEDORAS_PRESSURE = "[Slice]\nManagedOOMMemoryPressure=kill\nManagedOOMMemoryPressureLimit=80%\n"

DEBIAN_FILES = {
    # systemd-oomd looks after nothing unless it is told to. This is what Fedora tells it (systemd-oomd-defaults).
    "etc/systemd/system/-.slice.d/oomd.conf": "[Slice]\nManagedOOMSwap=kill\n",
    "etc/systemd/system/system.slice.d/oomd.conf": FEDORAS_PRESSURE,
    "etc/systemd/system/user-.slice.d/oomd.conf": FEDORAS_PRESSURE,
    "etc/systemd/oomd.conf.d/duration.conf": "[OOM]\nDefaultMemoryPressureDurationSec=20s\n",
    "etc/hostname": "arena\n",
}

DISK_MIB = 1400
DEBIAN_DISK_MIB = 1700


def make_all(with_debian: bool) -> None:
    """Makes every part that is missing or made of something else than it would be now."""
    packages = make_start()
    make(places.PROGRAMS, [*sorted(places.GUEST.iterdir()), SOURCES, _compile_programs], _compile_programs)
    make(places.DISK, [_write_disk, *PACKAGES, DATA_MIB, DISK_MIB], lambda: _write_disk(packages))
    if with_debian:
        make(
            places.DEBIAN_DISK,
            [
                _write_debian_disk,
                bootstrap,
                write_unit,
                places.GUEST / "arena.service",
                DEBIAN_FILES,
                DATA_MIB,
                DEBIAN_DISK_MIB,
            ],
            _write_debian_disk,
        )


def make_start() -> Path:
    """Makes what every guest starts with, kernel and initramfs; where Debian's packages are unpacked."""
    places.BUILD.mkdir(parents=True, exist_ok=True)
    packages = unpacked_packages()
    make(
        places.INITRAMFS,
        [places.GUEST / "init-first", _write_initramfs, *MODULES],
        lambda: _write_initramfs(packages),
    )
    return packages


def say(text: str) -> None:
    """Tells how it goes."""
    print(f"arena: {text}", file=sys.stderr, flush=True)


def run(*words: str | Path, folder: Path | None = None) -> str:
    """What a program prints. Its failure ends this one."""
    result = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        command = " ".join(str(word) for word in words)
        raise SystemExit(f"arena: {command} failed with {result.returncode}:\n{result.stderr}{result.stdout}")
    return result.stdout


def make(part: Path, recipe: list[object], build: Callable[[], None]) -> None:
    """Builds a part unless it was built by this recipe: files, functions, and what else it depends on."""
    digest = hashlib.sha256()
    for item in recipe:
        if isinstance(item, Path):
            digest.update(item.name.encode() + item.read_bytes())
        else:
            digest.update((inspect.getsource(item) if inspect.isfunction(item) else repr(item)).encode())
    stamp = part.with_name(part.name + ".made-of")
    if part.exists() and stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    say(f"making {part.relative_to(places.ROOT)}")
    stamp.unlink(missing_ok=True)
    build()
    stamp.write_text(digest.hexdigest())


def unpacked_packages() -> Path:
    """Where Debian's packages are, and below `root` what is in them."""
    folder = places.BUILD / "packages"
    kernel = _kernel_package()
    complete, wanted = folder / "complete", "\n".join([kernel, *PACKAGES])
    if complete.exists() and complete.read_text() == wanted:
        return folder
    say("fetching Debian's packages")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    # apt fetches as a user of its own where it can; this folder may be beyond that one's reach.
    run("apt-get", "-o", "APT::Sandbox::User=root", "download", kernel, *PACKAGES, folder=folder)
    for package in sorted(folder.glob("*.deb")):
        run("dpkg-deb", "-x", package, folder / "root")
    shutil.copy(next((folder / "root/boot").glob("vmlinuz-*")), places.KERNEL)
    complete.write_text(wanted)
    return folder


def _kernel_package() -> str:
    for line in run("apt-cache", "depends", KERNEL_PACKAGE).splitlines():
        if "Depends: linux-image-" in line:
            return line.split()[-1]
    raise SystemExit(f"arena: apt knows no {KERNEL_PACKAGE}; try: apt-get update")


def compile_c(program: Path, *sources: Path) -> None:
    """Makes a program for guests, which have no library that fits."""
    run("cc", "-O2", "-static", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", program, *sources)


def _compile_programs() -> None:
    places.PROGRAMS.mkdir(exist_ok=True)
    for program, sources in SOURCES.items():
        compile_c(places.PROGRAMS / program, *(places.GUEST / source for source in sources))
    source = places.GUEST / "appender.go"
    cache = places.BUILD / "go-cache"
    run(
        "env",
        "CGO_ENABLED=0",
        f"GOCACHE={cache}",
        "GO111MODULE=off",
        "go",
        "build",
        "-o",
        places.PROGRAMS / "appender",
        source,
    )


def _write_initramfs(packages: Path) -> None:
    archive = Archive()
    archive.add_console()
    archive.add_file("bin/busybox", packages / "root/bin/busybox")
    archive.add_file("init", places.GUEST / "init-first")
    modules = next((packages / "root/lib/modules").iterdir())
    for module in MODULES:
        archive.add_file(f"modules/{module}.ko", next(modules.rglob(f"{module}.ko")), 0o644)
    archive.add("modules/order", "\n".join(MODULES).encode())
    with gzip.open(places.INITRAMFS, "wb", compresslevel=1) as stream:
        stream.write(archive.finish())


def _write_data(root: Path) -> None:
    noise = random.Random(1)
    (root / "data").mkdir(exist_ok=True)
    for name, mib in DATA_MIB.items():
        with (root / "data" / name).open("wb") as stream:
            for _ in range(mib):
                stream.write(noise.randbytes(1 << 20))


def _write_disk(packages: Path) -> None:
    root = places.BUILD / "disk"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(packages / "root", root, symlinks=True)
    for needless in ("boot", "lib/modules", "usr/share/doc", "usr/share/man"):
        shutil.rmtree(root / needless, ignore_errors=True)
    for folder in ("proc", "sys", "dev", "run", "mnt", "tmp", "var/log"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    (root / "bin/sh").symlink_to("busybox")
    # A shell by another name, so that a run can tell it from the scripts.
    (root / "bin/shell").symlink_to("busybox")
    _write_data(root)
    make_file_system(root, places.DISK, DISK_MIB)
    shutil.rmtree(root)


def _write_debian_disk() -> None:
    root = places.BUILD / "debian"
    bootstrap(root, ["systemd-oomd", "busybox-static", "stress-ng"])
    (root / "bin/shell").symlink_to("busybox")
    with (root / "etc/passwd").open("a") as stream:
        stream.write("arena-user:x:1000:1000::/:/bin/sh\narena-data:x:106:106::/:/bin/sh\n")
    for path, text in DEBIAN_FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    write_unit(root, places.GUEST / "arena.service")
    _write_data(root)
    make_file_system(root, places.DEBIAN_DISK, DEBIAN_DISK_MIB)
    shutil.rmtree(root)


def bootstrap(root: Path, packages: list[str]) -> None:
    """Makes a Debian root in which systemd is process 1, with these packages beside."""
    shutil.rmtree(root, ignore_errors=True)
    say("making a Debian root (some minutes)")
    include = ",".join(["systemd", "systemd-sysv", "dbus", *packages])
    run("debootstrap", "--variant=minbase", f"--include={include}", "bookworm", root)
    for needless in ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache/apt", "var/lib/apt/lists"):
        shutil.rmtree(root / needless, ignore_errors=True)
    default = root / "etc/systemd/system/default.target"
    default.unlink(missing_ok=True)
    default.symlink_to("/lib/systemd/system/multi-user.target")


def write_unit(root: Path, unit: Path) -> None:
    """Puts a unit into a Debian root, which starts it."""
    folder = root / "etc/systemd/system"
    shutil.copyfile(unit, folder / unit.name)
    wants = folder / "multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / unit.name).symlink_to(f"/etc/systemd/system/{unit.name}")


def make_file_system(root: Path, image: Path, mib: int) -> None:
    """Makes a disk of what lies below a folder."""
    image.unlink(missing_ok=True)
    with image.open("wb") as stream:
        stream.truncate(mib << 20)
    run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", "-d", root, image)

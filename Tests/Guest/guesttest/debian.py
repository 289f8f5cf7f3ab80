"""Makes the guest's disk and programs; a part that is there, and made of the same, is kept."""

import shutil

from arena import image
from arena import places as arena_places

from . import places

# What the package depends on, since the guest has no network, and what its files are for.
PACKAGES = ["libcap2", "libstdc++6"]

USERS = "leaker:x:1000:1000::/:/bin/sh\nreader:x:1001:1001::/:/bin/sh\n"
"""An ordinary user, and one of the group adm."""

DISK_MIB = 900


def make_all() -> None:
    """Makes every part that is missing or made of something else than it would be now."""
    image.make_start()
    places.BUILD.mkdir(parents=True, exist_ok=True)
    unit = places.FILES / "channel.service"
    image.make(
        places.DISK,
        [_write_disk, image.bootstrap, image.write_unit, unit, PACKAGES, USERS, DISK_MIB],
        _write_disk,
    )
    sources = [arena_places.GUEST / name for name in image.SOURCES["workload"]]
    headers = sorted(arena_places.GUEST.glob("*.h"))
    image.make(places.WORKLOAD, [*sources, *headers], lambda: image.compile_c(places.WORKLOAD, *sources))


def _write_disk() -> None:
    root = places.BUILD / "root"
    image.bootstrap(root, PACKAGES)
    with (root / "etc/passwd").open("a") as stream:
        stream.write(USERS)
    groups = root / "etc/group"
    groups.write_text(groups.read_text().replace("\nadm:x:4:\n", "\nadm:x:4:reader\n"))
    (root / "etc/hostname").write_text("guest\n")
    image.write_unit(root, places.FILES / "channel.service")
    image.make_file_system(root, places.DISK, DISK_MIB)
    shutil.rmtree(root)

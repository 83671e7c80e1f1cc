"""What a site has on disk, and by what it is bounded: its user's quota, a file system of its own, or nothing."""

from __future__ import annotations

import pwd
from dataclasses import dataclass
from pathlib import Path

from pressroom.model.walls import Space
from pressroom.system import images, mounts, process
from pressroom.system.quotas import Quotas

QUOTAS, IMAGE, NOTHING = "quotas", "image", "nothing"


@dataclass(frozen=True)
class Room:
    """``most`` is None where nothing bounds it, ``used`` where nothing counts it."""

    by: str = NOTHING
    used: Space | None = None
    most: Space | None = None


def room(home: Path, user: str) -> Room:
    """Of the site that lives in `home` and runs as the Unix user `user`."""
    if mounts.is_mounted(home):
        return Room(IMAGE, images.used(home), images.bounds(home))
    quotas = Quotas(home)
    if not quotas.enforced():
        return Room()
    try:
        used, most = quotas.used(pwd.getpwnam(user).pw_uid)
    except KeyError:
        return Room(QUOTAS)
    return Room(QUOTAS, used, most if most.bytes and most.files else None)


def file_system(path: Path) -> tuple[str, str]:
    """Where the file system that a path lies in is mounted, and its kind (findmnt(8))."""
    while not path.exists():
        path = path.parent
    return tuple(process.run(["findmnt", "--noheadings", "--output", "TARGET,FSTYPE", "--target", path]).stdout.split())  # type: ignore[return-value]

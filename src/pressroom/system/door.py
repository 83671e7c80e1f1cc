"""A way in for the sites' own users when the root folder lies in a closed home.

Debian's home folders (and /root) let nobody else in, but PHP, nginx and MariaDB run as users of their own. What lies
behind such a folder is bind-mounted below /run/pressroom, and used under that name; the home stays closed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from pressroom.model.errors import CommandFailed, NoRights
from pressroom.system import process

_FOLDER = Path("/run/pressroom")


def closed_parent(path: Path) -> Path | None:
    """The outermost folder above `path` that other users cannot pass; None when there is none."""
    for parent in reversed(path.parents):
        if parent.exists() and not parent.stat().st_mode & 0o001:
            return parent
    return None


class Door:
    """The mounts of one node, by its root folder as the user names it."""

    def __init__(self, root: Path) -> None:
        self._folder = _FOLDER / hashlib.sha256(str(root).encode()).hexdigest()[:8]

    def way_to(self, path: Path, name: str) -> Path:
        """`path` itself when everybody can reach it, else a mount of it, made when it is not there yet."""
        if closed_parent(path) is None:
            return path
        way = self._folder / name
        if not _is_mounted(way):
            way.mkdir(parents=True, exist_ok=True)
            try:
                process.run(["mount", "--bind", path, way])
            except CommandFailed as error:
                raise NoRights(
                    f"{closed_parent(path)} is closed to other users, and this machine does not let us mount",
                    hint="choose a folder outside of it: PRESSROOM_ROOT=/srv/pressroom",
                ) from error
        return way

    def way_if_made(self, path: Path, name: str) -> Path:
        """The same, without making one."""
        way = self._folder / name
        return way if _is_mounted(way) else path

    def shut(self) -> bool:
        """Take the mounts away. Whether there were any."""
        if not self._folder.exists():
            return False
        for way in self._folder.iterdir():
            while _is_mounted(way):
                process.run(["umount", "--lazy", way])
            way.rmdir()
        self._folder.rmdir()
        if not any(_FOLDER.iterdir()):
            _FOLDER.rmdir()
        return True


def _is_mounted(way: Path) -> bool:
    """By the kernel's own list (proc(5)): a bind mount within one file system looks like any folder to stat(2)."""
    return any(line.split()[4] == str(way) for line in Path("/proc/self/mountinfo").read_text().splitlines())

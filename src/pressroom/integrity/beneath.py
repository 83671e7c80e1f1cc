"""Opens what lies in a folder by its path's parts, each without following a link: nothing outside is ever reached."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: what was put in the file's place since it was looked at (a FIFO) must not make us wait.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def folder(name: str, at: int | None = None) -> int:
    """A descriptor. Raises OSError for a link or anything else that is no folder."""
    return os.open(name, _FOLDER, dir_fd=at)


@contextlib.contextmanager
def parent_of(top: int, path: str) -> Iterator[tuple[int, str]]:
    """The folder that the path's last name is in, and that name. Raises OSError, as for a path that leads out."""
    *folders, name = path.split("/")
    if any(part in ("", ".", "..") for part in (*folders, name)):
        raise OSError(errno.EINVAL, "no path below the folder", path)
    handle = os.dup(top)
    try:
        for each in folders:
            inner = folder(each, handle)
            os.close(handle)
            handle = inner
        yield handle, name
    finally:
        os.close(handle)


def file(name: str, at: int) -> int:
    """A descriptor of a regular file, which was looked at before it is opened. Raises OSError for anything else."""
    if not stat.S_ISREG(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode):
        raise OSError(errno.EINVAL, "no regular file", name)
    handle = os.open(name, _FILE, dir_fd=at)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "no regular file", name)
    return handle

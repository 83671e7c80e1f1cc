"""Takes a file out of a site's document root, and puts it back: as the site's user, behind its walls, by descriptors.

So whatever the site exchanges meanwhile, nothing but its own files can be read, removed or written by it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from typing import Any, BinaryIO

from pressroom.integrity import beneath
from pressroom.integrity.limits import MOST_DIGESTED

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 2**20


class Refused(Exception):
    """Its text says why, behind the path."""


class Taking:
    """A file that is held open until its copy is safe elsewhere. Raises Refused, OSError."""

    def __init__(self, top: int, path: str, digest: str | None) -> None:
        """`digest` is what it had when it was found; None: whatever it is."""
        self._stack = contextlib.ExitStack()
        with contextlib.ExitStack() as stack:
            self._parent, self._name = stack.enter_context(beneath.parent_of(top, path))
            file = stack.enter_context(os.fdopen(beneath.file(self._name, self._parent), "rb"))
            self.status = os.fstat(file.fileno())
            if self.status.st_uid != os.getuid():
                raise Refused("belongs to another user than the site's")
            self.content = file.read(MOST_DIGESTED + 1)
            if len(self.content) > MOST_DIGESTED:
                raise Refused(f"is larger than {MOST_DIGESTED // 2**20} MB")
            if digest is not None and hashlib.sha256(self.content).hexdigest() != digest:
                raise Refused("has changed since it was found")
            self._stack = stack.pop_all()

    def facts(self) -> dict[str, Any]:
        return {"size": len(self.content), "mode": self.status.st_mode & 0o777, "time": self.status.st_mtime_ns}

    def remove(self) -> None:
        """Raises Refused when another file has come into its place."""
        there = os.stat(self._name, dir_fd=self._parent, follow_symlinks=False)
        if (there.st_dev, there.st_ino) != (self.status.st_dev, self.status.st_ino):
            raise Refused("was exchanged while it was taken")
        os.unlink(self._name, dir_fd=self._parent)

    def close(self) -> None:
        self._stack.close()


def put(top: int, path: str, source: BinaryIO, *, size: int, mode: int, time: int) -> None:
    """Write a new file of so many bytes there, whole or not at all; `time` in nanoseconds.

    Raises Refused when anything is there already, OSError.
    """
    with beneath.parent_of(top, path) as (parent, name):
        beside = f".restored-{secrets.token_hex(8)}"
        handle = os.open(beside, _NEW, 0o600, dir_fd=parent)
        try:
            with os.fdopen(handle, "wb") as file:
                left = size
                while left and (chunk := source.read(min(left, _CHUNK))):
                    file.write(chunk)
                    left -= len(chunk)
                if left:
                    raise Refused("did not come whole")
                file.flush()
                os.fchmod(file.fileno(), mode & 0o777)
                os.utime(file.fileno(), ns=(time, time))
                os.fsync(file.fileno())
            try:
                os.link(beside, name, src_dir_fd=parent, dst_dir_fd=parent, follow_symlinks=False)
            except FileExistsError:
                raise Refused("is there already: something else has come into its place") from None
        finally:
            with contextlib.suppress(OSError):
                os.unlink(beside, dir_fd=parent)

"""Caps of what a Unix user may have on one file system, where the kernel counts it: user quotas (quotactl(2)).

Only hard limits: what goes beyond fails at once, with EDQUOT. The file system is known by a folder in it
(quotactl_fd(2), Linux 5.14), so that neither its device nor its place among the mounts has to be found.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import pwd
from collections.abc import Iterator
from pathlib import Path

from pressroom.model.walls import Space

# linux/quota.h and linux/dqblk_xfs.h; the command stands above the kind of quota (0: users).
_GET, _SET, _STATE = 0x800007 << 8, 0x800008 << 8, (ord("X") << 8 | 8) << 8
_ENFORCED = 2  # FS_QUOTA_UDQ_ENFD
_LIMITS = 1 | 4  # QIF_BLIMITS | QIF_ILIMITS
_BLOCK = 1024  # bytes
_CALL = 443  # quotactl_fd, on all machines (asm-generic/unistd.h)
# Not there, not compiled in, or not for this file system.
_NONE = frozenset({errno.ENOSYS, errno.ESRCH, errno.ENOTSUP, errno.EINVAL, errno.ENOTTY})
_libc = ctypes.CDLL(None, use_errno=True)


class _Entry(ctypes.Structure):
    """struct if_dqblk. Limits in blocks of 1 KiB, what is used in bytes."""

    _fields_ = [
        *((name, ctypes.c_uint64) for name in ("block_hard", "block_soft", "bytes_used")),
        *((name, ctypes.c_uint64) for name in ("file_hard", "file_soft", "files_used", "block_time", "file_time")),
        ("valid", ctypes.c_uint32),
    ]


class _State(ctypes.Structure):
    """struct fs_quota_statv: its version, which we say, and its flags. The rest is not looked at."""

    _fields_ = [
        *(("version", ctypes.c_int8), ("_pad", ctypes.c_uint8), ("flags", ctypes.c_uint16)),
        ("_rest", ctypes.c_uint8 * 252),
    ]


class Quotas:
    """Those of the file system that a folder lies in; the folder, or one above it, must be there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def enforced(self) -> bool:
        """Whether limits hold here."""
        state = _State(version=1)
        try:
            self._call(_STATE, 0, state)
        except OSError as error:
            if error.errno in _NONE:
                return False
            raise
        return bool(state.flags & _ENFORCED)

    def used(self, user: int) -> tuple[Space, Space]:
        """What a user, by number, has, and its bound (zeros: none). Raises OSError where nothing is counted."""
        entry = _Entry()
        self._call(_GET, user, entry)
        return Space(entry.bytes_used, entry.files_used), Space(entry.block_hard * _BLOCK, entry.file_hard)

    def limit(self, user: int, most: Space) -> None:
        """Bound a user, by number; with zeros, no more. What lies there already stays. Raises OSError."""
        self._call(_SET, user, _Entry(block_hard=most.bytes // _BLOCK, file_hard=most.files, valid=_LIMITS))

    def _call(self, command: int, user: int, data: ctypes.Structure) -> None:
        with self._opened() as handle:
            if _libc.syscall(_CALL, handle, ctypes.c_uint(command), user, ctypes.byref(data)) != 0:
                number = ctypes.get_errno()
                raise OSError(number, f"quotactl: {os.strerror(number)}", str(self._folder))

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        folder = self._folder
        while not folder.exists():
            folder = folder.parent
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield handle
        finally:
            os.close(handle)


def lift(folder: Path, user: str) -> None:
    """A user's bound, before another user may get its number."""
    quotas = Quotas(folder)
    with contextlib.suppress(KeyError):
        number = pwd.getpwnam(user).pw_uid
        if quotas.enforced():
            quotas.limit(number, Space(0, 0))

"""Who has how many connections to a server, by the user that made them, whatever they say there or do not.

MariaDB counts an account's connections once it knows whose they are: those that never say so it does not, nor one whose
change of user it has refused. Linux knows the maker of each (SO_PEERCRED, unix(7)), and tells it to who holds the other
end; root may take a copy of that (pidfd_getfd(2)).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import pwd
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil

from pressroom.system.peer import peer_of

_FEW = 100  # threads, of which each connection has one: then nobody lacks any
_PIDFD_GETFD = 438  # of all architectures
_libc = ctypes.CDLL(None, use_errno=True)


class Crowd:
    """Of one server, by the file with its process's number."""

    def __init__(self, pid_file: Path) -> None:
        self._pid_file = pid_file

    def connections(self) -> dict[str, int]:
        """Each user's; none while there are few of all, while the server is down, or where that may not be known."""
        found: Counter[int] = Counter()
        with contextlib.suppress(OSError, ValueError, psutil.Error):
            pid = int(self._pid_file.read_text())
            if psutil.Process(pid).num_threads() > _FEW:
                found = Counter(_makers(pid))
        users = {}
        for uid, number in found.items():
            with contextlib.suppress(KeyError):
                users[pwd.getpwuid(uid).pw_name] = number
        return users


def _makers(pid: int) -> Iterator[int]:
    """The user of each Unix socket's other end."""
    server = os.pidfd_open(pid)
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                if str(entry.readlink()).startswith("socket:"):
                    with socket.socket(fileno=_copied(server, int(entry.name))) as copy:
                        if copy.family == socket.AF_UNIX:
                            yield peer_of(copy).uid
    finally:
        os.close(server)


def _copied(server: int, descriptor: int) -> int:
    copy = int(_libc.syscall(_PIDFD_GETFD, server, descriptor, 0))
    if copy < 0:
        number = ctypes.get_errno()
        raise FileNotFoundError if number == errno.EBADF else OSError(number, os.strerror(number))
    return copy

"""What must exist a second time: a file to which lines are only ever appended, and the machine's log."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pressroom.system import files

_LONGEST_LINE = 2**18  # bytes
_MACHINE_LOG = Path("/dev/log")
_AUTHPRIV_NOTICE = 10 << 3 | 5  # syslog(3)


@dataclass(frozen=True)
class Appending:
    """A file whose lock we hold. ``end``: its last lines, the first of which may be cut."""

    end: list[str]
    _handle: int

    def append(self, lines: Iterable[str]) -> None:
        """On disk when this returns."""
        text = "".join(f"{line}\n" for line in lines).encode()
        while text:
            text = text[os.write(self._handle, text) :]
        os.fsync(self._handle)


@contextlib.contextmanager
def appending(path: Path) -> Iterator[Appending]:
    """For its owner alone to read. Raises NoSpace, NoRights."""
    with files.explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            size = os.fstat(handle).st_size
            end = os.pread(handle, _LONGEST_LINE, max(0, size - _LONGEST_LINE)).decode(errors="replace")
            if end and not end.endswith("\n"):
                os.write(handle, b"\n")  # the disk was full, or the power went
            yield Appending(end.splitlines(), handle)
        finally:
            os.close(handle)


def tell_machine(text: str, log: Path = _MACHINE_LOG) -> None:
    """To syslog, where there is one: it may send a copy to another machine. It is not waited for."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
        wire.setblocking(False)
        wire.sendto(f"<{_AUTHPRIV_NOTICE}>pressroom[{os.getpid()}]: {text}".encode(), str(log))

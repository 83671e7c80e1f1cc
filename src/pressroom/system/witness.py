"""What must exist a second time: a file to which lines are only ever appended, and the machine's log."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pressroom.model.trail import Line, Sealed
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
    """For its owner and its folder's group to read. Raises NoSpace, NoRights."""
    with files.explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            size = os.fstat(handle).st_size
            end = os.pread(handle, _LONGEST_LINE, max(0, size - _LONGEST_LINE)).decode(errors="replace")
            if end and not end.endswith("\n"):
                os.write(handle, b"\n")  # the disk was full, or the power went
            yield Appending(end.splitlines(), handle)
        finally:
            os.close(handle)


def copy_lines(rows: Sequence[Sealed], path: Path, *, anyway: bool = False) -> int | None:
    """Append to the copy those of these last lines of the trail that it lacks.

    Returns the number of its last line (0: it has none) where it cannot be told from these which those are; with
    `anyway` the last of them is appended then, and the trail's reader is told what is missing. None where all is well.
    Lines that it has and the trail has not, stay.
    """
    with appending(path) as copy:
        last = _last(copy.end)
        there = [n for n, row in enumerate(rows, 1) if (row.number, row.hash) == last]
        if there:
            copy.append(row.as_copied() for row in rows[there[0] :])
        elif rows and rows[0].number == (last[0] if last else 0) + 1:
            copy.append(row.as_copied() for row in rows)
        elif anyway:
            copy.append(row.as_copied() for row in rows[-1:])
        else:
            return last[0] if last else 0
    return None


def _last(lines: list[str]) -> tuple[int, str] | None:
    """Number and hash of the last line that is whole."""
    for line in reversed(lines):
        digest, _, text = line.partition(" ")
        with contextlib.suppress(ValueError, RecursionError):
            number = Line.read(text).number
            if Sealed(number, text, digest).read() is not None:
                return number, digest
    return None


def tell_machine(text: str, log: Path = _MACHINE_LOG) -> None:
    """To syslog, where there is one: it may send a copy to another machine. It is not waited for."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
        wire.setblocking(False)
        wire.sendto(f"<{_AUTHPRIV_NOTICE}>pressroom[{os.getpid()}]: {text}".encode(), str(log))

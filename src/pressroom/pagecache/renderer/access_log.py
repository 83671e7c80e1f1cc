"""The log of all sites' visits as nginx writes it (format `site` of nginx.conf.j2), read on from the last look."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import BinaryIO, NamedTuple

# Bytes a look. Of a busier log that many are read in pieces from all over what came, so that one site's flood hides no
# other's visits.
_LONGEST_READ = 2**21
_PIECE = 2**16
LINE = re.compile(
    rb'^(s\d+) (\d+)\.\d+ (\d{3}) "([a-z]*)(?:; reason=([a-z]+))?" (\d+\.\d{3}) (\d+) ([A-Z_-]+) (\S+)$', re.MULTILINE
)


class Visit(NamedTuple):
    """One line: the site's short name, its end (Unix seconds), status, hit, miss, bypass, asset or refused, why it
    was a bypass, how long it took from its first byte to the last one of the answer (seconds, three decimals), bytes of
    the body, and the request.
    """

    site: bytes
    at: bytes
    status: bytes
    state: bytes
    reason: bytes
    seconds: bytes
    size: bytes
    method: bytes
    target: bytes


class Place(NamedTuple):
    """Up to where a log was read: its inode, and bytes from its beginning."""

    inode: int
    offset: int


class Look(NamedTuple):
    """What came since the last look; each of ``visits`` stands for ``weight`` of them (above 1: a part was read)."""

    visits: list[Visit]
    weight: float


class AccessLog:
    """``place`` is where the last look ended, None before the first. What was put aside (``.1``) since then is read to
    its end first.
    """

    def __init__(self, path: Path, place: Place | None = None) -> None:
        self._path = path
        self.place = place

    def look(self) -> Look:
        """A log that is missing counts as empty, another of its name as new; of one not seen before the end is read."""
        aside = self._path.with_name(f"{self._path.name}.1")
        if self.place is not None and (rest := self._read(aside, only=self.place.inode)).visits:
            return rest
        return self._read(self._path)

    def _read(self, path: Path, only: int | None = None) -> Look:
        """`only` if it is this file, by its inode."""
        try:
            with path.open("rb") as file:
                inode, end = os.fstat(file.fileno()).st_ino, file.seek(0, 2)
                if only is not None and inode != only:
                    return Look([], 1.0)
                if self.place is None:
                    begin = max(0, end - _LONGEST_READ)
                else:
                    begin = self.place.offset if self.place.inode == inode and self.place.offset <= end else 0
                pieces = _pieces(file, begin, end)
        except OSError:
            return Look([], 1.0)
        last = pieces[-1]
        whole = last[: last.rfind(b"\n") + 1]
        self.place = Place(inode, end - (len(last) - len(whole)))
        text = b"\n".join([*pieces[:-1], whole])
        read = sum(len(piece) for piece in pieces)
        return Look(list(map(Visit._make, LINE.findall(text))), max(1.0, (end - begin) / max(1, read)))


def _pieces(file: BinaryIO, begin: int, end: int) -> list[bytes]:
    """What lies between, or so much of it as may be read: the last one reaches to the end. Lines may be cut."""
    if end - begin <= _LONGEST_READ:
        file.seek(begin)
        return [file.read(end - begin)]
    count = _LONGEST_READ // _PIECE
    step = (end - begin) // count
    found = []
    for number in range(1, count + 1):
        file.seek(end - (count - number) * step - _PIECE)
        found.append(file.read(_PIECE))
    return found

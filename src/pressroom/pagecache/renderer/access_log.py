"""The sites' access logs as nginx writes them (format `site` of nginx.conf.j2), read on from the last look."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

_LONGEST_READ = 256 * 1024  # bytes a look and site; of a busier log only the newest part is read
LINE = re.compile(
    rb'^(\d+)\.\d+ (\d{3}) "([a-z]*)(?:; reason=([a-z]+))?" (\d+\.\d{3}) (\d+) ([A-Z_-]+) (\S+)$', re.MULTILINE
)


class Visit(NamedTuple):
    """One line: when it ended (Unix seconds), status, hit, miss, bypass or asset, why it was a bypass, how long it took
    from its first byte to the last one of the answer (seconds, three decimals), bytes of the body, and the request.
    """

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
    """One site's. ``place`` is where the last look ended, None before the first. What was put aside (``.1``) since then
    is read to its end first.
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
                file.seek(max(begin, end - _LONGEST_READ))
                text = file.read(min(end - begin, _LONGEST_READ))
        except OSError:
            return Look([], 1.0)
        whole = text[: text.rfind(b"\n") + 1]
        self.place = Place(inode, end - (len(text) - len(whole)))
        return Look(list(map(Visit._make, LINE.findall(whole))), max(1.0, (end - begin) / max(1, len(text))))

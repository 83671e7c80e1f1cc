"""When WordPress's next scheduled event is due, from the option ``cron`` as PHP serialised it. Pure.

The bytes come from tenants. The walk below keeps a counter instead of recursing, builds no objects and stops at a
bound, so that neither depth nor size can cost more than some milliseconds; it also passes over objects and references,
which the arguments of an event may hold (phpserialize refuses references and needs about a second a megabyte).
"""

from __future__ import annotations

import re

LARGEST_VALUE = 4 * 1024 * 1024  # bytes
_MOST_VALUES = 50_000  # read at the most; WordPress sorts the array by time, so what comes later is due later
_SCALAR = re.compile(rb"i:[+-]?\d{1,20};|d:[-+.0-9EINFAe]{1,40};|b:[01];|N;|[rR]:\d{1,10};")
_STRING = re.compile(rb'[sE]:(\d{1,8}):"')
_ARRAY = re.compile(rb"a:(\d{1,8}):\{")
_OBJECT = re.compile(rb'O:(\d{1,4}):"')
_MEMBERS = re.compile(rb":(\d{1,8}):\{")
_CUSTOM = re.compile(rb'C:(\d{1,4}):"')
_INTEGER_KEY = re.compile(rb'i:(-?\d{1,20});|s:\d{1,2}:"(-?[1-9]\d{0,18})";')


class UnreadableSchedule(ValueError):
    """The bytes are not what PHP would have written, or are larger than `LARGEST_VALUE`."""


class _Enough(Exception):
    """`_MOST_VALUES` have been read."""


def next_due(value: bytes) -> int | None:
    """The Unix time of the earliest event; None when no event is scheduled. Raises UnreadableSchedule."""
    if len(value) > LARGEST_VALUE:
        raise UnreadableSchedule(f"{len(value)} bytes")
    start = _ARRAY.match(value)
    if start is None:
        raise UnreadableSchedule("not an array")
    walk = _Walk(value, start.end())
    earliest: int | None = None
    try:
        for _ in range(int(start[1])):
            time = walk.key()
            empty = value.startswith(b"a:0:{}", walk.at)  # A time whose events are all gone: nothing to run.
            walk.skip()
            if time is not None and not empty:
                earliest = time if earliest is None else min(earliest, time)
    except _Enough:
        if earliest is None:
            raise UnreadableSchedule("one entry with too many values") from None
        return earliest
    walk.expect(b"}")
    return earliest


class _Walk:
    """A place in serialised bytes that moves on value by value."""

    def __init__(self, data: bytes, at: int) -> None:
        self.at = at
        self._data = data
        self._left = _MOST_VALUES

    def expect(self, sign: bytes) -> None:
        if not self._data.startswith(sign, self.at):
            raise UnreadableSchedule(f"no {sign!r} at {self.at}")
        self.at += len(sign)

    def key(self) -> int | None:
        """Pass over an array's key. Returns it when it is an integer (PHP turns "12" into 12)."""
        found = _INTEGER_KEY.match(self._data, self.at)
        before = self.at
        if not self._data.startswith((b"i:", b"s:"), before):
            raise UnreadableSchedule(f"no key at {before}")
        self.skip()
        return int(found[1] or found[2]) if found is not None and found.end() == self.at else None

    def skip(self) -> None:
        """Pass over one whole value."""
        open_: list[int] = []  # For each array or object that we are in: how many values are still to come.
        while True:
            members = self._step()
            if members:
                open_.append(2 * members)
                continue
            while open_:
                open_[-1] -= 1
                if open_[-1]:
                    break
                open_.pop()
                self.expect(b"}")
            if not open_:
                return

    def _step(self) -> int:
        """Pass over a scalar or the head of an array or object. Returns how many members follow (0: closed)."""
        self._left -= 1
        if self._left < 0:
            raise _Enough
        if found := _SCALAR.match(self._data, self.at):
            self.at = found.end()
            return 0
        if found := _STRING.match(self._data, self.at):
            self._quoted(found)
            self.expect(b";")
            return 0
        if found := _ARRAY.match(self._data, self.at):
            self.at = found.end()
            return self._members(int(found[1]))
        if found := _OBJECT.match(self._data, self.at):
            self._quoted(found)
            return self._members(self._count())
        if found := _CUSTOM.match(self._data, self.at):
            self._quoted(found)
            length = self._count()
            self.at += length
            self.expect(b"}")
            return 0
        raise UnreadableSchedule(f"no value at {self.at}")

    def _quoted(self, found: re.Match[bytes]) -> None:
        """Past text in quotes, by its length: what it holds is never looked at."""
        self.at = found.end() + int(found[1])
        self.expect(b'"')

    def _count(self) -> int:
        found = _MEMBERS.match(self._data, self.at)
        if found is None:
            raise UnreadableSchedule(f"no count at {self.at}")
        self.at = found.end()
        return int(found[1])

    def _members(self, count: int) -> int:
        if count == 0:
            self.expect(b"}")
        return count

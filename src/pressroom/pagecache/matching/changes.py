"""What has changed in a site lately: what a render that was under way meanwhile has to be compared with."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pressroom.pagecache.binlog.positions import Position, RowChange
from pressroom.pagecache.matching.reads import Analyst, Statement

# Bytes of text in the rows that are kept of one site; what is older counts as a change of everything.
MOST_KEPT = 8 * 1024 * 1024
# Kept even if no render is under way: the next one's fence may lie before what the tailer has read already, by the
# moment that a commit takes to be seen. Transactions, and bytes.
ALWAYS_KEPT, MOST_KEPT_IDLE = 50, 128 * 1024


@dataclass(frozen=True)
class Change:
    """The rows of one transaction; ``ticket`` of the render that made them, if one did."""

    end: Position
    ticket: str | None
    rows: Sequence[RowChange]


class RecentChanges:
    """One site's, in order. ``all_before``: a render whose fence lies before it may have been overtaken by anything."""

    def __init__(self) -> None:
        self.all_before: Position | None = None
        self._changes: deque[tuple[Change, int]] = deque()
        self._size = 0

    def add(self, change: Change, oldest_render: Position | None) -> None:
        """`oldest_render` is where the tailer was when the oldest render under way began."""
        size = _size(change.rows)
        self._changes.append((change, size))
        self._size += size
        while self._changes and (self._size > MOST_KEPT or self._is_idle(oldest_render)):
            first, size = self._changes.popleft()
            self._size -= size
            self.all_changed(first.end)

    def _is_idle(self, oldest_render: Position | None) -> bool:
        """Whether the first change is one that no render needs, and there are enough without it."""
        needed = oldest_render is not None and self._changes[0][0].end >= oldest_render
        return not needed and (len(self._changes) > ALWAYS_KEPT or self._size > MOST_KEPT_IDLE)

    def all_changed(self, end: Position) -> None:
        """Something that is not known row by row ends here."""
        self.all_before = end if self.all_before is None else max(self.all_before, end)

    def overtook(self, fence: Position, ticket: str, reads: Iterable[Statement], analyst: Analyst) -> bool:
        """Whether something after this fence may have changed what the render with this ticket read."""
        if self.all_before is not None and self.all_before > fence:
            return True
        later = [change for change, _ in self._changes if change.end > fence and change.ticket != ticket]
        return analyst.any_touched(reads, [row for change in later for row in change.rows])

    def own(self, fence: Position, ticket: str) -> list[RowChange]:
        """The rows that the render with this ticket has written after this fence."""
        return [
            row for change, _ in self._changes if change.ticket == ticket and change.end > fence for row in change.rows
        ]


def _size(rows: Sequence[RowChange]) -> int:
    """Roughly, in bytes: the texts, and something for each row."""
    images = [image for row in rows for image in (row.before, row.after) if image is not None]
    return sum(500 + sum(len(value) for value in image.values() if isinstance(value, str | bytes)) for image in images)

"""What has changed in a site lately: what a render that was under way meanwhile has to be compared with."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pressroom.pagecache.positions import Position, RowChange
from pressroom.pagecache.reads import Analyst, Statement
from pressroom.pagecache.sql.schema import Schema

MOST_ROWS = 20_000
# Kept even if no render is under way: the next one's fence may lie before what the tailer has read already.
ALWAYS_KEPT = 200


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
        self._changes: deque[Change] = deque()
        self._rows = 0

    def add(self, change: Change, oldest_render: Position | None) -> None:
        """`oldest_render` is where the tailer was when the oldest render under way began."""
        self._changes.append(change)
        self._rows += len(change.rows)
        while len(self._changes) > ALWAYS_KEPT and (oldest_render is None or self._changes[0].end < oldest_render):
            self._forget_first()
        while self._rows > MOST_ROWS:
            self._forget_first()

    def _forget_first(self) -> None:
        first = self._changes.popleft()
        self._rows -= len(first.rows)
        self.all_changed(first.end)

    def all_changed(self, end: Position) -> None:
        """Something that is not known row by row ends here."""
        self.all_before = end if self.all_before is None else max(self.all_before, end)

    def overtook(self, fence: Position, ticket: str, reads: Iterable[Statement], analyst: Analyst) -> bool:
        """Whether something after this fence may have changed what the render with this ticket read."""
        if self.all_before is not None and self.all_before > fence:
            return True
        reads = list(reads)
        return any(
            change.end > fence and change.ticket != ticket and analyst.any_touched(reads, change.rows)
            for change in self._changes
        )


def identity(row: RowChange, schema: Schema) -> tuple[object, ...]:
    """Which row it is: its table and primary key; of a table without one, the table alone."""
    table = schema.tables.get(row.table)
    values = row.after if row.after is not None else row.before
    key = table.primary_key if table else ()
    return (row.table, *((values or {}).get(column) for column in key))

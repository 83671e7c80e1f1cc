"""What the last changes of a site touched, and why: for people who ask (contract point 10)."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pressroom.pagecache.binlog.positions import Position, RowChange
from pressroom.pagecache.sql.schema import Schema

_CHANGES_KEPT, _ROWS_TOLD, _PAGES_TOLD = 200, 20, 1000
_LONGEST_ROW = 200


@dataclass(frozen=True)
class Noted:
    """One transaction: its sequence number (the end of its GTID), where it ends, when it was seen (Unix seconds).

    ``rows`` describes the first of its ``count`` rows. Of the statements that it may have changed, ``asked`` in number,
    ``unchanged`` gave the same result when they were asked again. ``pages``: key and reason of those that were touched;
    ``all_pages`` says why it concerned them all. ``by_render``: whether a render of the site wrote it.
    """

    sequence: int
    end: Position
    at: float
    author: str
    rows: tuple[str, ...]
    count: int
    asked: int = 0
    unchanged: int = 0
    pages: Mapping[str, str] = field(default_factory=dict)
    page_count: int = 0
    all_pages: str | None = None
    by_render: bool = False


class History:
    """The last changes of one site, in memory."""

    def __init__(self) -> None:
        self._changes: deque[Noted] = deque(maxlen=_CHANGES_KEPT)

    def add(self, noted: Noted) -> None:
        self._changes.append(noted)

    def last(self) -> Noted | None:
        return self._changes[-1] if self._changes else None

    def find(self, sequence: int) -> Noted | None:
        return next((noted for noted in self._changes if noted.sequence == sequence), None)

    def taken_by_renders(self, since: float) -> tuple[int, str | None]:
        """How many pages renders have taken out by what they wrote since then, and the newest of these writes."""
        own = [noted for noted in self._changes if noted.by_render and noted.page_count and noted.at >= since]
        return sum(noted.page_count for noted in own), own[-1].rows[0] if own else None


def told_rows(rows: Sequence[RowChange], schema: Schema) -> tuple[str, ...]:
    return tuple(described(row, schema) for row in rows[:_ROWS_TOLD])


def told_pages(pages: Mapping[str, str]) -> dict[str, str]:
    return dict(list(pages.items())[:_PAGES_TOLD])


def described(row: RowChange, schema: Schema) -> str:
    """As "wp_posts ID=12: post_title, post_modified", for one that is new or gone "wp_posts ID=12 is new"."""
    if row.is_unknown:
        return f"{row.table}: any row"
    table = schema.tables.get(row.table)
    image = row.after if row.after is not None else row.before
    key = " ".join(f"{name}={(image or {}).get(name)}" for name in (table.primary_key if table else ()))
    if row.before is None or row.after is None:
        what = " is new" if row.before is None else " is gone"
    else:
        before, after = row.before, row.after
        what = ": " + ", ".join(name for name in after if before.get(name) != after.get(name))
    return f"{row.table} {key}{what}"[:_LONGEST_ROW]

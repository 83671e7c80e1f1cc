"""Rows that renders write themselves (counters, transients): they take out other pages that read them, now and then.

Else two pages that show each other's counters would throw each other out for ever. What a render writes once (the
widgets, when the theme has changed) is a change like any other: a row is quiet only if it is written again and again.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from pressroom.pagecache.binlog.positions import RowChange
from pressroom.pagecache.sql.schema import Schema

# A row that comes with renders is quiet for so long when they write it again. Seconds.
OWN_WRITES_QUIET = 600.0
# One that was written so often meanwhile comes with each render, so that no page that reads it is the same twice: it is
# quiet for twice as long the next time, up to a day.
OFTEN, LONGEST_QUIET = 10, 86400.0
_MOST_ROWS = 10_000
# So many renders of one page, one after the other, or the last ones of so many pages: what they all wrote comes again.
_AGAIN = 2
# So many rows of one table that the last renders of pages wrote: each page counts in a row of its own.
_ONE_FOR_EACH_PAGE = 10
Identity = tuple[object, ...]


@dataclass
class _Quiet:
    """``writes``: how often renders have written the row since it was loud."""

    since: float
    seconds: float
    writes: int = 0

    def is_over(self, now: float) -> bool:
        return now - self.since >= self.seconds


class QuietRows:
    """One site's. Not thread-safe: the invalidator holds its lock."""

    def __init__(self) -> None:
        self._rows: dict[Identity, _Quiet] = {}
        # What the last render of a page wrote, if it wrote anything, and how many before it did in one row.
        self._last: dict[str, dict[Identity, int]] = {}

    def loud(self, rows: Sequence[RowChange], schema: Schema, now: float, page: str) -> list[RowChange]:
        """Of what a render of this page has just written, the rows that do not come with each render; of those that do,
        the ones that no render has written lately. Unknown rows always.
        """
        found = []
        known = set()
        for row in rows:
            name = identity(row, schema)
            quiet = self._rows.get(name)
            if row.is_unknown or name in known:
                found.append(row)
            elif quiet is None and self._counts_pages(row.table):
                self._rows[name] = _Quiet(now, OWN_WRITES_QUIET)
            elif quiet is None or quiet.is_over(now) or not self._comes_again(name, page):
                often = quiet is not None and quiet.writes >= OFTEN
                seconds = min(2 * quiet.seconds, LONGEST_QUIET) if quiet and often else OWN_WRITES_QUIET
                self._rows[name] = _Quiet(now, seconds)
                known.add(name)
                found.append(row)
            else:
                quiet.writes += 1
        if len(self._rows) > _MOST_ROWS:
            self._rows = {name: quiet for name, quiet in self._rows.items() if not quiet.is_over(now)}
        return found

    def without(self, rows: Sequence[RowChange], schema: Schema, now: float) -> list[RowChange]:
        """Of what a visitor's page view has written, the rows that renders do not write as well."""

        def is_quiet(row: RowChange) -> bool:
            quiet = None if row.is_unknown else self._rows.get(identity(row, schema))
            return quiet is not None and not quiet.is_over(now) and self._writers(identity(row, schema)) > 0

        return [row for row in rows if not is_quiet(row)]

    def rendered(self, page: str, wrote: Set[Identity]) -> None:
        """A render of this page has ended."""
        before = self._last.pop(page, {})
        if wrote:
            self._last[page] = {name: before.get(name, 0) + 1 for name in wrote}

    def repeats(self, name: Identity, page: str) -> bool:
        """Whether each render of this page writes that."""
        return self._last.get(page, {}).get(name, 0) >= _AGAIN

    def _comes_again(self, name: Identity, page: str) -> bool:
        return self.repeats(name, page) or self._writers(name) >= _AGAIN or self._counts_pages(str(name[0]))

    def _counts_pages(self, table: str) -> bool:
        """Whether pages write to it when they are rendered, each in a row of its own."""
        rows = {row for wrote in self._last.values() for row in wrote if row[0] == table and len(row) > 1}
        return len(rows) >= _ONE_FOR_EACH_PAGE

    def _writers(self, name: Identity) -> int:
        return sum(name in wrote for wrote in self._last.values())

    def forget(self) -> None:
        self._rows.clear()
        self._last.clear()


def identity(row: RowChange, schema: Schema) -> Identity:
    """Which row it is: its table and key; of a table without one, the table alone.

    A unique column tells more than the primary key, which is another one when the row is deleted and written anew.
    """
    table = schema.tables.get(row.table)
    values = row.after if row.after is not None else row.before or {}
    if table is None:
        return (row.table,)
    if table.unique is not None and values.get(table.unique) is not None:
        return (row.table, table.unique, values[table.unique])
    return (row.table, *(values.get(column) for column in table.primary_key))

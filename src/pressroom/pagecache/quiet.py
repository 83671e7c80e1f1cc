"""Rows that renders write themselves (counters, transients): they take out other pages that read them, now and then.

Else two pages that show each other's counters would throw each other out for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pressroom.pagecache.positions import RowChange
from pressroom.pagecache.sql.schema import Schema

# A row that a render wrote is quiet for so long when renders write it again. Seconds.
OWN_WRITES_QUIET = 600.0
# One that was written so often meanwhile comes with each render, so that no page that reads it is the same twice: it is
# quiet for twice as long the next time, up to a day.
OFTEN, LONGEST_QUIET = 10, 86400.0
_MOST_ROWS = 10_000


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
        self._rows: dict[tuple[object, ...], _Quiet] = {}

    def loud(self, rows: Sequence[RowChange], schema: Schema, now: float) -> list[RowChange]:
        """Of what a render has just written, the rows that no render has written lately; unknown rows always."""
        found = []
        known = set()
        for row in rows:
            name = identity(row, schema)
            quiet = self._rows.get(name)
            if row.is_unknown or name in known:
                found.append(row)
            elif quiet is None or quiet.is_over(now):
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
            return quiet is not None and not quiet.is_over(now)

        return [row for row in rows if not is_quiet(row)]

    def forget(self) -> None:
        self._rows.clear()


def identity(row: RowChange, schema: Schema) -> tuple[object, ...]:
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

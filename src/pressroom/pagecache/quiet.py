"""What renders themselves write (counters, transients) takes out other pages, but not for ever (contract point 6)."""

from __future__ import annotations

from collections.abc import Sequence

from pressroom.pagecache.positions import RowChange
from pressroom.pagecache.sql.schema import Schema

# A row that a render wrote takes out the other pages that read it, but not again within this time: else two pages that
# show each other's counters would throw each other out for ever. Seconds.
OWN_WRITES_QUIET = 600.0
_MOST_ROWS = 10_000


class QuietRows:
    """The rows that renders of one site have written lately."""

    def __init__(self) -> None:
        self._written: dict[tuple[object, ...], float] = {}

    def loud(self, rows: Sequence[RowChange], schema: Schema, now: float) -> list[RowChange]:
        """Of what a render wrote now, the rows that no render has written lately; of unknown rows nobody can tell."""
        loud = [
            row
            for row in rows
            if row.is_unknown or now - self._written.get(identity(row, schema), 0.0) >= OWN_WRITES_QUIET
        ]
        self._written.update((identity(row, schema), now) for row in loud)
        if len(self._written) > _MOST_ROWS:
            self._written = {name: at for name, at in self._written.items() if now - at < OWN_WRITES_QUIET}
        return loud

    def forget(self) -> None:
        self._written.clear()


def identity(row: RowChange, schema: Schema) -> tuple[object, ...]:
    """Which row it is: its table and primary key; of a table without one, the table alone."""
    table = schema.tables.get(row.table)
    values = row.after if row.after is not None else row.before
    key = table.primary_key if table else ()
    return (row.table, *((values or {}).get(column) for column in key))

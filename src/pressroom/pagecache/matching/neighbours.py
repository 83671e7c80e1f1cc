"""A changed row that is joined with nothing changes no join.

A new term has no article yet, and a renamed colour none but goods; yet to a statement that joins terms with what they
are given to, each is a term like any other. So MariaDB is asked, once for all statements, for the rows that the changed
one is joined with, and these are held against the conditions on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from pressroom.pagecache.binlog.positions import RowChange
from pressroom.pagecache.matching.reads import Analyst, Statement
from pressroom.pagecache.matching.rerun import Look
from pressroom.pagecache.sql import values
from pressroom.pagecache.sql.literals import Parameter
from pressroom.pagecache.sql.predicate import UNKNOWN, Row
from pressroom.pagecache.sql.reading import Join
from pressroom.pagecache.sql.schema import Table
from pressroom.pagecache.sql.template import Template

_MOST_LOOKS = 100  # for one transaction; each takes some 0.1 ms, and others wait


def may_be_later(changes: Sequence[RowChange]) -> bool:
    """Whether a state later than these changes tells of their joins as well: if each is a new row.

    A new row can only add to a join. What it was joined with at first and is not any more adds nothing now, and that it
    was there is for the change to tell that ended it. A row that went away, or is another now, may have been in a
    result with one that has gone since.
    """
    return all(change.before is None and change.after is not None for change in changes)


class Neighbours:
    """Of one transaction. `look` sees the state that it left behind; a later one too if `may_be_later(changes)`."""

    def __init__(self, analyst: Analyst, changes: Sequence[RowChange], look: Look) -> None:
        self._analyst = analyst
        self._changes = changes
        # What it changed itself may have been joined before: no help.
        self._changed = {change.table for change in changes}
        self._look = look
        self._looks = 0
        self._known: dict[tuple[str, str, int], list[dict[str, object]] | None] = {}

    def unmet(self, reads: Mapping[int, Statement]) -> set[int]:
        """The numbers of the reads whose results these changes cannot have changed."""
        return {number for number, read in reads.items() if not self._may_meet(read)}

    def meets(self, template: Template, change: RowChange) -> bool:
        """Whether the changed row is joined with any row, whatever the statement's parameters are."""
        return any(
            reading.table == change.table and all(self._is_joined(join, change) for join in reading.joins)
            for reading in template.readings
        )

    def _may_meet(self, read: Statement) -> bool:
        template = self._analyst.template(read.template)
        return template is None or any(
            reading.table == change.table
            and reading.is_touched(change.before, change.after, read.parameters)
            and all(self._is_joined(join, change, read.parameters) for join in reading.joins)
            for change in self._changes
            for reading in template.readings
        )

    def _is_joined(self, join: Join, change: RowChange, given: Sequence[Parameter] | None = None) -> bool:
        images = [row for row in (change.before, change.after) if row is not None]
        return self._are_joined(join, images, given)

    def _are_joined(self, join: Join, images: Sequence[Row], given: Sequence[Parameter] | None) -> bool:
        """Whether one of the rows may be joined with one that meets the conditions (None: with any); it may where that
        is not known.
        """
        if join.table in self._changed:
            return True
        for value in {image.get(join.column, UNKNOWN) for image in images}:
            if value is None:
                continue  # NULL equals nothing
            rows = self._rows(join.table, join.other, value) if isinstance(value, int) else None
            if rows is None:
                return True
            for row in rows:
                met = [] if given is None else [condition(row, given) for condition in join.conditions]
                if values.conjunction(met) is False:
                    continue
                if all(self._are_joined(onward, [row], given) for onward in join.onwards):
                    return True
        return False

    def _rows(self, table: str, column: str, value: int) -> list[dict[str, object]] | None:
        place = (table, column, value)
        if place not in self._known:
            self._looks += 1
            found = self._look(table, column, value) if self._looks <= _MOST_LOOKS else None
            described = self._analyst.schema.tables[table]
            self._known[place] = None if found is None else [_as_in_the_binlog(row, described) for row in found]
        return self._known[place]


def _as_in_the_binlog(row: Mapping[str, bytes | None], table: Table) -> dict[str, object]:
    """Numbers and texts; times and the rest are not known."""
    return {name: _value(value, name, table) for name, value in row.items() if name in table.columns}


def _value(value: bytes | None, name: str, table: Table) -> object:
    column = table.columns[name]
    if column.is_number or column.is_text:
        if value is None:
            return None
        text = value.decode(errors="replace")
        return Decimal(text) if column.is_number and "." in text else int(text) if column.is_number else text
    return UNKNOWN

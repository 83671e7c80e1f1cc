"""By which keys a read is found: a table, a column of it (or none) and a value that the column must have."""

from __future__ import annotations

from collections.abc import Sequence

from pressroom.pagecache.binlog.positions import RowChange
from pressroom.pagecache.matching.reads import Analyst, Statement
from pressroom.pagecache.sql import values
from pressroom.pagecache.sql.literals import Parameter
from pressroom.pagecache.sql.predicate import UNKNOWN, values_of
from pressroom.pagecache.sql.reading import Reading
from pressroom.pagecache.sql.schema import Schema

ANY_TABLE = "*"


def keys_of(one: Statement, analyst: Analyst) -> list[tuple[str, str, str]]:
    """Table, column and folded value of each; column and value are empty where any row of the table counts."""
    template = analyst.template(one.template)
    if template is None:
        return [(ANY_TABLE, "", "")]
    return [
        (reading.table, *pair)
        for reading in template.readings
        for pair in _pairs(reading, one.parameters, analyst.schema)
    ]


def _pairs(reading: Reading, given: Sequence[Parameter], schema: Schema) -> list[tuple[str, str]]:
    """Column and folded value of the best key that can be folded; a pair of empty texts when there is none."""
    for key in reading.keys:
        column = schema.tables[reading.table].columns[key.column]
        folded = [_folded(value, is_number=column.is_number) for value in values_of(given[key.parameter])]
        if None not in folded:
            return [(key.column, value) for value in dict.fromkeys(folded) if value is not None]
    return [("", "")]


def _folded(literal: object, *, is_number: bool) -> str | None:
    """As a value of such a column would be folded if it equals the literal; None when that is not certain."""
    if is_number:
        number = values.as_number(literal)
        return None if number is None or number != number.to_integral_value() else values.key(number)
    return values.key(literal) if isinstance(literal, str) else None


def row_keys(field: str, change: RowChange) -> list[str | None]:
    """The values by which a changed row finds reads in this field; None: any, since its own is not known."""
    if not field:
        return [""]
    rows = [row for row in (change.before, change.after) if row is not None and row.get(field, UNKNOWN) is not None]
    return list({values.key(row.get(field, UNKNOWN)) for row in rows})  # NULL equals no literal

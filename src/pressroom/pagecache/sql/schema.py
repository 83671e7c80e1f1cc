"""A site's tables and columns, as MariaDB describes them. Only base tables: what a view shows comes from others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

_NUMBERS = {"tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "year"}
_TEXTS = {"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum"}
_TIMES = {"date", "datetime", "timestamp"}
_INDEX_RANKS = {"PRI": 0, "UNI": 1, "MUL": 2}
# Indexed, and yet the same in a great many rows.
_COMMON = {
    "post_type", "post_status", "post_author", "taxonomy", "comment_approved", "comment_type", "meta_key", "autoload",
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """``type`` is MariaDB's DATA_TYPE, ``index`` its COLUMN_KEY: PRI, UNI, MUL or nothing."""

    type: str
    index: str = ""

    @property
    def is_number(self) -> bool:
        return self.type in _NUMBERS

    @property
    def is_text(self) -> bool:
        return self.type in _TEXTS

    @property
    def is_time(self) -> bool:
        """A zero date reads like NULL in the binlog's rows."""
        return self.type in _TIMES


@dataclass(frozen=True)
class Table:
    """One base table's columns by name. ``generated``: some are computed, and the binlog may not have their values."""

    columns: Mapping[str, Column]
    generated: bool = False

    def spelled(self, name: str) -> str | None:
        """A column as the table spells it, for case does not count; None when there is none."""
        if name in self.columns:
            return name
        lower = name.lower()
        return next((column for column in self.columns if column.lower() == lower), None)

    @property
    def primary_key(self) -> tuple[str, ...]:
        return tuple(name for name, column in self.columns.items() if column.index == "PRI")

    @property
    def unique(self) -> str | None:
        """A column, beside the primary key, whose value only one row has; None when there is none."""
        return next((name for name, column in self.columns.items() if column.index == "UNI"), None)

    def rank(self, column: str) -> int:
        """How well rows are told apart by this column; less is better."""
        return 4 if column in _COMMON else _INDEX_RANKS.get(self.columns[column].index, 3)


@dataclass(frozen=True)
class Schema:
    """``functions`` are the names (lower case) of the site's stored functions, which may read anything.

    ``cascading``: parent and child of foreign keys by which a change of the one changes the other; the binlog tells
    nothing of the child's.
    """

    tables: Mapping[str, Table]
    functions: frozenset[str] = frozenset()
    cascading: frozenset[tuple[str, str]] = frozenset()

    def changed_with(self, tables: Collection[str]) -> set[str]:
        """The other tables that foreign keys may change when these are."""
        found = set(tables)
        while more := {child for parent, child in self.cascading if parent in found} - found:
            found |= more
        return found - set(tables)

"""One table as one SELECT reads it: which rows can be in the result, and which changes of them matter."""

from __future__ import annotations

from dataclasses import dataclass

from pressroom.pagecache.sql import values
from pressroom.pagecache.sql.predicate import Key, Parameters, Predicate, Row
from pressroom.pagecache.sql.values import Known


@dataclass(frozen=True)
class Join:
    """A row counts only together with one of ``table`` whose number ``other`` is its own ``column``, and which may meet
    these conditions and has the joins ``onwards`` itself.
    """

    column: str
    table: str
    other: str
    conditions: tuple[Predicate, ...]
    onwards: tuple[Join, ...] = ()


@dataclass(frozen=True)
class Reading:
    """One table as one SELECT reads it. ``columns`` None: all of them. ``keys``: the first is the best.

    ``only_counts``: it makes no difference what a row holds that meets the conditions. ``shown``: where the
    result is just the rows that meet the conditions, the columns that it holds of each (None: all of them).
    """

    table: str
    columns: frozenset[str] | None
    conditions: tuple[Predicate, ...]
    keys: tuple[Key, ...]
    joins: tuple[Join, ...] = ()
    only_counts: bool = False
    shown: frozenset[str] | None = frozenset()

    def may_hold(self, row: Row, given: Parameters) -> Known:
        """Whether a row could be in the result: False, or True or None for maybe."""
        return values.conjunction([condition(row, given) for condition in self.conditions])

    def is_touched(self, before: Row | None, after: Row | None, given: Parameters) -> bool:
        """Whether a change of one row (None: it was not there) may change the statement's result."""
        held = [self.may_hold(row, given) for row in (before, after) if row is not None]
        if not any(known is not False for known in held):
            return False
        if self.only_counts and held == [True, True]:
            return False
        if before is None or after is None:
            return True
        return _differ(before, after, self.columns)

    def is_surely_touched(self, before: Row | None, after: Row | None, given: Parameters) -> bool:
        """Whether this change, if it is the only one, changes the result beyond doubt; False where it may not."""
        rows = [row for row in (before, after) if row is not None]
        if self.shown == frozenset() or any(None in row.values() for row in rows):
            return False  # "not (NULL > 5)" is told from "not (4 > 5)" by nobody here
        held = [row is not None and self.may_hold(row, given) for row in (before, after)]
        if True not in held or None in held:
            return False
        return before is None or after is None or False in held or _differ(before, after, self.shown)


def _differ(before: Row, after: Row, columns: frozenset[str] | None) -> bool:
    names = before.keys() | after.keys() if columns is None else columns
    return any(before.get(name) != after.get(name) for name in names)

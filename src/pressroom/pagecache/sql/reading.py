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

    ``only_counts``: it makes no difference what a row holds that meets the conditions.
    """

    table: str
    columns: frozenset[str] | None
    conditions: tuple[Predicate, ...]
    keys: tuple[Key, ...]
    joins: tuple[Join, ...] = ()
    only_counts: bool = False

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
        names = before.keys() | after.keys() if self.columns is None else self.columns
        return any(before.get(name) != after.get(name) for name in names)

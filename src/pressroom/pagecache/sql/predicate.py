"""Conditions on one row of one table, as a statement's WHERE and ON put them; what they cannot tell is None (maybe)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from pressroom.pagecache.sql import values
from pressroom.pagecache.sql.literals import Parameter, Value
from pressroom.pagecache.sql.values import Known

Row = Mapping[str, object]
Parameters = Sequence[Parameter]


class _Unknown:
    """Stands for a value that is not known; unlike NULL it may be anything."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()
# A function of ours alone, by which a record asks whether a serialized list holds a number.
HOLDS = "PRESSROOM_HOLDS"
# Reads the value of an operand: a column of the row, a literal, or UNKNOWN.
_Operand = Callable[[Row, Parameters], Any]
Predicate = Callable[[Row, Parameters], Known]


@dataclass(frozen=True)
class Key:
    """``column`` has the value of this parameter, or one of its list: whatever else is asked, other rows are out."""

    column: str
    parameter: int


def conjuncts(condition: exp.Expr | None) -> Iterator[exp.Expr]:
    """The parts that all must hold."""
    if condition is None:
        return
    if isinstance(condition, exp.Paren):
        yield from conjuncts(condition.this)
    elif isinstance(condition, exp.And):
        yield from conjuncts(condition.left)
        yield from conjuncts(condition.right)
    else:
        yield condition


def key_of(condition: exp.Expr, column_of: Callable[[exp.Column], str | None]) -> Key | None:
    """The key that this conjunct gives for the table whose columns `column_of` knows."""
    if isinstance(condition, exp.EQ):
        for one, other in ((condition.left, condition.right), (condition.right, condition.left)):
            name = column_of(one) if isinstance(one, exp.Column) else None
            slot = _slot(other)
            if name is not None and slot is not None:
                return Key(name, slot)
    if isinstance(condition, exp.In) and isinstance(condition.this, exp.Column) and len(condition.expressions) == 1:
        name, slot = column_of(condition.this), _slot(condition.expressions[0])
        if name is not None and slot is not None:
            return Key(name, slot)
    return None


def compile_condition(condition: exp.Expr, column_of: Callable[[exp.Column], str | None]) -> Predicate:
    """What the condition says of a row of the table whose columns `column_of` knows; None for all it cannot say."""
    node = condition
    if isinstance(node, exp.Paren):
        return compile_condition(node.this, column_of)
    if isinstance(node, exp.And | exp.Or):
        parts = [compile_condition(part, column_of) for part in (node.left, node.right)]
        combine = values.conjunction if isinstance(node, exp.And) else values.disjunction
        return lambda row, given: combine([part(row, given) for part in parts])
    if isinstance(node, exp.Not):
        inner = compile_condition(node.this, column_of)
        return lambda row, given: values.negate(inner(row, given))
    if isinstance(node, exp.Is):
        return _is(node, column_of)
    if isinstance(node, exp.In):
        return _in(node, column_of)
    if isinstance(node, exp.Between):
        bounds = [_operand(part, column_of) for part in (node.this, node.args["low"], node.args["high"])]
        return lambda row, given: _between(*(read(row, given) for read in bounds))
    if isinstance(node, exp.Anonymous) and str(node.this).upper() == HOLDS and len(node.expressions) == 2:
        column, number = (_operand(part, column_of) for part in node.expressions)
        return lambda row, given: values.holds(column(row, given), number(row, given))
    comparison = _COMPARISONS.get(type(node))
    if comparison is not None:
        left, right = _operand(node.this, column_of), _operand(node.expression, column_of)
        return lambda row, given: _compared(comparison, left(row, given), right(row, given))
    return _maybe


def _maybe(row: Row, given: Parameters) -> Known:
    return None


def _less(one: object, other: object) -> Known:
    return values.is_less(one, other, or_equal=False)


def _less_or_equal(one: object, other: object) -> Known:
    return values.is_less(one, other, or_equal=True)


_COMPARISONS: dict[type[exp.Expr], Callable[[object, object], Known]] = {
    exp.EQ: values.equals,
    exp.NEQ: lambda one, other: values.negate(values.equals(one, other)),
    exp.LT: _less,
    exp.LTE: _less_or_equal,
    exp.GT: lambda one, other: values.negate(_less_or_equal(one, other)),
    exp.GTE: lambda one, other: values.negate(_less(one, other)),
    exp.Like: values.is_like,
}


def _compared(comparison: Callable[[object, object], Known], left: object, right: object) -> Known:
    """A comparison with NULL is NULL, and a row is in the result only where its condition is true: so not."""
    if left is UNKNOWN or right is UNKNOWN:
        return None
    if left is None or right is None:
        return False if _is_certain_null(left, right) else None
    return comparison(left, right)


def _is_certain_null(left: object, right: object) -> bool:
    return left is None or right is None


def _between(value: object, low: object, high: object) -> Known:
    return values.conjunction([_compared(_GTE, value, low), _compared(_LTE, value, high)])


_GTE, _LTE = _COMPARISONS[exp.GTE], _COMPARISONS[exp.LTE]


def _is(node: exp.Is, column_of: Callable[[exp.Column], str | None]) -> Predicate:
    if not isinstance(node.expression, exp.Null):
        return _maybe
    read = _operand(node.this, column_of)

    def is_null(row: Row, given: Parameters) -> Known:
        value = read(row, given)
        return None if value is UNKNOWN else value is None

    return is_null


def _in(node: exp.In, column_of: Callable[[exp.Column], str | None]) -> Predicate:
    if node.args.get("query") is not None or node.args.get("unnest") is not None:
        return _maybe
    read = _operand(node.this, column_of)
    members = [_operand(part, column_of) for part in node.expressions]

    def is_in(row: Row, given: Parameters) -> Known:
        value = read(row, given)
        options: list[object] = []
        for member in members:
            found = member(row, given)
            options.extend(found if isinstance(found, tuple) else [found])
        return values.disjunction([_compared(values.equals, value, option) for option in options])

    return is_in


def _operand(node: exp.Expr, column_of: Callable[[exp.Column], str | None]) -> _Operand:
    if isinstance(node, exp.Paren):
        return _operand(node.this, column_of)
    if isinstance(node, exp.Column):
        name = column_of(node)
        return _unknown if name is None else lambda row, given: row.get(name, UNKNOWN)
    slot = _slot(node)
    if slot is not None:
        return lambda row, given: given[slot]
    if isinstance(node, exp.Neg):
        inner = _operand(node.this, column_of)
        return lambda row, given: _negative(inner(row, given))
    if isinstance(node, exp.Null):
        return lambda row, given: None
    return _unknown


def _unknown(row: Row, given: Parameters) -> object:
    return UNKNOWN


def _negative(value: Any) -> object:
    return UNKNOWN if value is UNKNOWN or isinstance(value, str | tuple) or value is None else -value


def _slot(node: exp.Expr) -> int | None:
    if isinstance(node, exp.Placeholder) and str(node.this)[:1] == "p" and str(node.this)[1:].isdigit():
        return int(str(node.this)[1:])
    return None


def values_of(parameter: Parameter) -> tuple[Value, ...]:
    """A key's literal, or its list."""
    return parameter if isinstance(parameter, tuple) else (parameter,)

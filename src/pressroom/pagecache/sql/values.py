"""How MariaDB compares values, in three-valued logic: True, False, or None for what is not known here.

Collations are not computed but bounded: two strings are told apart only if every collation would tell them apart. None
always counts as "may be equal", so that being unsure costs a needless render, never a stale page.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

Known = bool | None

_IGNORABLE = re.compile(r"[\x00-\x1f\x7f]")
_NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
# A list of numbers as PHP serializes it, and its values.
_LIST = re.compile(r'a:\d{1,9}:\{(?:i:\d{1,18};(?:i:\d{1,18};|s:\d{1,2}:"\d{1,18}";))*\}\Z')
_LIST_VALUE = re.compile(r'i:\d+;(?:i:|s:\d+:")(\d+)"?;')
_TIME = re.compile(r"\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d)?\Z")


def fold(text: str) -> str | None:
    """What all strings that a collation may call equal have in common; None where that is not known.

    Case, accents and spaces at the end do not count (utf8mb4_unicode_520_ci and its kin, PAD SPACE).
    """
    if text.isascii():
        return _IGNORABLE.sub("", text).rstrip(" ").lower()
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).lower()
    return _IGNORABLE.sub("", bare).rstrip(" ") if bare.isascii() else None


def key(value: object) -> str | None:
    """By which equal values find each other: equal values have equal keys. None for what may equal anything."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int | Decimal | float):
        return _number_key(Decimal(str(value)))
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S") if not value.microsecond else None
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return fold(value)
    return None


def _number_key(number: Decimal) -> str:
    return str(int(number)) if number == number.to_integral_value() and abs(number) < 10**18 else str(float(number))


def compare(column: object, literal: object) -> int | None:
    """-1, 0 or 1 as the column's value is less, equal or greater; None when that is not known. No NULLs here."""
    if isinstance(column, int) and isinstance(literal, int):
        return (column > literal) - (column < literal)  # lists of hundreds of numbers are compared so
    if isinstance(column, datetime | date):
        return _compare_times(column, literal)
    if isinstance(column, float):
        return None  # what is stored is near what was written, and not always the same
    if isinstance(column, int | Decimal):
        left, right = as_number(column), as_number(literal)
        if left is None or right is None:
            return None
        if isinstance(column, int) and right != right.to_integral_value():
            return None  # looked up in an index, 2.5 may be taken for 3 (MariaDB 10.11)
        return (left > right) - (left < right)
    if isinstance(column, str) and isinstance(literal, str):
        left_text, right_text = fold(column), fold(literal)
        if left_text is None or right_text is None:
            return None
        if left_text == right_text:
            # Equal in the loosest collation; a stricter one (binary) may tell them apart.
            return 0 if column == literal else None
        both_times = _TIME.match(column) and _TIME.match(literal) and len(column) == len(literal)
        return (column > literal) - (column < literal) if both_times else _UNEQUAL
    return None  # a string column and a number: each text that begins like it would be equal


_UNEQUAL = 2  # different, in an order that is not known


def equals(column: object, literal: object) -> Known:
    order = compare(column, literal)
    return None if order is None else order == 0


def is_less(column: object, literal: object, *, or_equal: bool) -> Known:
    order = compare(column, literal)
    return None if order is None or order == _UNEQUAL else order < 0 or (or_equal and order == 0)


def is_like(column: object, pattern: object) -> Known:
    """LIKE without ESCAPE: % and _, a backslash before them takes their meaning away."""
    if not isinstance(column, str) or not isinstance(pattern, str):
        return None
    text, wanted = fold(column), fold(pattern)
    if text is None or wanted is None:
        return None
    parts = re.findall(r"\\.|%|_|[^\\%_]+|\\\Z", wanted, re.DOTALL)
    meaning = {"%": ".*", "_": "."}
    plain = [part[1:] if len(part) == 2 and part[0] == "\\" else part for part in parts]
    expression = "".join(meaning.get(part) or re.escape(bare) for part, bare in zip(parts, plain, strict=True))
    matches = re.fullmatch(expression, text, re.DOTALL)
    # Folded, both are shorter than they were: a match is only possible, no match with "_" may be one.
    return None if matches or "_" in parts else False


def holds(column: object, number: object) -> Known:
    """Whether a list that PHP has serialized holds the number; None for what is no plain list of numbers."""
    if not isinstance(column, str) or not isinstance(number, int) or not _LIST.match(column):
        return None
    return any(int(match.group(1)) == number for match in _LIST_VALUE.finditer(column))


def as_number(value: object) -> Decimal | None:
    if isinstance(value, int | Decimal):
        return Decimal(value)
    if isinstance(value, float):
        return Decimal(str(value))
    if isinstance(value, str):
        match = _NUMBER.match(value)
        try:
            return Decimal(match.group()) if match and match.end() == len(value.rstrip()) else None
        except InvalidOperation:
            return None
    return None


def _compare_times(column: date, literal: object) -> int | None:
    if not isinstance(literal, str) or not _TIME.match(literal):
        return None
    if isinstance(column, datetime) and (column.microsecond or column.tzinfo):
        return None  # a TIMESTAMP is compared in the session's time zone
    text = column.strftime("%Y-%m-%d %H:%M:%S") if isinstance(column, datetime) else column.isoformat()
    wanted = literal if len(literal) == len(text) else literal + " 00:00:00"
    return (text > wanted) - (text < wanted) if len(text) == len(wanted) else None


def negate(value: Known) -> Known:
    return None if value is None else not value


def conjunction(values: list[Known]) -> Known:
    if False in values:
        return False
    return None if None in values else True


def disjunction(values: list[Known]) -> Known:
    if True in values:
        return True
    return None if None in values else False

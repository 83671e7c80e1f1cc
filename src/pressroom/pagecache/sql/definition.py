"""Which tables a statement defines anew, renames or empties, where that is all it does. What is not certain is None."""

from __future__ import annotations

import re

# A table's name, perhaps with its database's. MariaDB writes statements into the binlog as they were sent.
_NAME = rb"(?:(`?)([A-Za-z0-9_$]+)\1\s*\.\s*)?(`?)([A-Za-z0-9_$]+)\3"
_ONE_TABLE = [
    re.compile(pattern + _NAME + rest, re.IGNORECASE | re.DOTALL)
    for pattern, rest in (
        (rb"CREATE\s+(?:OR\s+REPLACE\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?", rb"(?:\s|\().*"),
        (rb"ALTER\s+(?:ONLINE\s+)?(?:IGNORE\s+)?TABLE\s+(?:IF\s+EXISTS\s+)?", rb"\s.*"),
        (rb"TRUNCATE\s+(?:TABLE\s+)?", rb"\s*;?\s*"),
        (rb"CREATE\s+(?:OR\s+REPLACE\s+)?(?:UNIQUE\s+|FULLTEXT\s+)?INDEX\s+\S+\s+ON\s+", rb"(?:\s|\().*"),
        (rb"DROP\s+INDEX\s+(?:IF\s+EXISTS\s+)?\S+\s+ON\s+", rb"(?:\s.*)?"),
    )
]
# What makes one of these concern more than its table.
_MORE = re.compile(rb"\b(?:SELECT|RENAME|EXCHANGE|REFERENCES|SEQUENCE)\b|/\*!", re.IGNORECASE)
_DROP = re.compile(
    rb"DROP\s+TABLES?\s+(?:IF\s+EXISTS\s+)?(.*?)\s*(?:/\*(?!!)[^*]*\*/)?\s*;?\s*", re.IGNORECASE | re.DOTALL
)
_RENAME = re.compile(rb"RENAME\s+TABLES?\s+(?:IF\s+EXISTS\s+)?(.*?)\s*;?\s*", re.IGNORECASE | re.DOTALL)
_ONE_NAME = re.compile(rb"\s*" + _NAME + rb"\s*")
# What they do to rows is in the binlog when they do it. (A function makes queries mean something else.)
_ROUTINE = re.compile(
    rb"(?:CREATE\s+(?:OR\s+REPLACE\s+)?|ALTER\s+|DROP\s+)(?:DEFINER\s*=\s*\S+\s+)?(?:PROCEDURE|EVENT|TRIGGER)\s",
    re.IGNORECASE,
)
_TEMPORARY = re.compile(rb"(?:CREATE|DROP)\s+(?:/\*!\d+\s+)?TEMPORARY\b", re.IGNORECASE)


def tables_of(statement: bytes, database: bytes) -> frozenset[bytes] | None:
    """The tables of this database that the statement concerns; none for a procedure, an event or a trigger."""
    text = statement.strip()
    if _ROUTINE.match(text):
        return frozenset()
    if (match := _DROP.fullmatch(text)) is not None:
        return _names(match.group(1).split(b","), database)
    if (match := _RENAME.fullmatch(text)) is not None:
        return _names(re.split(rb",|\bTO\b", match.group(1), flags=re.IGNORECASE), database)
    if _MORE.search(text):
        return None
    for pattern in _ONE_TABLE:
        if (match := pattern.fullmatch(text)) is not None:
            return frozenset({match.group(4)}) if match.group(2) in (None, database) else None
    return None


def _names(texts: list[bytes], database: bytes) -> frozenset[bytes] | None:
    found = set()
    for text in texts:
        match = _ONE_NAME.fullmatch(text)
        if match is None or match.group(2) not in (None, database):
            return None
        found.add(match.group(4))
    return frozenset(found)


def is_temporary(statement: bytes) -> bool:
    """Whether it concerns tables that one session alone sees."""
    return _TEMPORARY.match(statement.strip()) is not None

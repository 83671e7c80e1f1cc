"""Which tables a statement defines anew or empties, where that is all it does. What is not certain is None."""

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
        (rb"DROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?", rb"\s*(?:/\*.*\*/)?\s*;?\s*"),
        (rb"CREATE\s+(?:OR\s+REPLACE\s+)?(?:UNIQUE\s+|FULLTEXT\s+)?INDEX\s+\S+\s+ON\s+", rb"(?:\s|\().*"),
        (rb"DROP\s+INDEX\s+(?:IF\s+EXISTS\s+)?\S+\s+ON\s+", rb"(?:\s.*)?"),
    )
]
# What makes one of these concern more than its table.
_MORE = re.compile(rb"\b(?:SELECT|RENAME|EXCHANGE|REFERENCES|SEQUENCE)\b|/\*!", re.IGNORECASE)
_TEMPORARY = re.compile(rb"(?:CREATE|DROP)\s+(?:/\*!\d+\s+)?TEMPORARY\b", re.IGNORECASE)


def table_of(statement: bytes, database: bytes) -> bytes | None:
    """The one table of this database that the statement concerns."""
    text = statement.strip()
    if _MORE.search(text):
        return None
    for pattern in _ONE_TABLE:
        match = pattern.fullmatch(text)
        if match is not None:
            return match.group(4) if match.group(2) in (None, database) else None
    return None


def is_temporary(statement: bytes) -> bool:
    """Whether it concerns tables that one session alone sees."""
    return _TEMPORARY.match(statement.strip()) is not None

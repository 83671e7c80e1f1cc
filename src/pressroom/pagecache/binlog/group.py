"""An event group of the binlog, which is a transaction: its events one by one, and what they changed when it ended.

A transaction that writes too much to one database is not decoded: any row of its tables counts as changed. That costs
this site precision, and no other site time.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import structlog
from pymysqlreplication.constants import FIELD_TYPE, NONE_SOURCE
from pymysqlreplication.event import (
    MariadbAnnotateRowsEvent,
    MariadbGtidEvent,
    QueryEvent,
    XAPrepareEvent,
    XidEvent,
)
from pymysqlreplication.row_event import RowsEvent, UpdateRowsEvent, WriteRowsEvent

from pressroom.pagecache.binlog.positions import STRUCTURE, Position, PositionGone, RowChange, Transaction, Write
from pressroom.pagecache.binlog.table_maps import KnownTableMap
from pressroom.pagecache.sql.definition import is_temporary, tables_of
from pressroom.pagecache.sql.predicate import UNKNOWN, Row

_log = structlog.get_logger(__name__)

# mariadb.com/kb/en/gtid_event: the group is one statement, without COMMIT or XID behind it.
_STANDALONE = 0x01
_MARK = re.compile(rb"/\*pressroom:(writer|visitor|[A-Za-z0-9_-]{8,64})\*/\s*$")
_MARK_WITHIN = 256  # last bytes of a statement, which may have megabytes
_NAMED_DATABASE = re.compile(rb"(?<![A-Za-z0-9_$])s[0-9]{1,9}(?![A-Za-z0-9_$])")
_GROUP_ENDS = (b"COMMIT", b"ROLLBACK")
_GROUP_WORDS = (b"BEGIN", b"SAVEPOINT", b"ROLLBACK TO", b"XA ")
_SITE_DATABASE = re.compile(r"s[0-9]{1,9}\Z")
# Looked at row by row in a transaction and database; what is more holds up the other sites' barriers.
MOST_DECODED = 512 * 1024  # bytes of row events
MOST_ROWS = 200


class Group:
    """The transaction being read."""

    def __init__(self) -> None:
        self._sequence = 0
        self._standalone = False
        self._writes: set[Write] = set()
        self._mapped: set[Write] = set()  # tables that the statement being read has locked for writing
        self._has_rows = False  # whether rows of the statement being read have come
        self._rows: dict[str, list[RowChange]] = {}
        self._sizes: Counter[str] = Counter()
        self._author: str | None = None

    def add(self, event: Any, here: Position) -> Transaction | None:
        """Take one event, which ends here; a transaction when it ended that."""
        if isinstance(event, MariadbGtidEvent):
            self._sequence = int(str(event.gtid).rpartition("-")[2])
            self._standalone = bool(event.flags & _STANDALONE)
            self._author = None
        elif isinstance(event, MariadbAnnotateRowsEvent):
            self._end_statement()
            mark = _MARK.search(event.sql_statement[-_MARK_WITHIN:])
            self._author = mark.group(1).decode() if mark else None
        elif isinstance(event, KnownTableMap):
            self._mapped.add(Write(event.schema, event.table, self._author))
        elif isinstance(event, RowsEvent):
            self._writes.add(Write(event.schema, event.table, self._author))
            self._has_rows = True
            self._add_rows(event)
        elif isinstance(event, XidEvent):
            return self._end(here)
        elif isinstance(event, XAPrepareEvent):
            return self._end_prepared(here)
        elif isinstance(event, QueryEvent):
            return self._add_query(_bytes(event.query), _bytes(event.schema), here)
        return None

    def skip_event(self) -> None:
        """Rows, for nothing else is as large, of the statement being read; whichever, also behind it.

        Raises PositionGone where it is not known whose.
        """
        if not self._mapped:
            raise PositionGone("an event too large to be sent, and not known whose")
        self._writes |= {Write(write.database, None, None) for write in self._mapped}
        self._has_rows = True

    def _end_statement(self) -> None:
        """INSERT … SELECT … FOR UPDATE names what it locked too; where no known rows came, all may be written."""
        if not self._has_rows:
            self._writes |= self._mapped
        self._mapped, self._has_rows = set(), False

    def _add_rows(self, event: RowsEvent) -> None:
        database = event.schema
        self._sizes[database] += event.event_size
        if not _SITE_DATABASE.match(database):
            return
        if self._sizes[database] > MOST_DECODED:
            self._rows.pop(database, None)
            return
        changes = self._rows.setdefault(database, [])
        try:
            changes.extend(RowChange(database, event.table, *images) for images in _images(event))
            if len(changes) > MOST_ROWS:
                self._skip(database)
        except Exception as error:  # noqa: BLE001 (a tenant's bytes in the library's hands: whatever it is, rows are not known)
            _log.warning("rows_not_decoded", database=database, table=event.table, error=repr(error)[:300])
            self._skip(database)

    def _skip(self, database: str) -> None:
        """Its rows are not looked at any more."""
        self._sizes[database] = MOST_DECODED + 1
        self._rows.pop(database, None)

    def _add_query(self, query: bytes, schema: bytes, here: Position) -> Transaction | None:
        word = query.strip().upper()
        if word in _GROUP_ENDS:
            return self._end(here)
        if not word.startswith(_GROUP_WORDS):
            self._add_statement(query, schema)
        return self._end(here) if self._standalone else None

    def _add_statement(self, query: bytes, schema: bytes) -> None:
        """A statement instead of rows: DDL, TRUNCATE, CREATE … SELECT. It may name other databases."""
        if is_temporary(query):
            return
        databases = {name.decode(errors="replace") for name in {schema, *_NAMED_DATABASE.findall(query)} - {b""}}
        tables = tables_of(query, schema)
        if tables is None or (tables and databases != {schema.decode(errors="replace")}):
            self._writes.update(Write(database, None, None) for database in databases)
            return
        database = schema.decode(errors="replace")
        for name in (*(table.decode() for table in sorted(tables)), STRUCTURE):
            self._writes.add(Write(database, name, None))
            self._rows.setdefault(database, []).append(RowChange.unknown(database, name))

    def _end(self, here: Position) -> Transaction:
        self._end_statement()
        rows = [change for changes in self._rows.values() for change in changes]
        for write in self._writes:
            if self._sizes[write.database] > MOST_DECODED and write.table is not None:
                rows.append(RowChange.unknown(write.database, write.table))
        return Transaction(self._sequence, here, frozenset(self._writes), tuple(rows))

    def _end_prepared(self, here: Position) -> Transaction:
        self._end_statement()
        writes = frozenset(Write(write.database, None, None) for write in self._writes)
        return Transaction(self._sequence, here, writes, prepared=True)


def _images(event: RowsEvent) -> Iterator[tuple[Row | None, Row | None]]:
    stamps = {column.name for column in event.columns if column.type in (FIELD_TYPE.TIMESTAMP, FIELD_TYPE.TIMESTAMP2)}
    for row in event.rows:
        for name, values in row.items():
            if stamps and name.endswith("values"):
                _mark_zone(values, stamps)
        if isinstance(event, UpdateRowsEvent):
            yield (
                _image(row["before_values"], row["before_none_sources"]),
                _image(row["after_values"], row["after_none_sources"]),
            )
        elif isinstance(event, WriteRowsEvent):
            yield None, _image(row["values"], row["none_sources"])
        else:
            yield _image(row["values"], row["none_sources"]), None


def _mark_zone(values: dict[str, Any], stamps: set[str]) -> None:
    """A TIMESTAMP is a moment; the text that a statement compares it with depends on the session's time zone."""
    for name in stamps & values.keys():
        if isinstance(values[name], datetime):
            values[name] = values[name].replace(tzinfo=UTC)


def _image(values: dict[str, object], none_sources: dict[str, str]) -> Row:
    odd = {name: UNKNOWN for name, source in none_sources.items() if source != NONE_SOURCE.NULL}
    return {**values, **odd} if odd else values


def _bytes(text: str | bytes | Sequence[int]) -> bytes:
    return text.encode(errors="replace") if isinstance(text, str) else bytes(text)

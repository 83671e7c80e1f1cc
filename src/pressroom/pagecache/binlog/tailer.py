"""Follows MariaDB's row binlog and hands on whole transactions, in order, with the rows that they changed.

What stands in line behind a plain transaction is handed on with it, as one: to ask what a change touches takes nearly
as long for one as for twenty, and while one is asked for, a bulk change (an import) commits more.

The reader is python-mysql-replication, which decodes rows when they are asked for. A transaction that writes too much
to one database is not asked: any row of its tables counts as changed. That costs this site precision, and no other
site time. An event of more than a gigabyte (one row that is half as wide, before and after) MariaDB does not send at
all, nor what stands behind it: it is skipped in its file, and may have changed anything of its database.
"""

from __future__ import annotations

import io
import re
import select
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pymysql
import structlog
from pymysql.connections import Connection
from pymysql.constants import CR
from pymysqlreplication import BinLogStreamReader
from pymysqlreplication.constants import FIELD_TYPE, NONE_SOURCE
from pymysqlreplication.event import (
    MariadbAnnotateRowsEvent,
    MariadbGtidEvent,
    QueryEvent,
    RotateEvent,
    XAPrepareEvent,
    XidEvent,
)
from pymysqlreplication.row_event import DeleteRowsEvent, RowsEvent, UpdateRowsEvent, WriteRowsEvent

from pressroom.pagecache.binlog import files
from pressroom.pagecache.binlog.positions import STRUCTURE, Position, RowChange, Transaction, Write
from pressroom.pagecache.binlog.table_maps import KnownTableMap
from pressroom.pagecache.sql.definition import is_temporary, tables_of
from pressroom.pagecache.sql.predicate import UNKNOWN, Row

_log = structlog.get_logger(__name__)

# mariadb.com/kb/en/com_binlog_dump: command byte, and the flag that asks for Annotate_rows events.
_COM_BINLOG_DUMP = 0x12
_SEND_ANNOTATE_ROWS = 0x02
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
_BUFFER = 1024 * 1024  # bytes
# mariadb.com/kb/en/replication-protocol: four bytes of length and number, "OK", four of the time, and the event's type.
_HEADER, _KIND_AT = 4, 5
_TYPE_AT = _HEADER + _KIND_AT
_FIRST_PART = 2  # of what is read for a packet
_ROTATE_EVENT, _FORMAT_DESCRIPTION_EVENT, _XID_EVENT = 4, 15, 16
_GONE = (1236,)  # ER_MASTER_FATAL_ERROR_READING_BINLOG: the position is not there (any more)
_TOO_LARGE = "exceeded max_allowed_packet"  # its words where an event is what cannot be sent
_LARGEST = 2**30 - 2**20  # bytes: nothing smaller is refused so
# In so many numbers a place is told, though a file may be larger: what is committed together is not torn apart.
_FOUR_BYTES = 2**32
# mariadb.com/kb/en/2-binlog-event-header: of rows, in both versions. Of those that come in several parts, of 16 MB, the
# first is kept: no more is decoded.
_OF_ROWS = frozenset({23, 24, 25, 30, 31, 32})
# Errors after which the library would go on by itself, at a place of which it has four bytes, on whichever server.
_LOST = (CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST)


class PositionGone(Exception):
    """The server has no binlog at that position: purged, another server's, or not written yet."""


class _Line(io.RawIOBase):
    """What comes from the server. ``came``: what was read last was not there before (``time.monotonic()``)."""

    def __init__(self, raw: Any) -> None:
        self.waits = True  # else what is not there yet is not waited for
        self._raw = raw
        self._poll = select.poll()
        self._poll.register(raw, select.POLLIN)
        self.came = self._drained = time.monotonic()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        waited = bool(self._poll.poll(0))
        if not waited and not self.waits:
            return None
        count: int | None = self._raw.readinto(buffer)
        now = time.monotonic()
        self.came = self._drained if waited else now
        if count is not None and count < len(buffer):
            self._drained = now
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BinlogConnection(Connection):
    """A connection whose dump request asks for annotations too; the library asks only in GTID mode."""

    def connect(self, sock: Any = None) -> None:
        super().connect(sock)
        self.line = _Line(self._rfile.detach())  # type: ignore[has-type]
        self._rfile = io.BufferedReader(self.line, _BUFFER)

    def _read_packet(self, *arguments: Any, **options: Any) -> Any:
        self._reads, self._is_of_rows = 0, False
        try:
            return super()._read_packet(*arguments, **options)  # type: ignore[no-untyped-call]
        except pymysql.err.OperationalError as error:
            if error.args[0] in _LOST:
                raise pymysql.err.OperationalError(CR.CR_SERVER_LOST_EXTENDED, error.args[-1]) from error
            raise

    def _read_bytes(self, num_bytes: int) -> bytes:
        """A part's head or, each second time, the part."""
        self._reads += 1
        read: bytes = super()._read_bytes(num_bytes)  # type: ignore[misc]
        if self._reads == _FIRST_PART:
            self._is_of_rows = len(read) > _KIND_AT and read[_KIND_AT] in _OF_ROWS
        return b"" if self._is_of_rows and self._reads > _FIRST_PART and self._reads % 2 == 0 else read

    def has_transaction(self) -> bool:
        """Whether a whole transaction's end is here already, in the file that is being read."""
        self.line.waits = False
        try:
            return _holds_commit(self._rfile.peek())
        finally:
            self.line.waits = True

    def _write_bytes(self, data: bytes) -> None:
        if len(data) > 11 and data[4] == _COM_BINLOG_DUMP:
            flags = int.from_bytes(data[9:11], "little") | _SEND_ANNOTATE_ROWS
            data = data[:9] + flags.to_bytes(2, "little") + data[11:]
        super()._write_bytes(data)  # type: ignore[misc]


def _connect(**settings: Any) -> _BinlogConnection:
    return _BinlogConnection(**settings)


class Tailer:
    """Yields transactions from a position on, for ever; the caller's thread waits in it."""

    def __init__(self, connection: dict[str, Any], server_id: int, folder: Path, file: str, offset: int) -> None:
        """`connection` is pymysql's arguments, `folder` that of the binlog; `file` and `offset` the place to begin, the
        end of a transaction.
        """
        self._connection, self._server_id, self._folder = connection, server_id, folder
        self._named, self._place = file, Position.parse(file, offset)
        self._stream = self._from_place()

    def _from_place(self) -> Any:
        """What comes from there. Raises PositionGone for a place that MariaDB cannot be asked for."""
        if self._place.offset >= _FOUR_BYTES:
            raise PositionGone(f"{self._place.offset} in {self._named} is beyond what can be asked for")
        return BinLogStreamReader(
            connection_settings=self._connection,
            pymysql_wrapper=_connect,
            server_id=self._server_id,
            blocking=True,
            resume_stream=True,
            log_file=self._named,
            log_pos=self._place.offset,
            only_events=[
                MariadbGtidEvent,
                MariadbAnnotateRowsEvent,
                KnownTableMap,
                WriteRowsEvent,
                UpdateRowsEvent,
                DeleteRowsEvent,
                QueryEvent,
                XidEvent,
                XAPrepareEvent,
                RotateEvent,
            ],
            slave_heartbeat=2,
        )

    @property
    def file(self) -> str:
        """Name of the binlog file being read."""
        return str(self._stream.log_file)

    def transactions(self) -> Iterator[Transaction]:
        """Raises PositionGone, or pymysql.err.OperationalError when the server is lost."""
        try:
            waiting: Transaction | None = None
            for done in self._one_by_one():
                together = waiting.and_then(done) if waiting else done
                if waiting and together is None:
                    yield waiting
                waiting = together or done
                if not waiting.is_plain or not self._stream._stream_connection.has_transaction():
                    yield waiting
                    waiting = None
        except pymysql.err.OperationalError as error:
            if error.args and error.args[0] in _GONE:
                raise PositionGone(str(error.args[-1])) from error
            raise

    def _one_by_one(self) -> Iterator[Transaction]:
        group = _Group()
        while True:
            try:
                event = self._stream.fetchone()
            except pymysql.err.OperationalError as error:
                if _TOO_LARGE not in str(error.args[-1]):
                    raise
                self._skip_event()
                group.skip_event()
                continue
            if event is None:
                return
            self._move()
            done = group.add(event, self._place)
            if done is not None:
                yield replace(done, came=self._stream._stream_connection.line.came)
                group = _Group()

    def _move(self) -> None:
        """To the end of what was read."""
        if self.file != self._named:
            self._named, self._place = self.file, Position.parse(self.file, 0)
        offset = self._place.offset // _FOUR_BYTES * _FOUR_BYTES + int(self._stream.log_pos)
        self._place = self._place._replace(offset=offset + (_FOUR_BYTES if offset < self._place.offset else 0))

    def _skip_event(self) -> None:
        self._move()
        try:
            head = files.head_at(self._folder / self._named, self._place.offset)
        except OSError as error:
            raise PositionGone(f"an event too large to be sent cannot be skipped: {error}") from error
        if head is None or head.size < _LARGEST:
            raise PositionGone(f"no large event begins at {self._place.offset} in {self._named}")
        _log.warning("event_skipped", file=self._named, offset=self._place.offset, size=head.size)
        self._stream.close()
        self._place = self._place._replace(offset=self._place.offset + head.size)
        self._stream = self._from_place()

    def close(self) -> None:
        self._stream.close()


class _Group:
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


def _holds_commit(packets: bytes) -> bool:
    """Whether what came ends a transaction (a few bytes of its last packet may be on their way), before another file
    begins.
    """
    at = 0
    while at + _TYPE_AT < len(packets):
        kind = packets[at + _TYPE_AT]
        if kind == _XID_EVENT:
            return True
        if kind in (_ROTATE_EVENT, _FORMAT_DESCRIPTION_EVENT):
            return False
        at += _HEADER + int.from_bytes(packets[at : at + 3], "little")
    return False


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

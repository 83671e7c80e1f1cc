"""Follows MariaDB's row binlog and hands on whole transactions, in order, with the rows that they changed.

What stands in line behind a plain transaction is handed on with it, as one: to ask what a change touches takes nearly
as long for one as for twenty, and while one is asked for, a bulk change (an import) commits more.

The reader is python-mysql-replication, which decodes rows when they are asked for (`group.py`). An event of more than a
gigabyte (one row that is half as wide, before and after) MariaDB does not send at all, nor what stands behind it: it is
skipped in its file, and may have changed anything of its database.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymysql
import structlog
from pymysqlreplication import BinLogStreamReader
from pymysqlreplication.event import (
    MariadbAnnotateRowsEvent,
    MariadbGtidEvent,
    QueryEvent,
    RotateEvent,
    XAPrepareEvent,
    XidEvent,
)
from pymysqlreplication.row_event import DeleteRowsEvent, UpdateRowsEvent, WriteRowsEvent

from pressroom.pagecache.binlog import files
from pressroom.pagecache.binlog.connection import BinlogConnection
from pressroom.pagecache.binlog.group import Group
from pressroom.pagecache.binlog.positions import Position, PositionGone, Transaction
from pressroom.pagecache.binlog.table_maps import KnownTableMap

_log = structlog.get_logger(__name__)

_GONE = (1236,)  # ER_MASTER_FATAL_ERROR_READING_BINLOG: the position is not there (any more)
_TOO_LARGE = "exceeded max_allowed_packet"  # its words where an event is what cannot be sent
_LARGEST = 2**30 - 2**20  # bytes: nothing smaller is refused so
# In so many numbers a place is told, though a file may be larger: what is committed together is not torn apart.
_FOUR_BYTES = 2**32


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
            pymysql_wrapper=BinlogConnection,
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
        group = Group()
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
                group = Group()

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

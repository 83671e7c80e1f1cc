"""The connection over which MariaDB sends its binlog.

It asks for annotations too, keeps of an event of rows what is decoded of it, and tells whether more is here already.
"""

from __future__ import annotations

import io
import select
import time
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.constants import CR

# mariadb.com/kb/en/com_binlog_dump: command byte, and the flag that asks for Annotate_rows events.
_COM_BINLOG_DUMP = 0x12
_SEND_ANNOTATE_ROWS = 0x02
_BUFFER = 1024 * 1024  # bytes
# mariadb.com/kb/en/replication-protocol: four bytes of length and number, "OK", four of the time, and the event's type.
_HEADER, _KIND_AT = 4, 5
_TYPE_AT = _HEADER + _KIND_AT
_FIRST_PART = 2  # of what is read for a packet
_ROTATE_EVENT, _FORMAT_DESCRIPTION_EVENT, _XID_EVENT = 4, 15, 16
# mariadb.com/kb/en/2-binlog-event-header: of rows, in both versions. Of those that come in several parts, of 16 MB, the
# first is kept: no more is decoded.
_OF_ROWS = frozenset({23, 24, 25, 30, 31, 32})
# Errors after which the library would go on by itself, at a place of which it has four bytes, on whichever server.
_LOST = (CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST)


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


class BinlogConnection(Connection):
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

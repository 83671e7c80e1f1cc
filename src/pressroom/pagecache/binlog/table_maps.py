"""What the binlog says of a table before each statement that changes its rows, parsed once for each table.

MariaDB sends it with names, character sets and keys of all columns; the library reads it anew each time, which takes as
long as all else of a small transaction. It has no way to be given another class for an event: hence `_EVENTS`.
"""

from __future__ import annotations

from typing import Any

from pymysqlreplication.constants.BINLOG import TABLE_MAP_EVENT
from pymysqlreplication.event import BinLogEvent
from pymysqlreplication.packet import BinLogPacketWrapper
from pymysqlreplication.row_event import TableMapEvent

_HEADER = 20  # bytes: when, where and of which kind it is
_MOST_KNOWN = 2_000  # tables
_FIELDS = ("table_id", "schema", "table", "columns", "table_obj")
_EVENTS: dict[int, type[BinLogEvent]] = vars(BinLogPacketWrapper)["_BinLogPacketWrapper__event_map"]


class KnownTableMap(TableMapEvent):  # type: ignore[misc]  # the library has no types
    """By all bytes that it consists of: a table that is made otherwise now has others."""

    _known: dict[bytes, dict[str, Any]] = {}  # noqa: RUF012 (what all tailers of the process have read)

    def __init__(
        self, from_packet: Any, event_size: int, table_map: dict[int, Any], ctl_connection: Any, **options: Any
    ) -> None:
        text = from_packet.packet.get_all_data()[_HEADER : _HEADER + event_size]
        before = self._known.get(text)
        if before is None:
            super().__init__(from_packet, event_size, table_map, ctl_connection, **options)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[text] = {name: getattr(self, name) for name in _FIELDS}
            return
        BinLogEvent.__init__(self, from_packet, event_size, table_map, ctl_connection, **options)
        self.__dict__.update(before)
        table_map[self.table_id] = self.table_obj


_EVENTS[TABLE_MAP_EVENT] = KnownTableMap

"""The binlog's files as they lie on the disk, by the heads of their events.

MariaDB tells the GTID of a place by SQL, faster, but only where no event before it in its file is larger than a
session's packet (16 MB: a row of eight that was changed); and it sends no event of more than a gigabyte.

mariadb.com/kb/en/2-binlog-event-header: when, type, server, size, end of the event, flags.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import NamedTuple

_MAGIC = b"\xfebin"
_HEAD = struct.Struct("<IBIIIH")
# mariadb.com/kb/en/gtid_event, gtid_list_event: number and domain; how many, each with domain, server and number.
_GTID, _GTID_BODY = 162, struct.Struct("<QI")
_GTID_LIST, _COUNT, _GTID_ENTRY = 163, struct.Struct("<I"), struct.Struct("<IIQ")
_COUNT_BITS = 0x0FFFFFFF  # of the list's first field; flags are above


class Head(NamedTuple):
    """An event's type, the server that wrote it, and its size in bytes, head included."""

    kind: int
    server: int
    size: int


def head_at(file: Path, offset: int) -> Head | None:
    """Of the event that begins there; None where none can. Raises OSError."""
    with file.open("rb") as binlog:
        binlog.seek(offset)
        return _head(binlog.read(_HEAD.size), 0)


def gtid_at(file: Path, offset: int) -> str | None:
    """GTID of the last transaction that begins before this place, "0-0-0" for none; None where no event ends there.

    Raises OSError.
    """
    if file.stat().st_size < offset:
        return None
    with file.open("rb") as binlog, mmap.mmap(binlog.fileno(), 0, access=mmap.ACCESS_READ) as text:
        if text[: len(_MAGIC)] != _MAGIC:
            return None
        at, gtid = len(_MAGIC), "0-0-0"
        while at < offset:
            head = _head(text, at)
            if head is None or at + head.size > len(text):
                return None
            body = at + _HEAD.size
            if head.kind == _GTID:
                number, domain = _GTID_BODY.unpack_from(text, body)
                gtid = f"{domain}-{head.server}-{number}"
            elif head.kind == _GTID_LIST and (count := _COUNT.unpack_from(text, body)[0] & _COUNT_BITS):
                newest = body + _COUNT.size + (count - 1) * _GTID_ENTRY.size
                domain, server, number = _GTID_ENTRY.unpack_from(text, newest)
                gtid = f"{domain}-{server}-{number}"
            at += head.size
        return gtid if at == offset else None


def _head(text: bytes | mmap.mmap, at: int) -> Head | None:
    if at + _HEAD.size > len(text):
        return None
    _, kind, server, size, _, _ = _HEAD.unpack_from(text, at)
    return Head(kind, server, size) if size >= _HEAD.size else None

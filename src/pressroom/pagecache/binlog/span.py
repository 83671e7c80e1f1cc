"""What one site's transactions changed between two places of the binlog: evidence for whoever looks for a cause."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pymysql

from pressroom.pagecache.binlog.master import Master
from pressroom.pagecache.binlog.positions import Position, PositionGone, Transaction
from pressroom.pagecache.binlog.tailer import Tailer

_PATIENCE = 3.0  # seconds of reading; the binlog is every site's, and a page may have stood for days
_NEXT_TO_THE_TAILER = 1_000_000  # added to its number, for a replica's must be its own


def changes_of(master: Master, site: str, fence: Position, file: str, offset: int, *, size: int) -> tuple[str, str]:
    """The site's transactions after `fence` up to this place, one JSON object a line, at most `size` characters.

    The other word says how far that goes: "whole", or why it ends before.
    """
    lines: list[str] = []
    end, left = Position.parse(file, offset), size
    if fence >= end:
        return "", "whole"
    until = time.monotonic() + _PATIENCE
    number = master.tailer_id + _NEXT_TO_THE_TAILER
    tailer = None
    try:
        tailer = Tailer(master.settings, number, master.binlogs, name_of(fence, file), fence.offset)
        for transaction in tailer.transactions():
            if transaction.end > end:
                break
            for line in _lines(site, transaction):
                left -= len(line)
                if left < 0:
                    return "".join(lines), f"cut at {size} characters"
                lines.append(line)
            if transaction.end >= end:
                break
            if time.monotonic() > until:
                return "".join(lines), f"read for {_PATIENCE:g} seconds only"
    except (PositionGone, pymysql.err.Error, OSError) as error:
        return "".join(lines), f"could not be read: {error}"
    finally:
        if tailer is not None:
            tailer.close()
    return "".join(lines), "whole"


def name_of(place: Position, like: str) -> str:
    """A binlog file's name, in the manner of another one's."""
    return f"{like.rpartition('.')[0]}.{place.file:06d}"


def _lines(site: str, transaction: Transaction) -> Iterator[str]:
    writes = [write for write in transaction.writes if write.database == site]
    if writes:
        rows = [
            {"table": row.table, "before": row.before, "after": row.after}
            for row in transaction.rows
            if row.database == site
        ]
        plain = {
            "sequence": transaction.sequence,
            "end": list(transaction.end),
            "writes": sorted({f"{write.table or '(statement)'} by {write.author or 'somebody'}" for write in writes}),
            "rows": rows,
        }
        yield json.dumps(plain, default=str) + "\n"

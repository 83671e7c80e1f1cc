"""Places in MariaDB's binlog, and transactions as the page cache sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pressroom.model.errors import InvalidInput
from pressroom.pagecache.sql.predicate import Row


class Position(NamedTuple):
    """A place in the binlog: the number of the file (``binlog.000012`` is 12) and the byte in it. Ordered."""

    file: int
    offset: int

    @classmethod
    def parse(cls, file: str, offset: int) -> Position:
        """From MariaDB's words. Raises InvalidInput for a name that no binlog has."""
        number = file.rpartition(".")[2]
        if not number.isascii() or not number.isdigit():
            raise InvalidInput(f"not a binlog file name: {file!r}", hint="see SHOW BINARY LOGS")
        return cls(int(number), int(offset))


class PositionGone(Exception):
    """The server has no binlog at that position: purged, another server's, or not written yet."""


# A request that will wait at the barrier before its answer leaves: until then the old pages are right.
WRITER = "writer"
# A page view by somebody who is not logged in.
VISITOR = "visitor"


@dataclass(frozen=True)
class Write:
    """One statement's rows in one table, or a statement that may have changed anything (``table`` None).

    ``author`` is who sent the statement, as its annotation claims: the ticket of a render, WRITER, VISITOR, or None.
    """

    database: str
    table: str | None
    author: str | None


# Stands for the definitions of all tables: what asks for them reads it, DDL changes it.
STRUCTURE = "(structure)"
_MOST_TOGETHER = 50  # rows of transactions that are taken as one


@dataclass(frozen=True)
class RowChange:
    """One row as it was and as it is; ``before`` None: it is new, ``after`` None: it is gone.

    Values are Python's; what the binlog does not tell (a zero date reads like NULL) is `sql.predicate.UNKNOWN`.
    """

    database: str
    table: str
    before: Row | None
    after: Row | None

    @classmethod
    def unknown(cls, database: str, table: str) -> RowChange:
        """Any row of the table: so many changed that they were not looked at, or a statement changed it as a whole."""
        return cls(database, table, None, {})

    @property
    def is_unknown(self) -> bool:
        return self.before is None and self.after == {}


@dataclass(frozen=True)
class Transaction:
    """One committed transaction: its sequence number, where it ends, what it wrote, and the rows that changed.

    ``came``: it was not there to be read before this moment (``time.monotonic()``); None: not known. ``prepared``: it
    ended with XA PREPARE; what it wrote is seen later, or never, and its rows are not told.
    """

    sequence: int
    end: Position
    writes: frozenset[Write]
    rows: tuple[RowChange, ...] = ()
    came: float | None = None
    prepared: bool = False

    @property
    def is_plain(self) -> bool:
        """Nobody's who waits or whose render it is, and known by its rows."""
        return all(write.author is None and write.table not in (None, STRUCTURE) for write in self.writes)

    def and_then(self, later: Transaction) -> Transaction | None:
        """Of this plain one and the next, one that ends where that does; None where they must stay apart."""
        rows = self.rows + later.rows
        if not later.is_plain or len(rows) > _MOST_TOGETHER:
            return None
        return Transaction(later.sequence, later.end, self.writes | later.writes, rows, self.came)


@dataclass(frozen=True)
class Place:
    """Where the tailer is: binlog file name, byte, GTID there, and the boot of the machine that wrote it."""

    file: str
    offset: int
    gtid: str
    boot: str

"""Transactions that are prepared (XA) end with their connection.

MariaDB keeps one whose connection has gone until somebody decides it, over its own restart too, and has neither a bound
nor a privilege for it. Each of them makes every statement of every site a little slower, at some 130,000 nobody can
write any more, and what it changed stays locked, so that its site cannot be removed. They are there for a manager of
transactions that comes back and decides; a site has one database and needs none.
"""

from __future__ import annotations

import time

import pymysql
import structlog
from pymysql.constants import CR, ER
from pymysql.cursors import Cursor

_log = structlog.get_logger("prepared")
_TURN = 1.0  # seconds of rolling back until they are listed anew


class Prepared:
    """Of one server."""

    def __init__(self) -> None:
        self._before: frozenset[str] = frozenset()
        self.is_behind = False  # whether there was no time for all of them at the last look

    def look(self, cursor: Cursor) -> int:
        """Roll back those that were there at the last look too and have no connection; how many. May take as long as
        what one of them wrote.
        """
        cursor.execute("XA RECOVER FORMAT='SQL'")  # names for a statement: in hexadecimal but for plain ones
        now = frozenset(str(row[-1]) for row in cursor.fetchall())
        end, ended = time.monotonic() + _TURN, 0
        self.is_behind = False
        for name in now & self._before:
            if time.monotonic() > end:
                self.is_behind = True
                break
            ended += _rolled_back(cursor, name)
        self._before = now
        if ended:
            _log.warning("prepared_transactions_rolled_back", number=ended)
        return ended


def _rolled_back(cursor: Cursor, name: str) -> bool:
    """False where a connection has it still: MariaDB says then that it knows none of that name."""
    try:
        cursor.execute(f"XA ROLLBACK {name}")
    except pymysql.err.MySQLError as error:
        if error.args[0] >= CR.CR_ERROR_FIRST:  # the connection is lost; else it is the server's own answer
            raise
        if error.args[0] not in (ER.XAER_NOTA, ER.XA_RBROLLBACK):
            _log.warning("not_rolled_back", name=name, error=str(error))
        return bool(error.args[0] == ER.XA_RBROLLBACK)  # one that had written nothing
    return True

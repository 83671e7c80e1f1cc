"""Who leaves prepared transactions (XA) behind faster than they can be rolled back is held: his account is locked.

To prepare costs a write to the disk that all connections share, to roll back one for each. So thirty connections leave
some thousand in a second, of which eighty can be ended; at some 130,000 nobody can write any more. Whose one is MariaDB
does not tell once its connection has gone; but InnoDB tells its number, and before that its connection.
"""

from __future__ import annotations

import contextlib
import time

import pymysql
import structlog
from pymysql.constants import ER
from pymysql.cursors import Cursor

from pressroom.database.mariadb import account

_log = structlog.get_logger("holds")
_MOST = 200  # left behind at one time, from which on it is looked who leaves more
_HELD = 60.0  # seconds that an account is held at least
_SAMPLING = 1.0  # seconds of looking who it is, in one look
_BETWEEN = 0.11  # InnoDB tells what it found before, while it is asked within a tenth of a second
_READ_ONLY = 2**48  # numbers from here on are those of transactions that wrote nothing: places in memory, used again


class Holds:
    """Of one server's accounts with this prefix. It goes on with those that are held already."""

    def __init__(self, prefix: str) -> None:
        self._sites = f"{prefix}-s%"
        self._left: set[int] = set()
        self._held: dict[str, float] | None = None

    def look(self, cursor: Cursor) -> None:
        """Hold who leaves some now, where there are many; let go who has been held and has left few."""
        if self._held is None:
            self._held = dict.fromkeys(self._locked(cursor), time.monotonic())
        before, (self._left, _) = self._left, self._transactions(cursor)
        if len(self._left) > _MOST:
            if self._left - before:
                for name in self._leavers(cursor) - self._held.keys():
                    self._hold(cursor, name)
            return
        for name, since in list(self._held.items()):
            if time.monotonic() - since >= _HELD:
                self._let_go(cursor, name)

    def _leavers(self, cursor: Cursor) -> set[str]:
        """Whose transaction had a connection and has none: only a prepared one's number stays then."""
        seen: dict[int, str] = {}
        end = time.monotonic() + _SAMPLING
        while True:
            left, attended = self._transactions(cursor)
            found = {seen[number] for number in left & seen.keys()}
            if found or time.monotonic() > end:
                return found
            seen.update(attended)
            time.sleep(_BETWEEN)

    def _transactions(self, cursor: Cursor) -> tuple[set[int], dict[int, str]]:
        """Those that wrote and have no connection; and those of sites that have one, with the account."""
        cursor.execute("SELECT ID, USER FROM information_schema.PROCESSLIST WHERE USER LIKE %s", (self._sites,))
        accounts = {int(connection): str(user) for connection, user in cursor.fetchall()}
        cursor.execute("SELECT trx_id, trx_mysql_thread_id FROM information_schema.INNODB_TRX")
        rows = [(int(number), int(connection)) for number, connection in cursor.fetchall()]
        wrote = [(number, connection) for number, connection in rows if number < _READ_ONLY]
        left = {number for number, connection in wrote if not connection}
        return left, {number: accounts[connection] for number, connection in wrote if connection in accounts}

    def _locked(self, cursor: Cursor) -> list[str]:
        cursor.execute(
            "SELECT User FROM mysql.global_priv WHERE User LIKE %s AND JSON_VALUE(Priv, '$.account_locked')",
            (self._sites,),
        )
        return [user.decode() if isinstance(user, bytes) else str(user) for (user,) in cursor.fetchall()]

    def _hold(self, cursor: Cursor, name: str) -> None:
        assert self._held is not None
        with contextlib.suppress(_Gone):
            _altered(cursor, name, "LOCK")
            cursor.execute(f"KILL USER {account(name)}")
            self._held[name] = time.monotonic()
            _log.warning("held", account=name, left_behind=len(self._left))

    def _let_go(self, cursor: Cursor, name: str) -> None:
        assert self._held is not None
        with contextlib.suppress(_Gone):
            _altered(cursor, name, "UNLOCK")
            _log.info("let_go", account=name)
        del self._held[name]


class _Gone(Exception):
    """The site was deleted meanwhile."""


def _altered(cursor: Cursor, name: str, word: str) -> None:
    try:
        cursor.execute(f"ALTER USER {account(name)} ACCOUNT {word}")
    except pymysql.err.MySQLError as error:
        if error.args[0] == ER.CANNOT_USER:
            raise _Gone from error
        raise

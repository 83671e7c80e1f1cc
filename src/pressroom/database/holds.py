"""Who leaves prepared transactions (XA) behind faster than they can be rolled back is held: his account is locked.

To prepare costs a write to the disk that all connections share, to roll back one for each. So thirty connections leave
some thousand in a second, of which eighty can be ended; at some 130,000 nobody can write any more. Whose one is MariaDB
does not tell once its connection has gone; but InnoDB tells its number, and before that its connection.
"""

from __future__ import annotations

import time

import pymysql
import structlog
from pymysql.constants import ER
from pymysql.cursors import Cursor

from pressroom.database.mariadb import account

_log = structlog.get_logger("holds")
_MOST = 200  # left behind at one time, from which on it is looked who leaves more
_HELD = 60.0  # seconds that an account is held at least
# Seconds between two looks. InnoDB tells the same again within a tenth of a second from when anybody asked last, and
# the invalidator asks, too.
_CALM, _ALARMED = 1.0, 0.25
_READ_ONLY = 2**48  # numbers from here on are those of transactions that wrote nothing: places in memory, used again


class Holds:
    """Of one server's accounts with this prefix. It goes on with those that are held already."""

    def __init__(self, prefix: str) -> None:
        self._sites = f"{prefix}-s%"
        self._attended: dict[int, str] = {}  # whose a transaction is that had a connection when many were left
        self._held: dict[str, float] | None = None

    def look(self, cursor: Cursor) -> float:
        """Hold who leaves some now, where there are many; let go who has been held and has left few. In so many seconds
        it is to be looked again.
        """
        if self._held is None:
            self._held = dict.fromkeys(self._locked(cursor), time.monotonic())
        there, attended = self._transactions(cursor)
        left = {number for number, connection in there.items() if not connection}
        if len(left) > _MOST:
            found = {self._attended.pop(number) for number in left & self._attended.keys()}
            known = {number: name for number, name in self._attended.items() if number in there}
            self._attended = known | attended
            for name in found:
                self._hold(cursor, name, len(left))
            return _ALARMED
        self._attended.clear()
        for name, since in list(self._held.items()):
            if time.monotonic() - since >= _HELD:
                self._let_go(cursor, name)
        return _CALM

    def forget(self) -> None:
        """Whose transactions are under way: a server that was started anew has none of their connections."""
        self._attended.clear()

    def _transactions(self, cursor: Cursor) -> tuple[dict[int, int], dict[int, str]]:
        """Those that wrote, with their connections (0: none); and those of sites' connections, with the account."""
        # Who is about to change his name may stand there under whatever name he says.
        cursor.execute(
            "SELECT ID, USER FROM information_schema.PROCESSLIST"
            " WHERE USER LIKE %s AND COMMAND NOT IN ('Change user', 'Connect')",
            (self._sites,),
        )
        accounts = {int(connection): str(user) for connection, user in cursor.fetchall()}
        cursor.execute("SELECT trx_id, trx_mysql_thread_id FROM information_schema.INNODB_TRX")
        rows = ((int(number), int(connection)) for number, connection in cursor.fetchall())
        there = {number: connection for number, connection in rows if number < _READ_ONLY}
        return there, {number: accounts[connection] for number, connection in there.items() if connection in accounts}

    def _locked(self, cursor: Cursor) -> list[str]:
        cursor.execute(
            "SELECT User FROM mysql.global_priv WHERE User LIKE %s AND JSON_VALUE(Priv, '$.account_locked')",
            (self._sites,),
        )
        return [user.decode() if isinstance(user, bytes) else str(user) for (user,) in cursor.fetchall()]

    def _hold(self, cursor: Cursor, name: str, left: int) -> None:
        """Again, where it is held and a connection of it has outlived that."""
        assert self._held is not None
        if name not in self._held:
            _log.warning("held", account=name, left_behind=left)
        self._held[name] = time.monotonic()  # first of all: what MariaDB is asked it does, though nobody waits for it
        if _altered(cursor, name, "LOCK"):
            cursor.execute(f"KILL USER {account(name)}")
        else:
            del self._held[name]

    def _let_go(self, cursor: Cursor, name: str) -> None:
        assert self._held is not None
        _altered(cursor, name, "UNLOCK")
        _log.info("let_go", account=name)
        del self._held[name]


def _altered(cursor: Cursor, name: str, word: str) -> bool:
    """False where the site was deleted meanwhile."""
    try:
        cursor.execute(f"ALTER USER {account(name)} ACCOUNT {word}")
    except pymysql.err.MySQLError as error:
        if error.args[0] != ER.CANNOT_USER:
            raise
        return False
    return True

"""MariaDB's administration: first data, accounts, databases, grants. Spoken over the Unix socket as root.

Accounts have no passwords: MariaDB's unix_socket plugin lets in the Unix user of the same name, and nobody else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql
from pymysql.cursors import Cursor

from pressroom.model.errors import NotRunning
from pressroom.model.walls import AccountCaps
from pressroom.system import process

# What a site may do in its own database; nothing that reaches beyond it.
_SITE_PRIVILEGES = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, CREATE TEMPORARY TABLES, LOCK TABLES,"
    " CREATE VIEW, SHOW VIEW, TRIGGER, CREATE ROUTINE, ALTER ROUTINE, EXECUTE, EVENT"
)


def make_data_directory(data: Path, config: Path, user: str) -> None:
    """MariaDB's system tables in an empty folder that `user` owns; root of the machine is its only account."""
    process.run(
        [
            "mariadb-install-db",
            f"--defaults-file={config}",
            f"--user={user}",
            f"--datadir={data}",
            "--auth-root-authentication-method=socket",
            "--skip-test-db",
            "--skip-name-resolve",
        ]
    )


class MariaDB:
    """One server, by its socket. Each call is one short connection."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def alive(self) -> bool:
        try:
            with self._cursor() as cursor:
                cursor.execute("SELECT 1")
        except NotRunning:
            return False
        return True

    def accounts(self) -> set[str]:
        with self._cursor() as cursor:
            cursor.execute("SELECT User FROM mysql.user WHERE Host='localhost'")
            return {_text(row[0]) for row in cursor.fetchall()}

    def may_follow(self, user: str) -> bool:
        """Whether the daemons' account has all that `ensure_platform_account` gives it."""
        columns = ("Select_priv", "Repl_slave_priv", "References_priv", "Process_priv")
        with self._cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(columns)} FROM mysql.user WHERE Host='localhost' AND User=%s", (user,))
            row = cursor.fetchone()
            return row is not None and {_text(word) for word in row} == {"Y"}

    def databases(self) -> set[str]:
        with self._cursor() as cursor:
            cursor.execute("SHOW DATABASES")
            return {_text(row[0]) for row in cursor.fetchall()}

    def has_tables(self, database: str) -> bool:
        with self._cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema=%s", (database,))
            row = cursor.fetchone()
            return bool(row and row[0])

    def ensure_platform_account(self, user: str) -> None:
        """The daemons' account: follows the binlog, reads the sites' tables. It runs no function: a site's, in a view,
        would read other sites' tables for it.
        """
        with self._cursor() as cursor:
            cursor.execute(f"CREATE USER IF NOT EXISTS {account(user)} IDENTIFIED VIA unix_socket")
            # Foreign keys are shown to who has more than SELECT on their tables; REFERENCES alone changes nothing. What
            # transactions are under way is shown by PROCESS.
            rights = "REPLICATION SLAVE, BINLOG MONITOR, PROCESS, SELECT, REFERENCES"
            cursor.execute(f"GRANT {rights} ON *.* TO {account(user)}")

    def ensure_governor_account(self, user: str) -> None:
        """Of the server's own user, whose its files are."""
        with self._cursor() as cursor:
            cursor.execute(f"CREATE USER IF NOT EXISTS {account(user)} IDENTIFIED VIA unix_socket")
            cursor.execute(f"GRANT ALL PRIVILEGES ON *.* TO {account(user)} WITH GRANT OPTION")

    def caps(self, user: str) -> AccountCaps | None:
        """What an account may take; None where there is none of that name."""
        with self._cursor() as cursor:
            cursor.execute(
                "SELECT max_user_connections, max_statement_time FROM mysql.user WHERE Host='localhost' AND User=%s",
                (user,),
            )
            row = cursor.fetchone()
            return None if row is None else AccountCaps(int(row[0]), float(row[1]))

    def ensure_site(self, database: str, user: str, caps: AccountCaps) -> None:
        """The site's database and its account, which reaches that database alone. Caps hold for new connections."""
        with self._cursor() as cursor:
            cursor.execute(f"CREATE DATABASE IF NOT EXISTS {_name(database)}")
            cursor.execute(f"CREATE USER IF NOT EXISTS {account(user)} IDENTIFIED VIA unix_socket")
            cursor.execute(
                f"ALTER USER {account(user)} WITH MAX_USER_CONNECTIONS {caps.connections}"
                f" MAX_STATEMENT_TIME {caps.statement_seconds:g}"
            )
            cursor.execute(f"GRANT {_SITE_PRIVILEGES} ON {_pattern(database)}.* TO {account(user)}")

    def empty_database(self, database: str) -> None:
        """As new: what a broken installation left is gone."""
        with self._cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {_name(database)}")
            cursor.execute(f"CREATE DATABASE {_name(database)}")

    def remove_site(self, database: str, user: str) -> None:
        """Its statements end too: MariaDB goes on with one whose client and account have gone, and drops no table that
        is locked.
        """
        with self._cursor() as cursor:
            cursor.execute(f"DROP USER IF EXISTS {account(user)}")
            cursor.execute(f"KILL USER {account(user)}")
            cursor.execute(f"DROP DATABASE IF EXISTS {_name(database)}")

    @contextmanager
    def _cursor(self) -> Iterator[Cursor]:
        settings: dict[str, Any] = {
            "unix_socket": str(self._socket),
            "user": "root",
            "charset": "utf8mb4",
            "ssl_disabled": True,
        }
        try:
            connection = pymysql.connect(**settings, connect_timeout=5, read_timeout=60, autocommit=True)
        except pymysql.err.OperationalError as error:
            raise NotRunning(
                f"MariaDB does not answer at {self._socket}: {error.args[-1]}",
                hint="`pressroom up` starts it; var/log/mariadb.log says why it went",
            ) from error
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()


def _name(database: str) -> str:
    return "`" + database.replace("`", "``") + "`"


def _pattern(database: str) -> str:
    """A database's name in GRANT, where ``_`` and ``%`` are wildcards (mariadb.com/kb/en/grant)."""
    return _name(database.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%"))


def account(user: str) -> str:
    """As statements name it."""
    return "'" + user.replace("\\", "\\\\").replace("'", "''") + "'@'localhost'"


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)

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
from pressroom.model.walls import AccountCaps, reader_of
from pressroom.system import process

# What a site may do in its own database; nothing that reaches beyond it.
_SITE_PRIVILEGES = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, CREATE TEMPORARY TABLES, LOCK TABLES,"
    " CREATE VIEW, SHOW VIEW, TRIGGER, CREATE ROUTINE, ALTER ROUTINE, EXECUTE, EVENT"
)

# Foreign keys are shown to who has more than SELECT on their tables, functions to who may alter them. Not EXECUTE.
_READER_PRIVILEGES = "SELECT, REFERENCES, ALTER ROUTINE"


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
        """Roles too."""
        with self._cursor() as cursor:
            cursor.execute("SELECT User FROM mysql.user WHERE Host IN ('localhost', '')")
            return {_text(row[0]) for row in cursor.fetchall()}

    def may_follow(self, user: str) -> bool:
        """Whether the daemons' account has what `ensure_platform_account` gives it, and no right to all tables."""
        columns = "Repl_slave_priv, Select_priv, References_priv"
        with self._cursor() as cursor:
            cursor.execute(f"SELECT {columns} FROM mysql.user WHERE Host='localhost' AND User=%s", (user,))
            row = cursor.fetchone()
            return row is not None and [_text(word) for word in row] == ["Y", "N", "N"]

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
        """The daemons' account: it follows the binlog; what it may read of a site, `ensure_site` says."""
        with self._cursor() as cursor:
            cursor.execute(f"CREATE USER IF NOT EXISTS {_account(user)} IDENTIFIED VIA unix_socket")
            cursor.execute(f"GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO {_account(user)}")
            cursor.execute(f"REVOKE SELECT, REFERENCES ON *.* FROM {_account(user)}")

    def ensure_governor_account(self, user: str) -> None:
        """Of the server's own user, whose its files are."""
        with self._cursor() as cursor:
            cursor.execute(f"CREATE USER IF NOT EXISTS {_account(user)} IDENTIFIED VIA unix_socket")
            cursor.execute(f"GRANT ALL PRIVILEGES ON *.* TO {_account(user)} WITH GRANT OPTION")

    def caps(self, database: str, user: str, platform: str) -> AccountCaps | None:
        """What a site's account may take; None where there is none, or where `platform` may not read its database."""
        with self._cursor() as cursor:
            cursor.execute(
                "SELECT max_user_connections, max_statement_time FROM mysql.user WHERE Host='localhost' AND User=%s"
                " AND EXISTS (SELECT 1 FROM mysql.roles_mapping WHERE Role=%s AND User=%s)",
                (user, reader_of(database), platform),
            )
            row = cursor.fetchone()
            return None if row is None else AccountCaps(int(row[0]), float(row[1]))

    def ensure_site(self, database: str, user: str, platform: str, caps: AccountCaps) -> None:
        """The site's database, its account, which reaches that database alone, and the role by which the `platform`
        reads it. Caps hold for new connections.
        """
        with self._cursor() as cursor:
            cursor.execute(f"CREATE DATABASE IF NOT EXISTS {_name(database)}")
            cursor.execute(f"CREATE USER IF NOT EXISTS {_account(user)} IDENTIFIED VIA unix_socket")
            cursor.execute(
                f"ALTER USER {_account(user)} WITH MAX_USER_CONNECTIONS {caps.connections}"
                f" MAX_STATEMENT_TIME {caps.statement_seconds:g}"
            )
            cursor.execute(f"GRANT {_SITE_PRIVILEGES} ON {_pattern(database)}.* TO {_account(user)}")
            cursor.execute(f"CREATE ROLE IF NOT EXISTS {_name(reader_of(database))}")
            cursor.execute(f"GRANT {_READER_PRIVILEGES} ON {_pattern(database)}.* TO {_name(reader_of(database))}")
            cursor.execute(f"GRANT {_name(reader_of(database))} TO {_account(platform)}")

    def empty_database(self, database: str) -> None:
        """As new: what a broken installation left is gone."""
        with self._cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {_name(database)}")
            cursor.execute(f"CREATE DATABASE {_name(database)}")

    def remove_site(self, database: str, user: str) -> None:
        with self._cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {_name(database)}")
            cursor.execute(f"DROP USER IF EXISTS {_account(user)}")
            cursor.execute(f"DROP ROLE IF EXISTS {_name(reader_of(database))}")

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


def _account(user: str) -> str:
    return "'" + user.replace("\\", "\\\\").replace("'", "''") + "'@'localhost'"


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)

"""Questions to MariaDB about its binlog, asked with the platform's own account."""

from __future__ import annotations

import time
import zlib
from pathlib import Path
from typing import Any

import pymysql
from pymysql.constants import CR

from pressroom.pagecache.binlog import files
from pressroom.pagecache.binlog.positions import Place
from pressroom.pagecache.sql.schema import Column, Schema, Table

_PATIENCE = 1.0  # seconds
# MariaDB tells what is under way from what it found before, while somebody has read that within a tenth of a second.
_FOUND_ANEW, _TRIES = 0.11, 20  # seconds; once more and once more where others read it as well
# Of a table that it leaves out MariaDB warns, as it does of an invalid view: of 64 at the most, unless it is told.
_NO_WAITING = "SET SESSION lock_wait_timeout=0, max_statement_time=0.5, max_error_count=65535"
# ER_LOCK_WAIT_TIMEOUT, ER_WARN_I_S_SKIPPED_TABLE: it is being made or changed.
_LEFT_OUT = (1205, 1684)


class Master:
    """One short connection a question: they are rare, and a lost server must not leave one hanging."""

    def __init__(self, socket: Path, user: str, binlogs: Path) -> None:
        """`binlogs` is the folder of the server's binlog."""
        self.binlogs = binlogs
        self.settings: dict[str, Any] = {
            "unix_socket": str(socket),
            "user": user,
            "charset": "utf8mb4",
            "connect_timeout": 2,
            "read_timeout": 10,
            "ssl_disabled": True,  # pymysql would read the system's authorities first, which takes longer than all else
        }
        # A replica's number must differ from the server's and from other replicas'.
        self.tailer_id = 1_000_000 + zlib.crc32(str(socket).encode()) % 1_000_000

    def _ask(self, statement: str, values: tuple[object, ...] = ()) -> tuple[Any, ...] | None:
        connection = pymysql.connect(**self.settings)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, values)
                row: tuple[Any, ...] | None = cursor.fetchone()
                return row
        finally:
            connection.close()

    def schema(self, database: str) -> Schema:
        """A site's base tables, the tables that foreign keys change without a word in the binlog, stored functions.

        Raises pymysql's errors, also where a table is being made or changed at this moment, as it still is when that
        comes in the binlog: a tenant may take as long for it as he likes (``CREATE TABLE … SELECT SLEEP(30)``), and all
        sites' writers would wait.
        """
        connection = pymysql.connect(**{**self.settings, "read_timeout": _PATIENCE, "init_command": _NO_WAITING})
        try:
            with connection.cursor() as cursor:
                return _schema(cursor, database)
        finally:
            connection.close()

    def newest_place(self) -> Place:
        """The end of the binlog. `boot` is left empty; the next saved place has it. Raises pymysql's errors and
        OSError.
        """
        row = self._ask("SHOW MASTER STATUS")
        if row is None:
            raise pymysql.err.OperationalError(0, "the server writes no binlog")
        file, offset = str(row[0]), int(row[1])
        gtid = self._gtid_at(file, offset)
        if gtid is None:
            raise pymysql.err.OperationalError(0, f"no event ends at {offset} in {file}, where the server says it is")
        return Place(file, offset, gtid, "")

    def newest_sequence(self) -> int:
        """Sequence number of the last committed transaction; 0 when there is none."""
        row = self._ask("SELECT @@GLOBAL.gtid_binlog_pos")
        return int(str(row[0]).rpartition("-")[2] or 0) if row and row[0] else 0

    def under_way(self) -> frozenset[int]:
        """InnoDB's numbers of the transactions that have written and are not ended, the prepared ones too (XA): they
        keep theirs when the server is started again. Of more than 16 MB, some 90,000, MariaDB leaves the oldest out.
        """
        connection = pymysql.connect(**self.settings)
        own = connection.thread_id()  # type: ignore[no-untyped-call]
        try:
            with connection.cursor() as cursor:
                cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
                for _ in range(_TRIES):
                    cursor.execute("SELECT trx_id, trx_mysql_thread_id FROM information_schema.INNODB_TRX")
                    found = cursor.fetchall()
                    if any(thread == own for _, thread in found):  # so it was found after the question
                        return frozenset(number for number, _ in found if number > 0)
                    time.sleep(_FOUND_ANEW)
        finally:
            connection.close()
        raise pymysql.err.OperationalError(0, "it does not tell what is under way now: others ask it all the time")

    def has(self, place: Place) -> bool:
        """Whether this server's binlog has this place, with the same history before it."""
        try:
            gtid = self._gtid_at(place.file, place.offset)
        except FileNotFoundError:
            return False
        return gtid is not None and gtid.rpartition("-")[2] == place.gtid.rpartition("-")[2]

    def _gtid_at(self, file: str, offset: int) -> str | None:
        """None where no event ends there."""
        try:
            row = self._ask("SELECT BINLOG_GTID_POS(%s, %s)", (file, offset))
        except pymysql.err.OperationalError as error:
            # A server that is gone is lost; one that refuses, or reads large transactions for too long, is not.
            if error.args[0] >= CR.CR_ERROR_FIRST and error.args[0] != CR.CR_SERVER_LOST:
                raise
            row = None
        if row is not None and row[0] is not None:
            return str(row[0]) or "0-0-0"
        return files.gtid_at(self.binlogs / file, offset)


def _schema(cursor: Any, database: str) -> Schema:
    def ask(statement: str) -> list[tuple[Any, ...]]:
        cursor.execute(statement, (database,))
        found = list(cursor.fetchall())
        if cursor.warning_count and cursor.execute("SHOW WARNINGS"):
            for _, code, message in cursor.fetchall():
                if code in _LEFT_OUT:
                    raise pymysql.err.OperationalError(code, message)
        return found

    # Not as one statement with a join, which takes eight times as long.
    base = "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA=%s AND TABLE_TYPE='BASE TABLE'"
    tables: dict[str, dict[str, Column]] = {str(name): {} for (name,) in ask(base)}
    generated: set[str] = set()
    for table, name, kind, index, is_generated in ask(
        "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_KEY, IS_GENERATED FROM information_schema.COLUMNS"
        " WHERE TABLE_SCHEMA=%s ORDER BY ORDINAL_POSITION"
    ):
        if table in tables:
            tables[table][str(name)] = Column(str(kind).lower(), str(index))
            if is_generated != "NEVER":
                generated.add(str(table))
    cascading = ask(
        "SELECT DISTINCT REFERENCED_TABLE_NAME, TABLE_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS"
        " WHERE CONSTRAINT_SCHEMA=%s AND NOT (DELETE_RULE IN ('RESTRICT', 'NO ACTION')"
        " AND UPDATE_RULE IN ('RESTRICT', 'NO ACTION'))"
    )
    functions = ask("SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA=%s")
    return Schema(
        {name: Table(columns, name in generated) for name, columns in tables.items() if columns},
        frozenset(str(name).lower() for (name,) in functions),
        frozenset((str(parent), str(child)) for parent, child in cascading),
    )

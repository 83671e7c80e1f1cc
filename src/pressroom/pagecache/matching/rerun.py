"""Runs a page's statement again after a change: if it gives what it gave, the page stays (contract point 3).

Only statements that were analysed are run, so they read the site's own tables and call nothing but plain functions.
They run in a read-only snapshot that has reached the change, with a limit on their time; what goes wrong, or takes
longer than there is time for, counts as changed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pymysql
import structlog
import xxhash
from pymysql.connections import Connection
from pymysql.constants import COMMAND
from pymysql.converters import escape_string

from pressroom.pagecache.binlog.positions import Position
from pressroom.pagecache.matching.reads import Statement
from pressroom.pagecache.sql.literals import Parameter

_log = structlog.get_logger(__name__)

_PATIENCE = 1.0  # seconds for an answer, where nobody said until when it is waited for
_LEAST_PATIENCE = 0.002
_TO_BE_SEEN = 0.03  # seconds for a change to be seen by those who read
ONE_STATEMENT = 0.02  # seconds
_SNAPSHOT_TRIES, _SNAPSHOT_PAUSE = 10, 0.0005
# What WordPress takes out of the session's sql_mode (wpdb::set_sql_mode).
_MODES_TAKEN_OUT = {
    "NO_ZERO_DATE", "ONLY_FULL_GROUP_BY", "STRICT_TRANS_TABLES", "STRICT_ALL_TABLES", "TRADITIONAL", "ANSI",
}  # fmt: skip
_MOST_NEIGHBOURS = 20  # rows that are looked at for one that has changed
# By table, column and number: the rows, None when that is not known (or there are too many).
Look = Callable[[str, str, int], list[dict[str, bytes | None]] | None]
_TIMEOUTS = ("connect_timeout", "read_timeout", "write_timeout")
_ERRORS = (pymysql.err.Error, OSError, ValueError)
_SLOT = re.compile(r":p(\d+)")


class _Connection(Connection):
    """Does not wait for an answer beyond ``until`` (``time.monotonic()``): the server's own limit on a statement's time
    says nothing of how long it is until a snapshot has begun, or until it gets the processor.
    """

    until = float("inf")
    _owes = False

    def _execute_command(self, command: int, sql: Any) -> None:
        self._read_timeout = min(max(self.until - time.monotonic(), _LEAST_PATIENCE), _PATIENCE)
        if self._owes:
            self._owes = False
            self._read_ok_packet()  # type: ignore[attr-defined]
        super()._execute_command(command, sql)  # type: ignore[misc]

    def end_snapshot(self) -> None:
        """Nobody waits for the answer before the next question."""
        self._execute_command(COMMAND.COM_QUERY, "COMMIT")
        self._owes = True


@dataclass(frozen=True)
class Question:
    """A statement, by its number in the index, with the digest of the result that its pages were made from."""

    number: int
    statement: Statement


class Rerun:
    """One connection, made when it is needed. For one thread at a time.

    No answer is waited for beyond a moment that is given (`until`, ``time.monotonic()``): others wait for the asker.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._connection: _Connection | None = None
        self._database = ""
        self._reached: Position | None = None  # the latest state that was seen
        self._keeps = False
        self._kept: Position | None = None  # where the snapshot is that is open

    def connect(self, until: float | None = None) -> _Connection:
        """Beforehand, so that no change waits for it. Raises what pymysql raises."""
        if until is None:
            until = time.monotonic() + _PATIENCE
        if self._connection is None:
            patience = dict.fromkeys(_TIMEOUTS, max(until - time.monotonic(), _LEAST_PATIENCE))
            plain = {**self._settings, **patience, "conv": {}, "use_unicode": False}
            connection = _Connection(**plain, autocommit=True, defer_connect=True)
            connection.until = until
            connection.connect()
            with connection.cursor() as cursor:
                cursor.execute("SELECT @@SESSION.sql_mode")
                modes = (cursor.fetchone() or (b"",))[0].decode().split(",")
                kept = ",".join(mode for mode in modes if mode not in _MODES_TAKEN_OUT)
                cursor.execute(f"SET SESSION sql_mode='{kept}', max_statement_time={ONE_STATEMENT}")
            self._connection = connection
            self._database = ""
        self._connection.until = until
        return self._connection

    @contextmanager
    def one_snapshot(self) -> Iterator[None]:
        """What is asked in here, of one database, is asked of one snapshot: to begin one takes longer than to ask."""
        self._keeps = True
        try:
            yield
        finally:
            self._keeps = False
            self._end()

    def unchanged(self, database: str, questions: Iterable[Question], since: Position, until: float) -> set[int]:
        """The numbers of those whose result is the same in a snapshot that includes what ends at `since`; of what could
        not be asked until then nothing is said.
        """
        same: set[int] = set()
        try:
            with self._cursor(database, until) as cursor:
                if self._begin(cursor, since) is None:
                    return same
                for question in questions:
                    if time.monotonic() > until:
                        break
                    if _gives(cursor, _text(question.statement), question.statement.digest):
                        same.add(question.number)
            self._end()
        except _ERRORS as error:
            _log.info("not_run_again", site=database, error=str(error)[:200])
            self.close()
        return same

    @contextmanager
    def neighbours(
        self, database: str, at: Position, until: float, may_be_later: bool = False
    ) -> Iterator[Look | None]:
        """A way to look for rows by a number, in the very state that `at` ends; None when there is a later one and it
        may not be that.
        """
        try:
            cursor = self._cursor(database, until)
            reached = self._begin(cursor, at)
        except _ERRORS:
            self.close()
            yield None
            return

        def look(table: str, column: str, value: int) -> list[dict[str, bytes | None]] | None:
            if time.monotonic() > until:
                return None
            try:
                cursor.execute(f"SELECT * FROM `{table}` WHERE `{column}` = {value:d} LIMIT {_MOST_NEIGHBOURS + 1}")
                rows = cursor.fetchall()
            except _ERRORS:
                self.close()
                return None
            names = [described[0] for described in cursor.description]
            return None if len(rows) > _MOST_NEIGHBOURS else [dict(zip(names, row, strict=True)) for row in rows]

        try:
            yield look if reached == at or (may_be_later and reached is not None) else None
        finally:
            self._end()

    def reaches(self, place: Position) -> bool:
        """Whether what is read from now on includes what ends at `place`; False too when MariaDB does not answer."""
        if self._reached is not None and place <= self._reached:
            return True  # of a crowd of changes the first look shows all that are there
        try:
            connection = self.connect(time.monotonic() + _TO_BE_SEEN)
            with connection.cursor() as cursor:
                self._reached = self._reach(cursor, place)
            connection.end_snapshot()
            return self._reached is not None
        except _ERRORS as error:
            _log.info("not_visible", error=str(error)[:200])
            self.close()
            return False

    def forget(self) -> None:
        """The binlog has begun anew: places say nothing of those that were seen."""
        self._reached = None

    def close(self) -> None:
        self.forget()
        self._kept = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _cursor(self, database: str, until: float) -> Any:
        connection = self.connect(until)
        if database != self._database:
            connection.select_db(database)
            self._database = database
        return connection.cursor()

    def _begin(self, cursor: Any, since: Position) -> Position | None:
        """Where the snapshot is; None when none comes that includes the change."""
        if self._kept is None or self._kept < since:
            self._kept = self._reach(cursor, since)
        return self._kept

    def _end(self) -> None:
        """A snapshot that stays holds up DDL and the server's housekeeping."""
        if self._keeps or self._kept is None:
            return
        self._kept = None
        try:
            if self._connection is not None:
                self._connection.end_snapshot()
        except _ERRORS:
            self.close()

    @staticmethod
    def _reach(cursor: Any, since: Position) -> Position | None:
        """Begin a snapshot that includes the change: its row events can be here before its commit is visible. Where the
        snapshot is; None when it does not come.
        """
        for _ in range(_SNAPSHOT_TRIES):
            cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            cursor.execute("SHOW STATUS LIKE 'binlog_snapshot_%'")
            place = {name.decode().lower(): value.decode() for name, value in cursor.fetchall()}
            here = Position.parse(place["binlog_snapshot_file"], int(place["binlog_snapshot_position"]))
            if here >= since:
                return here
            cursor.execute("COMMIT")
            time.sleep(_SNAPSHOT_PAUSE)
        return None


def _text(statement: Statement) -> str:
    return _SLOT.sub(lambda slot: _literal(statement.parameters[int(slot.group(1))]), statement.template)


def _literal(parameter: Parameter) -> str:
    if isinstance(parameter, tuple):
        return ", ".join(_literal(value) for value in parameter)
    return f"'{escape_string(parameter)}'" if isinstance(parameter, str) else str(parameter)


def _gives(cursor: Any, text: str, digest: str) -> bool:
    """Whether the statement gives what this digest was made of; "n…" includes what FOUND_ROWS() told next."""
    cursor.execute(text)
    now = _digest(cursor.description or (), cursor.fetchall())
    if digest.startswith("n"):
        cursor.execute("SELECT FOUND_ROWS()")
        now = "n" + xxhash.xxh128(f"{now}:{cursor.fetchone()[0].decode()}".encode()).hexdigest()[1:]
    return now == digest


def _digest(columns: Sequence[tuple[Any, ...]], rows: Sequence[tuple[bytes | None, ...]]) -> str:
    """As php/reads.php makes it, of PHP's serialize(). A row is an object there: of two columns of one name the later
    value counts.
    """
    last: dict[str, int] = {}
    for place, column in enumerate(columns):
        last[column[0]] = place  # a name keeps the place where it came first
    names = [(b's:%d:"%s";' % (len(name.encode()), name.encode()), place) for name, place in last.items()]
    text = xxhash.xxh128(b"a:%d:{" % len(rows))
    for number, row in enumerate(rows):
        text.update(b'i:%d;O:8:"stdClass":%d:{' % (number, len(names)))
        for name, place in names:
            value = row[place]
            text.update(name + (b"N;" if value is None else b's:%d:"%s";' % (len(value), value)))
        text.update(b"}")
    text.update(b"}")
    return text.hexdigest()

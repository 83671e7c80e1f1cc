"""Reads the sites' schedules from MariaDB. Blocking: for a thread."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path

import pymysql

from pressroom.cron.roster import CronSite
from pressroom.cron.schedule import Sight
from pressroom.cron.serialized import LARGEST_VALUE, UnreadableSchedule, next_due

# A site may lock its table, or put a view that sleeps in its place: one look costs the others no more than this.
_SESSION = "SET SESSION lock_wait_timeout = 0, max_statement_time = 0.2"
_CONNECT_TIMEOUT, _READ_TIMEOUT = 2, 5  # seconds
_LOCK = re.compile(rb"\d{1,11}(\.\d{1,30})?")


class DatabaseDown(Exception):
    """MariaDB cannot be reached."""


class OptionReader:
    """One connection, opened when needed. A value that has not changed is not parsed again."""

    def __init__(self, socket: Path, account: str) -> None:
        self._socket = socket
        self._account = account
        self._connection: pymysql.Connection[pymysql.cursors.Cursor] | None = None
        self._parsed: dict[str, tuple[bytes, Sight]] = {}

    def look(self, sites: Iterable[CronSite]) -> Iterator[tuple[str, Sight | None]]:
        """What each site's options show; None for a site whose table cannot be read. Raises DatabaseDown."""
        for site in sites:
            try:
                yield site.name, self._look(site)
            except pymysql.err.MySQLError as error:
                code = error.args[0] if error.args else 0
                if self._connection is None or not self._connection.open or not 1000 <= code < 2000:
                    self.close()
                    raise DatabaseDown(str(error)) from error
                yield site.name, None
            except OSError as error:
                self.close()
                raise DatabaseDown(str(error)) from error

    def forget_all_but(self, names: Iterable[str]) -> None:
        keep = set(names)
        self._parsed = {name: seen for name, seen in self._parsed.items() if name in keep}

    def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(pymysql.err.MySQLError, OSError):
                self._connection.close()
        self._connection = None

    def _look(self, site: CronSite) -> Sight:
        if self._connection is None:
            self._connection = self._connected()
        # Names are checked by the roster: letters, digits, underscores.
        statement = (
            f"SELECT option_name, IF(LENGTH(option_value) <= {LARGEST_VALUE}, option_value, '')"
            f" FROM `{site.name}`.`{site.table_prefix}options`"
            " WHERE option_name IN ('cron', '_transient_doing_cron') LIMIT 2"
        )
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            rows = dict(cursor.fetchall())
        return self._sight(site.name, rows.get(b"cron"), rows.get(b"_transient_doing_cron"))

    def _connected(self) -> pymysql.Connection[pymysql.cursors.Cursor]:
        return pymysql.connect(
            unix_socket=str(self._socket),
            user=self._account,
            charset="utf8mb4",
            use_unicode=False,
            conv={},  # Bytes as they are: the columns' types are the site's, too.
            autocommit=True,
            connect_timeout=_CONNECT_TIMEOUT,
            read_timeout=_READ_TIMEOUT,
            init_command=_SESSION,
            ssl_disabled=True,  # it would read the machine's authorities first
        )

    def _sight(self, name: str, cron: bytes | None, lock: bytes | None) -> Sight:
        if cron is None:
            return Sight(None)
        digest = blake2b(cron + b"\0" + (lock or b""), digest_size=16).digest()
        known = self._parsed.get(name)
        if known is None or known[0] != digest:
            known = (digest, sight_of(cron, lock))
            self._parsed[name] = known
        return known[1]


def sight_of(cron: bytes, lock: bytes | None) -> Sight:
    """What the two options' values mean."""
    text = lock.decode() if lock is not None and _LOCK.fullmatch(lock) else ""
    held = float(text) if text else None
    try:
        return Sight(next_due(cron), held, text)
    except UnreadableSchedule:
        return Sight(None, held, text, unreadable=True)

"""Bounds of what sites make MariaDB keep on disk: each site's database, and the binlog that all of them write.

MariaDB has none. A database that is larger than it may be takes no new rows; what is there can be read and removed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import structlog
from pymysql.cursors import Cursor

_log = structlog.get_logger("governor")
# What makes a database grow. Without them WordPress shows its pages, and says what it cannot write.
_GROWING = "INSERT, UPDATE, CREATE, ALTER, INDEX, CREATE TEMPORARY TABLES"
_SITE = re.compile(r"s[0-9]+\Z")


class Growth:
    """Of one server. `prefix` is the node's own (Layout.prefix); bounds in bytes."""

    def __init__(self, data: Path, prefix: str, *, database: int, binlog: int) -> None:
        self._data, self._prefix = data, prefix
        self._most, self._most_binlog = database, binlog

    def look(self, cursor: Cursor) -> None:
        """Take rights from who has grown too large, give them back to who has not; remove the oldest binlogs."""
        cursor.execute("SELECT Db, Insert_priv FROM mysql.db WHERE User LIKE %s", (f"{self._prefix}-s%",))
        may_grow = {str(name): right == "Y" for name, right in cursor.fetchall()}
        for name in sorted(may_grow):
            path = self._data / name
            if not _SITE.match(name) or not path.is_dir():
                continue
            fits = size_of(path) <= self._most
            if fits != may_grow[name]:
                self._let_grow(cursor, name, fits=fits)
        self._shorten_binlog(cursor)

    def _let_grow(self, cursor: Cursor, site: str, *, fits: bool) -> None:
        """Connections learn of it when they begin, so those that are open end."""
        account = f"'{self._prefix}-{site}'@localhost"
        change, word = ("GRANT", "TO") if fits else ("REVOKE", "FROM")
        cursor.execute(f"{change} {_GROWING} ON `{site}`.* {word} {account}")
        cursor.execute(f"KILL USER {account}")
        _log.warning("database_may_grow_again" if fits else "database_is_too_large", site=site, most=self._most)

    def _shorten_binlog(self, cursor: Cursor) -> None:
        cursor.execute("SHOW BINARY LOGS")
        left = 0
        for name, size in reversed(cursor.fetchall()):
            left += int(size)
            if left > self._most_binlog:
                cursor.execute("PURGE BINARY LOGS TO %s", (name,))
                return


def size_of(database: Path) -> int:
    """Bytes on disk of the tables in a database's folder."""
    return sum(entry.stat(follow_symlinks=False).st_blocks * 512 for entry in os.scandir(database))

"""The governor: ``python -m pressroom.database.governor --root ROOT``, as MariaDB's own user, which may use nice(2).

It sees to it that no site takes MariaDB from the others: by its threads' precedence, by what it has on disk, by what
it leaves prepared. It has all rights in MariaDB, whose files are its user's anyway; of the sites it learns names and
numbers alone.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pymysql
import structlog
from pymysql.cursors import Cursor

from pressroom.database.growth import Growth
from pressroom.database.holds import Holds
from pressroom.database.precedence import Precedence
from pressroom.database.prepared import Prepared
from pressroom.model.layout import Layout
from pressroom.system.daemon import log_as_json

_log = structlog.get_logger("governor")
_LOOK = 0.25  # seconds between two looks at threads
_LOOK_AT_DISK = 20.0
_LOOK_AT_PREPARED = 1.0
_PATIENCE = 60.0
_AGAIN = 1.0  # seconds until a server that is down is tried again


class Governor:
    """Of a node's MariaDB. Bounds in bytes."""

    def __init__(self, layout: Layout, *, database: int, binlog: int) -> None:
        self._layout = layout
        self._growth = Growth(layout.mariadb_data, layout.prefix, database=database, binlog=binlog)

    def run(self, stopping: threading.Event) -> None:
        """Until told to stop; waits for a server that is down."""
        for work in (self._hold, self._end_prepared):
            threading.Thread(target=self._beside, args=(work, stopping), name=work.__name__, daemon=True).start()
        self._over_and_over(self._watch, stopping, patience=_PATIENCE)

    def _beside(self, work: Callable[[threading.Event], None], stopping: threading.Event) -> None:
        """Nothing goes on where one thread cannot."""
        try:
            work(stopping)
        finally:
            stopping.set()

    def _over_and_over(
        self, work: Callable[[Cursor, threading.Event], None], stopping: threading.Event, *, patience: float
    ) -> None:
        while not stopping.is_set():
            try:
                with self._connected(patience) as cursor:
                    work(cursor, stopping)
            except (pymysql.err.OperationalError, pymysql.err.InterfaceError) as error:
                _log.info("mariadb_is_away", error=str(error))
                stopping.wait(_AGAIN)

    def _hold(self, stopping: threading.Event) -> None:
        holds = Holds(self._layout.prefix)

        def look(cursor: Cursor, stopping: threading.Event) -> None:
            holds.forget()
            while not stopping.wait(holds.look(cursor)):
                pass

        self._over_and_over(look, stopping, patience=_PATIENCE)

    def _end_prepared(self, stopping: threading.Event) -> None:
        prepared = Prepared()

        def look(cursor: Cursor, stopping: threading.Event) -> None:
            while not stopping.wait(0.0 if prepared.is_behind else _LOOK_AT_PREPARED):
                prepared.look(cursor)

        # MariaDB goes on with a long one though nobody waits for it: the others have their turn
        self._over_and_over(look, stopping, patience=_LOOK_AT_PREPARED)

    def _watch(self, cursor: Cursor, stopping: threading.Event) -> None:
        cursor.execute("SELECT @@pid_file")
        ((pid_file,),) = cursor.fetchall()
        threads = Precedence(Path("/proc") / Path(pid_file).read_text().strip() / "task")
        told: set[str] = set()
        looked = looked_at_disk = time.monotonic() - _LOOK_AT_DISK
        while not stopping.is_set():
            now = time.monotonic()
            threads.look(self._owners(cursor), now - looked)
            looked = now
            if threads.last() != told:
                told = threads.last()
                _log.info("go_last", sites=sorted(told))
            if now - looked_at_disk >= _LOOK_AT_DISK:
                looked_at_disk = now
                self._growth.look(cursor)
            stopping.wait(_LOOK)

    def _owners(self, cursor: Cursor) -> dict[int, str]:
        """Each thread of a site's connection, by the number that Linux gives it."""
        cursor.execute(
            "SELECT TID, USER FROM information_schema.PROCESSLIST WHERE USER LIKE %s", (f"{self._layout.prefix}-s%",)
        )
        return {int(thread): str(user) for thread, user in cursor.fetchall()}

    @contextlib.contextmanager
    def _connected(self, patience: float) -> Iterator[Cursor]:
        connection = pymysql.connect(
            unix_socket=str(self._layout.mariadb_socket),
            user=self._layout.database_user,
            autocommit=True,
            ssl_disabled=True,  # it would read the machine's authorities first
            connect_timeout=5,
            read_timeout=patience,
        )
        with connection, connection.cursor() as cursor:
            yield cursor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--database-mb", type=int, required=True)
    parser.add_argument("--binlog-mb", type=int, required=True)
    arguments = parser.parse_args()
    log_as_json()
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    bounds = {"database": arguments.database_mb * 2**20, "binlog": arguments.binlog_mb * 2**20}
    _log.info("started", pid=os.getpid(), **bounds)
    Governor(Layout(arguments.root), **bounds).run(stopping)


if __name__ == "__main__":
    main()

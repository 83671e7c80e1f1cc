"""Threads of a real server: those of a site that takes much go last, and no others."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path

import pymysql
from pymysql.cursors import Cursor

from pressroom.database.precedence import LAST, Precedence
from tests.database.conftest import PREFIX, Connect

_LOOK = 0.1  # seconds


def _owners(root: Cursor) -> dict[int, str]:
    root.execute("SELECT TID, USER FROM information_schema.PROCESSLIST WHERE USER LIKE %s", (f"{PREFIX}-%",))
    return {int(thread): str(user) for thread, user in root.fetchall()}


def _nice(root: Cursor, name: str) -> set[int]:
    return {
        os.getpriority(os.PRIO_PROCESS, thread) for thread, user in _owners(root).items() if user == f"{PREFIX}-{name}"
    }


def _work(connection: pymysql.Connection[Cursor]) -> None:
    with contextlib.suppress(pymysql.err.Error), connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT BENCHMARK(300000, SHA2('a', 512))")  # each of them is short


def _look(threads: Precedence, root: Cursor, seconds: float) -> None:
    until = time.monotonic() + seconds
    before = time.monotonic()
    while before < until:
        time.sleep(_LOOK)
        threads.look(_owners(root), time.monotonic() - before)
        before = time.monotonic()


def test_who_takes_much_goes_last_until_it_wants_little(root: Cursor, connect: Connect, mariadb: Path) -> None:
    root.execute("SELECT @@pid_file")
    ((pid_file,),) = root.fetchall()
    threads = Precedence(Path("/proc") / Path(pid_file).read_text().strip() / "task")
    busy = [connect("s1") for _ in range(3)]
    quiet = connect("s2").cursor()
    workers = [threading.Thread(target=_work, args=(connection,)) for connection in busy]
    for worker in workers:
        worker.start()
    try:
        assert _nice(root, "s1") == {0}, "before anybody has looked"
        _look(threads, root, 1.5)
        assert threads.last() == {f"{PREFIX}-s1"}
        assert _nice(root, "s1") == {LAST}
        quiet.execute("SELECT 1")
        assert _nice(root, "s2") == {0}
        connect("s1")
        _look(threads, root, 2 * _LOOK)
        assert _nice(root, "s1") == {LAST}, "a connection that begins now is no way around it"
    finally:
        root.execute(f"KILL USER '{PREFIX}-s1'@localhost")
        for worker in workers:
            worker.join()
    left = connect("s1")  # a thread that served before serves again
    _look(threads, root, 1.5)
    assert threads.last() == set()
    assert _nice(root, "s1") == _nice(root, "s2") == {0}
    left.close()

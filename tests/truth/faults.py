"""What breaks on a node now and then, done to it on purpose while others write and read."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

import pymysql

from pressroom.model.errors import PressroomError
from pressroom.operations import cache
from tests.functional.newspaper import Newspaper
from tests.truth.traffic import Traffic

# The invalidator follows the binlog again within this: the watchdog of one that hangs takes its time. Seconds.
_FOLLOWS_AGAIN = 45.0


@dataclass(frozen=True)
class Fault:
    """``strike`` returns when the worst is over; the pages need not be back then."""

    name: str
    strike: Callable[[Newspaper, Traffic, random.Random], None]


def _await_following(paper: Newspaper) -> None:
    """Until the invalidator has passed all that is committed by now."""
    until = time.monotonic() + _FOLLOWS_AGAIN
    newest = None
    while True:
        try:
            if newest is None:
                newest = int(paper.value("SELECT @@GLOBAL.gtid_binlog_pos").rpartition("-")[2] or 0)
            status = cache.ask_invalidator(paper.node, {"op": "status"})
            if status["caught_up"] and int(str(status["passed"])) >= newest:
                return
        except (PressroomError, OSError, pymysql.err.Error):
            pass
        assert time.monotonic() < until, "the invalidator does not follow"
        time.sleep(0.05)


def _killed(name: str) -> Callable[[Newspaper, Traffic, random.Random], None]:
    def strike(paper: Newspaper, traffic: Traffic, chance: random.Random) -> None:
        with traffic.sql_unseen():
            pid = paper.program_pid(name)
            os.kill(pid, signal.SIGKILL)
            _await_another(paper, name, pid)
            _await_following(paper)

    return strike


def _paused(name: str, least: float, most: float) -> Callable[[Newspaper, Traffic, random.Random], None]:
    """SIGSTOP for some seconds, then SIGCONT."""

    def strike(paper: Newspaper, traffic: Traffic, chance: random.Random) -> None:
        with traffic.sql_unseen():
            pid = paper.program_pid(name)
            os.kill(pid, signal.SIGSTOP)
            try:
                time.sleep(chance.uniform(least, most))
            finally:
                os.kill(pid, signal.SIGCONT)
            _await_following(paper)

    return strike


def _hangs(paper: Newspaper, traffic: Traffic, chance: random.Random) -> None:
    """Stopped for good: the watchdog has to end it."""
    with traffic.sql_unseen():
        pid = paper.program_pid("invalidator")
        os.kill(pid, signal.SIGSTOP)
        _await_another(paper, "invalidator", pid)
        _await_following(paper)


def _await_another(paper: Newspaper, name: str, pid: int) -> None:
    until = time.monotonic() + _FOLLOWS_AGAIN
    while paper.node.engine.pids().get(name, pid) in (pid, 0):
        assert time.monotonic() < until, f"{name} is not started anew"
        time.sleep(0.05)


_CROWD = """
import socket, sys, time
until, held = time.monotonic() + float(sys.argv[2]), []
while time.monotonic() < until:
    one = socket.socket(socket.AF_UNIX)
    one.settimeout(0.2)
    try:
        one.connect(sys.argv[1])
        one.send(b"WAIT")
        held.append(one)
    except OSError:
        pass
    held = held[-600:]
    time.sleep(0.001)
"""


def _crowded(paper: Newspaper, traffic: Traffic, chance: random.Random) -> None:
    """The barrier's socket full of connections of the site's own user that ask for nothing."""
    argv = ["/usr/bin/python3", "-c", _CROWD, str(paper.place.barrier_socket), str(chance.uniform(2, 4))]
    with traffic.sql_unseen():  # the machine is busy with them
        subprocess.run(argv, user=paper.place.unix_user, timeout=30, check=True)
        _await_following(paper)


def _restarted(paper: Newspaper, traffic: Traffic, chance: random.Random) -> None:
    with traffic.sql_unseen():
        paper.node.engine.restart("mariadb")
        until = time.monotonic() + 30
        while not paper.node.database.alive():
            assert time.monotonic() < until
            time.sleep(0.05)
        _await_following(paper)


def _database_killed(paper: Newspaper, traffic: Traffic, chance: random.Random) -> None:
    _killed("mariadb")(paper, traffic, chance)


def _rotated(paper: Newspaper, traffic: Traffic, chance: random.Random) -> None:
    for _ in range(3):
        paper.sql("FLUSH BINARY LOGS")
        time.sleep(0.1)


def _purged(paper: Newspaper, traffic: Traffic, chance: random.Random) -> None:
    """While the invalidator is away, so that its place is gone when it comes back."""
    with traffic.sql_unseen():
        paper.node.engine.stop("invalidator")
        paper.sql("FLUSH BINARY LOGS; FLUSH BINARY LOGS; PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY")
        time.sleep(chance.uniform(0, 1))
        paper.node.engine.start("invalidator")
        _await_following(paper)


FAULTS = [
    Fault("the invalidator is killed", _killed("invalidator")),
    Fault("the invalidator is paused for a moment", _paused("invalidator", 0.2, 0.9)),
    Fault("the invalidator is paused", _paused("invalidator", 1.5, 4.0)),
    Fault("the invalidator hangs", _hangs),
    Fault("the renderer is killed", _killed("renderer")),
    Fault("the barrier is crowded", _crowded),
    Fault("MariaDB is restarted", _restarted),
    Fault("MariaDB is killed", _database_killed),
    Fault("the binlog is rotated", _rotated),
    Fault("the binlog is purged", _purged),
]

"""A tenant that takes what it can: its neighbour is served meanwhile, rightly and soon enough. How soon is what
`make bench-neighbour` measures.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from unittest import mock

import httpx

from pressroom.control.desired import site_program_name
from pressroom.model.walls import Caps
from pressroom.system import cgroups, process
from pressroom.system.cgroups import Cgroups
from tests.conftest import until
from tests.functional.attacker import Attacker
from tests.functional.newspaper import Newspaper
from tests.wall_table import Seen

_SOON = 10.0  # seconds, on a machine that others use too
# All at once, each for a while; it returns how often it did so, unless its caps end it. `<own>` is a folder of its own.
_WORST = (
    # Memory.
    "while ( $goes_on() ) { exec( \"timeout 2 php8.2 -d memory_limit=-1 -r 'for ( \\$all = array(); ; )"
    " \\$all[] = str_repeat( chr( 120 ), 8388608 );' 2>&1\" ); $done++; }",
    # Space and files on disk.
    "while ( $goes_on() ) { file_put_contents( '<own>/large', str_repeat( 'x', 100000000 ) ) && $done++;"
    ' for ( $n = 0; $n < 2000 && $goes_on(); $n++ ) touch( "<own>/small-$n" );'
    " array_map( 'unlink', glob( '<own>/small-*' ) ); } unlink( '<own>/large' );",
    # Processes.
    "$first = getmypid(); while ( $goes_on() ) { pcntl_fork() > 0 && $done++; pcntl_waitpid( -1, $status, WNOHANG ); }"
    " if ( getmypid() !== $first ) exit;",
)
_LOGS = "while ( $goes_on() && $done < 10000 ) error_log( str_repeat( 'x', 1000 ) ) && $done++;"


@contextlib.contextmanager
def _at_its_worst(paper: Newspaper, seconds: float) -> Iterator[list[Future[int | None]]]:
    begin = f"$done = 0; $end = microtime( true ) + {seconds}; $goes_on = fn() => microtime( true ) < $end; "
    code, attacker = begin + "%s return $done;", Attacker(paper)
    own, user = paper.place.private / "worst", paper.place.unix_user
    process.run(["mkdir", own], user=user)

    def logs() -> int | None:
        with contextlib.suppress(AssertionError, httpx.HTTPError):  # its own PHP suffers too
            return int(attacker.asks(code % _LOGS))
        return None

    try:
        with ThreadPoolExecutor(len(_WORST) + 1) as threads:
            runs = [code % worst.replace("<own>", str(own)) for worst in _WORST]
            yield [threads.submit(logs), *(threads.submit(attacker.runs, run) for run in runs)]
    finally:
        process.run(["rm", "-rf", own, paper.place.log / "php.log"], user=user)


def test_a_neighbour_is_served_meanwhile(paper: Newspaper, newsroom: Newspaper) -> None:
    """Stored pages and pages that PHP makes, while there are forks, memory, disk and logs without end.

    Guard: the caps (`test_attacks_walls.py` takes them away one at a time), and their being each site's own.
    """
    newsroom.await_hit()
    slowest, rounds = 0.0, 0
    with newsroom.client() as visitor:
        right = visitor.get("/").text
        with _at_its_worst(paper, 1.5) as attacks:
            while not all(attack.done() for attack in attacks):
                rounds += 1
                began = time.monotonic()
                hit, made = visitor.get("/"), visitor.get(f"/?s=reader{rounds}")
                slowest = max(slowest, time.monotonic() - began)
                assert hit.headers["x-pressroom-cache"] == "hit" and hit.text == right
                assert made.status_code == 200 and f"reader{rounds}" in made.text
    print(f"{rounds} rounds, {slowest:.2f} s at the most; attacks: {[attack.result() for attack in attacks]}")
    assert slowest < _SOON and rounds > 3
    assert all(attack.result() != 0 for attack in attacks), "it did less than it could"


# -- processes on a machine that has room for so many -----------------------------------------------------------------

_FORKS = (
    "for ( $made = 0; $made < 600; $made++ ) { $pid = pcntl_fork(); if ( $pid === 0 ) { sleep( 60 ); exit; }"
    " if ( $pid < 0 ) break; } touch( '<own>/full' );"
    " for ( $n = 0; $n < 3000 && ! unlink( '<own>/enough' ); $n++ ) usleep( 10000 );"
    " unlink( '<own>/full' ); return $made;"
)


@contextlib.contextmanager
def _room(paper: Newspaper, more: int) -> Iterator[None]:
    """For so many processes more, of all sites together."""
    unified = (cgroups.MOUNT / "cgroup.controllers").exists()
    group = cgroups.MOUNT / ("" if unified else cgroups.PROCESSES) / paper.node.layout.prefix
    (group / "pids.max").write_text(str(int((group / "pids.current").read_text()) + more))
    try:
        yield
    finally:
        (group / "pids.max").write_text("max")


@contextlib.contextmanager
def _capped(processes: int) -> Iterator[None]:
    admit = Cgroups.admit

    def otherwise(self: Cgroups, caps: Caps, pids: list[int]) -> None:
        admit(self, dataclasses.replace(caps, processes=processes), pids)

    with mock.patch.object(Cgroups, "admit", otherwise):
        yield


@contextlib.contextmanager
def _forked(paper: Newspaper) -> Iterator[None]:
    """It has all processes that it can have."""
    own, user = paper.place.private / "tmp", paper.place.unix_user
    with ThreadPoolExecutor(1) as thread:
        thread.submit(Attacker(paper).runs, _FORKS.replace("<own>", str(own)), without=("limits",))
        try:
            until((own / "full").exists)
            yield
        finally:
            process.run(["touch", own / "enough"], user=user)


def _php_answers(newsroom: Newspaper, patience: float) -> bool:
    with newsroom.client() as visitor, contextlib.suppress(httpx.HTTPError):
        return visitor.get("/?asked-of-php", timeout=patience).status_code == 200
    return False


def test_processes_without_end_leave_room_for_a_neighbours(paper: Newspaper, newsroom: Newspaper, seen: Seen) -> None:
    """Whose PHP has to make one for its visitor."""
    program, most = site_program_name(newsroom.site.name), 60

    def is_served(cap: int, patience: float) -> bool:
        paper.node.engine.restart(program)
        with _capped(cap), _room(paper, most + 30), _forked(paper):
            return _php_answers(newsroom, patience)

    try:
        assert is_served(most, _SOON)
        assert not is_served(10_000, 2.0)
    finally:
        Attacker(paper).runs("return true;")  # which puts its group behind its caps again
        until(lambda: _php_answers(newsroom, _SOON))
    seen.both("processes without end, so that none is left for a neighbour", "the cgroup")

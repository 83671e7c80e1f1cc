"""A tenant that takes what it can: its neighbour is served meanwhile, rightly. How soon is what `make bench-neighbour`
measures.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
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

_MOST = 60  # processes that a site may have here
_MEMORY = 800 * 2**20  # bytes, the same
_SOON = 10.0  # seconds for an answer, on a machine that others use too
# As many processes as it gets, and each that it gets later. Then some take memory until they are ended (`<eaters>`); of
# the others one in three each writes files, or the log, or takes the processor alone. Each is a session of its own, for
# which Linux may have a group; they leave the one that makes them its turn. `<own>` is a folder of its own.
_WORST = """
$end = time() + 60;
for ( $made = 0; $made < 600 && time() < $end && ! file_exists( '<own>/enough' ); $made += $pid > 0 ) {
    $pid = pcntl_fork();
    if ( $pid < 0 ) { touch( '<own>/full' ); usleep( 1000 ); }
    if ( $pid !== 0 ) continue;
    for ( posix_setsid(), proc_nice( 10 ); ! file_exists( '<own>/full' ); ) usleep( 20000 );
    for ( ; $made < <eaters>; ) $all[] = str_repeat( 'x', 8388608 );
    for ( $n = 0; $made % 3 === 0; $n++ ) file_put_contents( "<own>/$made-" . $n % 10, str_repeat( 'x', 100000 ) );
    for ( $n = 0; $made % 3 === 1 && $n < 100; $n++ ) error_log( str_repeat( 'x', 4000 ), 3, '<log>/php.log' );
    while ( true ) hash( 'sha256', str_repeat( 'x', 9999 ) );
}
return $made;
"""


def _group(paper: Newspaper) -> Path:
    """Of all sites, with that of each in it; it bounds processes."""
    unified = (cgroups.MOUNT / "cgroup.controllers").exists()
    return cgroups.MOUNT / ("" if unified else cgroups.PROCESSES) / paper.node.layout.prefix


def _processes(group: Path) -> int:
    return int((group / "pids.current").read_text())


@contextlib.contextmanager
def _room(paper: Newspaper, more: int) -> Iterator[None]:
    """For so many processes more, of all sites together."""
    group = _group(paper)
    until(lambda: _processes(group / paper.site.name) < 20)  # those of before may be about to end
    (group / "pids.max").write_text(str(_processes(group) + more))
    try:
        yield
    finally:
        (group / "pids.max").write_text("max")


@contextlib.contextmanager
def _capped(processes: int) -> Iterator[None]:
    admit = Cgroups.admit

    def otherwise(self: Cgroups, caps: Caps, pids: list[int]) -> None:
        admit(self, dataclasses.replace(caps, processes=processes, memory=_MEMORY), pids)

    with mock.patch.object(Cgroups, "admit", otherwise):
        yield


@contextlib.contextmanager
def _at_its_worst(paper: Newspaper, eaters: int) -> Iterator[None]:
    """From when it has all that it can have."""
    place, own = paper.place, paper.place.private / "worst"
    code = _WORST.replace("<own>", str(own)).replace("<log>", str(place.log)).replace("<eaters>", str(eaters))
    process.run(["mkdir", own], user=place.unix_user)
    try:
        with ThreadPoolExecutor(1) as thread:
            made = thread.submit(Attacker(paper).runs, code, without=("limits",))
            try:
                until(lambda: made.done() or (own / "full").exists())
                yield
            finally:
                process.run(["touch", own / "enough"], user=place.unix_user)
        assert 20 < made.result() < 600
    finally:
        process.run(["rm", "-rf", own, place.log / "php.log"], user=place.unix_user)


def _serves(neighbour: Newspaper, patience: float, rounds: int) -> bool:
    """Its stored page and pages that PHP makes, which has to start a process first."""
    with neighbour.client() as visitor, contextlib.suppress(httpx.HTTPError):
        for number in range(rounds):
            hit = visitor.get("/", timeout=patience)
            assert hit.headers["x-pressroom-cache"] == "hit" and "The Neighbour" in hit.text
            made = visitor.get(f"/?s=reader{number}", timeout=patience)
            if made.status_code != 200 or f"reader{number}" not in made.text:
                return False
        return True
    return False


def test_a_neighbour_is_served_meanwhile(paper: Newspaper, neighbour: Newspaper, seen: Seen) -> None:
    """On a machine that has room for a few processes more than one site may have; one that is ended leaves its own."""

    def is_served(cap: int, eaters: int, patience: float, rounds: int) -> bool:
        neighbour.await_hit()
        paper.node.engine.restart(site_program_name(neighbour.site.name))
        with _capped(cap), _room(paper, _MOST + 30), _at_its_worst(paper, eaters):
            return _serves(neighbour, patience, rounds)

    try:
        assert is_served(_MOST, 2, _SOON, 3)
        # A worker of PHP's that has nothing to do ends some time: its place is the neighbour's luck.
        assert any(not is_served(10_000, 0, 2.0, 1) for _ in range(3))
    finally:
        Attacker(paper).runs("return true;")  # which puts its group behind its caps again
        until(lambda: _serves(neighbour, _SOON, 1))
    seen.both("processes, memory, disk, logs without end, for a neighbour", "the cgroup")

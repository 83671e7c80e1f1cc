"""What a site at its worst does to its neighbour.

    sudo .venv/bin/python -m bench.worst_neighbour --root var [--seconds 20] [--kinds forks statements …] [--json FILE]

The worst site tries each kind of misbehaviour by itself, many and all of them together, by requests to its PHP and by
`site exec`, whose code is `misbehave.php`. Beside it, and in a quiet time right before each, the neighbour is asked for
hits (100 a second), for pages that PHP makes (5), and for a request that writes a row (2). Each is measured from when
it was due, so that a stall counts for all who came meanwhile. Both sites are made, the worst one is deleted afterwards.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
from bench.freshness import Desk
from bench.quiet import quietly
from bench.side_by_side import machine

from pressroom.engine import precedence
from pressroom.model.site import Site
from pressroom.operations import cache, sites
from pressroom.operations.node import Node, open_node
from pressroom.stack import nginx
from pressroom.system import process, users

KINDS = (
    "processor", "forks", "memory", "disk", "files", "io", "logs", "connections", "knocks", "statements", "writes",
)  # fmt: skip
# Together; MariaDB is shared, so what it is made to do is told by itself.
TOGETHER = {"all-but-sql": tuple(kind for kind in KINDS if kind not in ("statements", "writes")), "all": KINDS}
_WORST, _NEIGHBOUR = "worst.localhost", "neighbour.localhost"
_ASKING = 12  # requests of the worst site at once
_HIT, _PAGE, _WRITE = "hits", "php", "writes"
_RATES = {_HIT: 100.0, _PAGE: 5.0, _WRITE: 2.0}  # a second
_PROMISED_HIT, _PROMISED_RATIO = 0.037, 1.5  # seconds; of the quiet p95
_CODE = Path(__file__).with_name("misbehave.php")
# Answers `/?bench-write`: the smallest request that commits.
_WRITER = (
    "<?php if (isset($_GET['bench-write'])) { add_action('init', function () {"
    " update_option('bench', microtime()); exit('ok'); }); }"
)


@dataclass
class Felt:
    """Seconds of the neighbour's requests, by what was asked for; and what failed."""

    took: dict[str, list[float]] = field(default_factory=lambda: {what: [] for what in _RATES})
    failed: Counter[str] = field(default_factory=Counter)

    def p(self, what: str, percent: float) -> float:
        ordered = sorted(self.took[what])
        return ordered[math.ceil(len(ordered) * percent / 100) - 1]


class Visitors:
    """The neighbour's: each asks at a fixed rate, by a thread and a connection of its own.

    They are other machines, so they are a process with a session of its own, which has its turn of the processors
    whatever this one does. It is forked, so there must be no other threads yet.
    """

    def __init__(self, neighbour: Desk) -> None:
        self._neighbour = neighbour
        self._told, theirs = multiprocessing.Pipe()
        multiprocessing.get_context("fork").Process(target=self._serve, args=(theirs,), daemon=True).start()

    @contextmanager
    def asking(self) -> Iterator[Felt]:
        felt = Felt()
        self._told.send("go")
        try:
            yield felt
        finally:
            self._told.send("enough")
            felt.took, felt.failed = self._told.recv()

    def _serve(self, told: Connection) -> None:
        os.setsid()
        precedence.give(os.getpid(), -5)
        while told.recv() == "go":
            felt, done = Felt(), threading.Event()
            threads = [threading.Thread(target=self._ask, args=(what, felt, done)) for what in _RATES]
            for thread in threads:
                thread.start()
            told.recv()
            done.set()
            for thread in threads:
                thread.join()
            told.send((felt.took, felt.failed))

    def _ask(self, what: str, felt: Felt, done: threading.Event) -> None:
        with self._neighbour.client() as visitor:
            due = time.perf_counter()
            number = time.time_ns()
            while not done.is_set():
                due += 1 / _RATES[what]
                time.sleep(max(0.0, due - time.perf_counter()))
                number += 1
                path = {_HIT: "/", _PAGE: f"/?s=reader{number}", _WRITE: "/?bench-write"}[what]
                try:
                    answer = visitor.get(path)
                    is_right = answer.status_code == 200
                    is_right = is_right and (what != _HIT or answer.headers.get("x-pressroom-cache") == "hit")
                except httpx.HTTPError:
                    is_right = False
                felt.took[what].append(time.perf_counter() - due)
                if not is_right:
                    felt.failed[what] += 1


class Worst:
    """The site that means ill."""

    def __init__(self, node: Node, site: Site) -> None:
        self._node, self._site = node, site
        self._place = node.layout.site(site.name)
        self._script = self._place.content / _CODE.name

    def plant(self) -> None:
        process.run(["dd", "status=none", f"of={self._script}"], user=self._place.unix_user, stdin=_CODE.read_text())

    @contextmanager
    def misbehaving(self, kinds: tuple[str, ...], seconds: float) -> Iterator[None]:
        """All of these at once. What is left of it afterwards is ended."""
        forked = multiprocessing.get_context("fork")  # a command of its own for each would take a second to start
        running = [forked.Process(target=self._exec, args=(kind, seconds)) for kind in kinds]
        threads = [threading.Thread(target=self._ask, args=(kinds, number, seconds)) for number in range(_ASKING)]
        for one in (*running, *threads):
            one.start()
        try:
            yield
        finally:
            for thread in threads:
                thread.join()
            users.end_processes(self._place.unix_user)
            for one in running:
                one.join()
            # MariaDB goes on with a statement whose client has gone: the next quiet time would not be one.
            kill = f"KILL USER '{self._place.unix_user}'@localhost"
            process.run(["mariadb", "-S", self._node.layout.mariadb_socket, "-e", kill])
            left = list(self._place.private.glob("worst-*"))
            process.run(["rm", "-rf", *left], user=self._place.unix_user)

    def _exec(self, kind: str, seconds: float) -> None:
        os.setsid()
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        sites.exec_in(self._node, self._site.domain, ["php", str(self._script), kind, str(seconds)])

    def _ask(self, kinds: tuple[str, ...], number: int, seconds: float) -> None:
        settings = self._node.state.settings()
        end = time.monotonic() + seconds
        base, host = f"http://127.0.0.1:{settings.http.port}", nginx.host(self._site, settings)
        with httpx.Client(base_url=base, headers={"Host": host}, timeout=seconds + 5) as visitor:
            while (left := end - time.monotonic()) > 0:
                kind = kinds[number % len(kinds)]
                try:
                    visitor.get(f"/wp-content/{_CODE.name}?kind={kind}&seconds={left:.1f}")
                except httpx.HTTPError:
                    time.sleep(0.05)
                number += 1


def _site(node: Node, domain: str) -> Site:
    known = {site.domain: site for site in node.state.sites()}
    if domain not in known:
        new = sites.NewSite.check(
            domain, title=domain, admin_email="a@b.example", admin_user="admin", aliases=[], wordpress="debian"
        )
        with node.changing("bench worst_neighbour"):
            return sites.create(node, new)
    return known[domain]


def run(node: Node, kinds: list[str], seconds: float) -> dict[str, tuple[Felt, Felt]]:
    """Of each kind: quiet, and beside it."""
    neighbour = Desk(node, _site(node, _NEIGHBOUR).domain)
    place = node.layout.site(neighbour.site.name)
    writer = place.content / "mu-plugins"
    process.run(["mkdir", "-p", writer], user=place.unix_user)
    process.run(["dd", "status=none", f"of={writer / 'bench-write.php'}"], user=place.unix_user, stdin=_WRITER)
    worst = Worst(node, _site(node, _WORST))
    worst.plant()
    found = {}
    visitors = Visitors(neighbour)
    for kind in kinds:
        cache.warm(node, _NEIGHBOUR)
        with visitors.asking() as quiet:
            time.sleep(max(8.0, seconds / 2))
        with worst.misbehaving(TOGETHER.get(kind, (kind,)), seconds + 3):
            time.sleep(1.5)  # until it has begun
            with visitors.asking() as beside:
                time.sleep(seconds)
        found[kind] = quiet, beside
        print(line(kind, quiet, beside), flush=True)
        time.sleep(2)
    return found


HEAD = (
    "| the worst site's | neighbour's hits, p99 (quiet) | its PHP, p50 and p95 (against quiet) | a write, p50 and p95"
    " (against quiet) | failed | |\n|---|---|---|---|---|---|"
)


def line(kind: str, quiet: Felt, beside: Felt) -> str:
    cells = [f"{beside.p(_HIT, 99) * 1000:.1f} ms ({quiet.p(_HIT, 99) * 1000:.1f})"]
    for what in (_PAGE, _WRITE):
        here, before = ([felt.p(what, percent) for percent in (50, 95)] for felt in (beside, quiet))
        ratios = ", ".join(f"{a / b:.2f}" for a, b in zip(here, before, strict=True))
        cells.append(f"{here[0] * 1000:.0f}, {here[1] * 1000:.0f} ms ({ratios})")
    cells.append(", ".join(f"{number} {what}" for what, number in beside.failed.items()) or "none")
    cells.append("kept" if kept(quiet, beside) else "**not kept**")
    return f"| {kind} | {' | '.join(cells)} |"


def kept(quiet: Felt, beside: Felt) -> bool:
    """Hits within 37 ms at p99, PHP within half as long again as in quiet at p95, nothing failed."""
    slower = beside.p(_PAGE, 95) / quiet.p(_PAGE, 95)
    return beside.p(_HIT, 99) <= _PROMISED_HIT and slower <= _PROMISED_RATIO and not beside.failed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("var"))
    parser.add_argument("--kinds", nargs="+", choices=[*KINDS, *TOGETHER], default=[*KINDS, *TOGETHER])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    quietly()
    node = open_node(arguments.root)
    print(json.dumps(machine()))
    print(HEAD)
    try:
        found = run(node, arguments.kinds, arguments.seconds)
    finally:
        if _WORST in {site.domain for site in node.state.sites()}:
            with node.changing("bench worst_neighbour"):
                sites.delete(node, _WORST)
    if arguments.json:
        plain = {
            kind: {name: {"took": felt.took, "failed": felt.failed} for name, felt in (("quiet", a), ("beside", b))}
            for kind, (a, b) in found.items()
        }
        arguments.json.write_text(json.dumps(plain, indent=1))


if __name__ == "__main__":
    main()

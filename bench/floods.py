"""What a flood at one site does to its neighbour, and to who is logged in there.

    sudo .venv/bin/python -m bench.floods --root var [--domain news.localhost] [--seconds 15] [--json FILE]

Each flood comes over 64 connections of this machine, or 5,000 slow ones. Beside it, and before all in quiet: the
neighbour's hits at 100 a second (measured from when each was due, so that a stall counts for all who came meanwhile),
one request of PHP after the other at the neighbour, and at the flooded site by a logged-in reader. Makes the neighbour
where it is missing. Changes the site's content (an import): use a demo.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import httpx
from bench.freshness import Desk
from bench.quiet import quietly
from bench.side_by_side import machine

from pressroom.operations import cache, sites
from pressroom.operations.node import Node, open_node

_NEIGHBOUR = "neighbour.localhost"
_CONNECTIONS = 64
_SLOW = 5000
_RATE = 100  # hits a second
_RANDOM = 'n = 0 request = function() n = n + 1 return wrk.format("GET", "{}" .. n .. math.random()) end'
_POST = 'wrk.method = "POST" wrk.path = "{}" wrk.body = "{}"'
_FORM = ' wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"'
_CALL = "<methodCall><methodName>wp.getUsersBlogs</methodName><params></params></methodCall>"
_SCRIPTS = {
    "unknown arguments": _RANDOM.format("/?flood="),
    "random addresses": _RANDOM.format("/nothing-"),
    "searches": _RANDOM.format("/?s=flood"),
    "logins": _POST.format("/wp-login.php", "log=admin&pwd=wrong") + _FORM,
    "XML-RPC": _POST.format("/xmlrpc.php", _CALL),
}


@dataclass
class Felt:
    """Seconds of requests beside a flood; how the flood was answered, by status."""

    hits: list[float] = field(default_factory=list)
    php: list[float] = field(default_factory=list)
    logged_in: list[float] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)
    answered: str = ""


class Visitors:
    """Who asks beside the flood: threads that go on until they are told."""

    def __init__(self, desk: Desk, neighbour: Desk) -> None:
        self._desk, self._neighbour = desk, neighbour

    @contextmanager
    def asking(self) -> Iterator[Felt]:
        felt, done = Felt(), threading.Event()
        there, here = (
            (self._neighbour.client(), felt.php, "neighbour's PHP"),
            (self._desk.editor, felt.logged_in, "editor"),
        )
        threads = [
            threading.Thread(target=self._hits, args=(felt, done)),
            threading.Thread(target=self._php, args=(*there, felt, done)),
            threading.Thread(target=self._php, args=(*here, felt, done)),
        ]
        for thread in threads:
            thread.start()
        try:
            yield felt
        finally:
            done.set()
            for thread in threads:
                thread.join()

    def _hits(self, felt: Felt, done: threading.Event) -> None:
        with self._neighbour.client() as visitor:
            due = time.perf_counter()
            while not done.is_set():
                due += 1 / _RATE
                time.sleep(max(0.0, due - time.perf_counter()))
                answer = visitor.get("/")
                felt.hits.append(time.perf_counter() - due)
                if answer.headers.get("x-pressroom-cache") != "hit":
                    felt.failed["a hit of the neighbour's"] += 1

    def _php(self, client: httpx.Client, took: list[float], name: str, felt: Felt, done: threading.Event) -> None:
        number = 0
        while not done.is_set():
            number += 1
            began = time.perf_counter()
            answer = client.get(f"/?s=reader{number}")
            took.append(time.perf_counter() - began)
            if answer.status_code != 200:
                felt.failed[name] += 1
            time.sleep(0.05)


def _wrk(desk: Desk, script: str, seconds: float) -> str:
    """What became of the flood's requests."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        argv = [
            "wrk",
            "-t1",
            f"-c{_CONNECTIONS}",
            f"-d{seconds:g}s",
            "-s",
            file.name,
            "-H",
            f"Host: {desk.host}",
            desk.base,
        ]
        text = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    rate = next(line.split()[1] for line in text.splitlines() if line.startswith("Requests/sec"))
    refused = next((line.split()[-1] for line in text.splitlines() if "Non-2xx" in line), "0")
    return f"{rate} a second, {refused} of them refused or not found"


async def _slowly(host: str, port: int, seconds: float) -> int:
    """So many connections, each of which sends a byte of its head every two seconds. How many were taken."""
    end = time.monotonic() + seconds
    taken = 0

    async def one() -> None:
        nonlocal taken
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            taken += 1
            writer.write(f"GET / HTTP/1.1\r\nHost: {host}\r\nX-Slow: ".encode())
            while time.monotonic() < end:
                writer.write(b"a")
                await writer.drain()
                await asyncio.sleep(2)
            writer.close()
        except OSError:
            return

    await asyncio.gather(*(one() for _ in range(_SLOW)))
    return taken


def _slow_connections(desk: Desk, seconds: float) -> str:
    """From a process of their own: visitors beside them are not held up by whoever opens them."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        taken = pool.submit(_all_slowly, desk.host, httpx.URL(desk.base).port or 80, seconds).result()
    return f"{taken} connections"


def _all_slowly(host: str, port: int, seconds: float) -> int:
    return asyncio.run(_slowly(host, port, seconds))


def _import(desk: Desk, seconds: float) -> str:
    code = (
        f"require 'wp-load.php'; $end = microtime(true) + {seconds}; for ($i = 0; microtime(true) < $end; $i++) {{"
        " wp_insert_post(['post_title' => \"Flood $i\", 'post_content' => 'Text.', 'post_status' => 'publish']); }"
        " echo $i;"
    )
    pressroom = [str(Path(sys.executable).with_name("pressroom")), "--root", str(desk.node.layout.root)]
    argv = [*pressroom, "site", "exec", desk.domain, "--", "php", "-r", code]
    return f"{subprocess.run(argv, check=True, capture_output=True, text=True).stdout} articles"


def _nothing(seconds: float) -> str:
    time.sleep(seconds)
    return ""


def run(node: Node, domain: str, seconds: float) -> dict[str, Felt]:
    desk, neighbour = Desk(node, domain), Desk(node, _NEIGHBOUR)
    floods: dict[str, Callable[[], str]] = {
        "quiet": lambda: _nothing(seconds),
        **{name: partial(_wrk, desk, script, seconds) for name, script in _SCRIPTS.items()},
        f"{_SLOW:,} slow connections": lambda: _slow_connections(desk, seconds),
        "an import": lambda: _import(desk, seconds),
    }
    found: dict[str, Felt] = {}
    for name, flood in floods.items():
        cache.warm(node, _NEIGHBOUR)
        with Visitors(desk, neighbour).asking() as felt:
            felt.answered = flood()
        found[name] = felt
        print(f"{name}: {felt.answered}", flush=True)
        time.sleep(2)
    return found


def _p(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1] * 1000


def table(found: dict[str, Felt]) -> str:
    """In Markdown."""
    quiet = found["quiet"]
    lines = [
        "| flood | requests | neighbour's hits, p99 | its PHP, p50 and p95, against quiet | the editor, p50 | failed |",
        "|---|---|---|---|---|---|",
    ]
    for name, felt in found.items():
        php = [_p(felt.php, percent) for percent in (50, 95)]
        ratios = [_p(felt.php, percent) / _p(quiet.php, percent) for percent in (50, 95)]
        failed = ", ".join(f"{number} {what}" for what, number in felt.failed.items()) or "none"
        lines.append(
            f"| {name} | {felt.answered or '-'} | {_p(felt.hits, 99):.1f} ms | {php[0]:.0f}, {php[1]:.0f} ms"
            f" ({ratios[0]:.2f}, {ratios[1]:.2f}) | {_p(felt.logged_in, 50):.0f} ms | {failed} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("var"))
    parser.add_argument("--domain", default="news.localhost")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    quietly()
    node = open_node(arguments.root)
    if _NEIGHBOUR not in {site.domain for site in node.state.sites()}:
        new = sites.NewSite.check(
            _NEIGHBOUR, title="The neighbour", admin_email="a@b.example", admin_user="admin", aliases=[],
            wordpress="debian",
        )  # fmt: skip
        with node.changing("bench floods"):
            sites.create(node, new)
    os.nice(-5)  # visitors are other machines
    found = run(node, arguments.domain, arguments.seconds)
    print(json.dumps(machine()))
    print(table(found))
    if arguments.json:
        arguments.json.write_text(json.dumps({name: vars(felt) for name, felt in found.items()}, indent=1))


if __name__ == "__main__":
    main()

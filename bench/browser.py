"""How long pages take in a real browser: the same WordPress by stock PHP-FPM and by Pressroom, beside a blank page.

    sudo .venv/bin/python -m bench.browser --root var [--page / --page /2026/…] [--rounds 30] [--json FILE]
        [--charts FOLDER]

Chromium, one interleaved run: in each round each page by each contestant, in random order, with a new profile (cold),
and once more in the same profile (warm). Medians of the load event, of the largest contentful paint, of the layout's
shift, and of a click's time to the next paint; then the same over a line of 60 ms and 10 Mbit/s (`bench/line.py`). All
are asked by the site's own address, so that style sheets and pictures come from them too.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.charts import bars
from bench.contestants import Field
from bench.line import Line
from bench.quiet import quietly, settle, wake
from bench.side_by_side import machine
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from pressroom.operations import cache
from pressroom.operations.node import Node, open_node
from pressroom.pagecache.store import PAGE

_ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
_ROUND_TRIP, _RATE = 0.06, 10e6  # seconds, bits a second
_NEAR, _FAR = "loopback", "60 ms, 10 Mbit/s"
_SETTLED = 150  # milliseconds after the load event in which a larger paint may still come
# Milliseconds for a new window to come to rest: Chromium loads pages of its own for it (the address bar's list), which
# would take the processors from the page that is measured.
_OPENED = 700
# Before anything else of a page runs.
_OBSERVE = """
window.benchSaw = {lcp: 0, cls: 0, inp: 0};
new PerformanceObserver(list => {
    for (const entry of list.getEntries()) benchSaw.lcp = entry.startTime;
}).observe({type: 'largest-contentful-paint', buffered: true});
new PerformanceObserver(list => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) benchSaw.cls += entry.value;
}).observe({type: 'layout-shift', buffered: true});
new PerformanceObserver(list => {
    for (const entry of list.getEntries())
        if (entry.interactionId) benchSaw.inp = Math.max(benchSaw.inp, entry.duration);
}).observe({type: 'event', buffered: true, durationThreshold: 16});
"""
_MEASURE = "() => ({load: performance.getEntriesByType('navigation')[0].loadEventEnd, ...benchSaw})"


@dataclass
class Loads:
    """Milliseconds of each load: until the load event's end, until the largest paint, and from a click until the next
    paint (0 where that took less than 16); the shift, without a unit.
    """

    load: list[float] = field(default_factory=list)
    lcp: list[float] = field(default_factory=list)
    cls: list[float] = field(default_factory=list)
    inp: list[float] = field(default_factory=list)

    def add(self, measured: dict[str, float]) -> None:
        self.load.append(measured["load"])
        self.lcp.append(measured["lcp"])
        self.cls.append(measured["cls"])
        self.inp.append(measured["inp"])


Found = dict[tuple[str, str, str, str], Loads]  # by line, page, contestant, cold or warm


@contextmanager
def _browser(playwright: Playwright, host: str, port: int) -> Iterator[Browser]:
    """One for which the site's address leads to this port of the machine."""
    rules = f"--host-resolver-rules=MAP {host} 127.0.0.1:{port}"
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[*_ARGUMENTS, rules])
    try:
        yield browser
    finally:
        browser.close()


def _load(context: BrowserContext, url: str, *, paints: bool) -> dict[str, float]:
    page = context.new_page()
    page.wait_for_timeout(_OPENED)
    answer = page.goto(url, wait_until="load")
    if answer is None or not answer.ok:
        raise SystemExit(f"{url} was not answered well")
    if paints:
        page.wait_for_function("benchSaw.lcp > 0")
    page.wait_for_timeout(_SETTLED)
    if paints:  # after the load, so that it ends no paint that counts
        page.mouse.click(5, 5)
        page.wait_for_timeout(_SETTLED)
    measured: dict[str, float] = page.evaluate(_MEASURE)
    page.close()
    return measured


def run(field_: Field, pages: list[str], *, rounds: int, chance: random.Random, slow: bool) -> Found:
    found: Found = {}
    line = _FAR if slow else _NEAR
    with sync_playwright() as playwright, ExitStack() as stack:
        browsers: dict[str, Browser] = {}
        for contestant in field_.browsed:
            port = contestant.http
            if slow:
                port = stack.enter_context(Line(port, round_trip=_ROUND_TRIP, rate=_RATE)).port
            browsers[contestant.name] = stack.enter_context(_browser(playwright, field_.host, port))
        loads = [(name, page) for name in browsers for page in pages] + [("blank page", field_.blank)]
        browsers["blank page"] = browsers[field_.browsed[0].name]
        for number in range(rounds + 1):
            for name, page in chance.sample(loads, len(loads)):
                context = browsers[name].new_context(viewport={"width": 1280, "height": 900})
                context.add_init_script(_OBSERVE)
                for state in ("cold", "warm"):
                    measured = _load(context, f"http://{field_.host}{page}", paints=page != field_.blank)
                    if number:  # the first round warms up
                        found.setdefault((line, page, name, state), Loads()).add(measured)
                context.close()
            print(f"{line}: round {number} of {rounds}", flush=True)
    return found


def table(found: Found, blank: str) -> str:
    """In Markdown, with what each took beyond the blank page."""
    lines = [
        "| line | page | by | | load event | beyond a blank page | largest paint | shift | click to paint |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for (line, page, name, state), loads in sorted(found.items()):
        load = statistics.median(loads.load)
        beyond = load - statistics.median(found[line, blank, "blank page", state].load)
        told = "| | | | |"
        if page != blank:
            lcp, cls, inp = (statistics.median(values) for values in (loads.lcp, loads.cls, loads.inp))
            told = f"| {beyond:.0f} ms | {lcp:.0f} ms | {cls:.3f} | {f'{inp:.0f} ms' if inp else '< 16 ms'} |"
        lines.append(f"| {line} | {'blank' if page == blank else page} | {name} | {state} | {load:.0f} ms {told}")
    return "\n".join(lines)


def plain(found: Found) -> list[dict[str, Any]]:
    return [
        {"line": line, "page": page, "by": name, "state": state, **vars(loads)}
        for (line, page, name, state), loads in found.items()
    ]


def draw(found: Found, blank: str, folder: Path) -> None:
    """A chart of what a first visitor waits for, over the loopback alone."""
    folder.mkdir(parents=True, exist_ok=True)
    cold = {
        (page, name): statistics.median(loads.load)
        for (line, page, name, state), loads in found.items()
        if line == _NEAR and state == "cold"
    }
    load = {"a blank page": cold.pop((blank, "blank page"))}
    load |= {
        f"{name}, {'front page' if page == '/' else 'article'}": took for (page, name), took in sorted(cold.items())
    }
    rounds = max(len(loads.load) for loads in found.values())
    chart = bars(
        load,
        {name: f"{took:.0f} ms" for name, took in load.items()},
        title="A page in Chromium, with its pictures, until it has loaded",
        subtitle=f"load event, median of {rounds} first visits; on the browser's {machine()['processors']} processors",
        ours="Pressroom",
    )
    (folder / "browser.svg").write_text(chart)


def _article(node: Node, domain: str) -> str:
    """A stored article: dates and names make its path the longest."""
    keys = (str(row["key"]) for row in cache.stored_pages(node, domain) if row["kind"] == PAGE)
    return max((key for key in keys if "?" not in key), key=len)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("var"))
    parser.add_argument("--domain", default="news.localhost")
    parser.add_argument("--page", action="append", help="may be repeated; else the front page and an article")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--charts", type=Path, help="write an SVG to this folder")
    arguments = parser.parse_args()
    quietly()
    node = open_node(arguments.root)
    settle(node, arguments.domain, pictures=True)
    pages = arguments.page or ["/", _article(node, arguments.domain)]
    found: Found = {}
    with (
        tempfile.TemporaryDirectory(prefix="browser.", dir="/var/tmp") as folder,
        Field(node, node.state.site(arguments.domain), pages[0], Path(folder)) as field_,
    ):
        for slow in (False, True):
            found |= run(field_, pages, rounds=arguments.rounds, chance=random.Random(arguments.seed), slow=slow)
        wake(node)
        print(json.dumps(machine()))
        print(table(found, field_.blank))
    if arguments.charts:
        draw(found, Field.blank, arguments.charts)
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine(), "loads": plain(found)}, indent=1))


if __name__ == "__main__":
    main()

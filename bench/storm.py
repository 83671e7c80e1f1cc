"""Readers while an editor saves an article each second: how many first visitors after a change are within 37 ms.

    sudo .venv/bin/python -m bench.storm --root var [--seconds 300] [--readers 4]

The editor saves articles in turn by REST, as wp-admin does, a new title each time. Readers ask for pages by demand: the
front page most, and each further page, as the paper links them, in proportion to one over its rank (Zipf's law). Who
asks first for a page after a change that touched it, is a first visitor of it; of those the share within 37 ms is told,
and what became of the others. An answer is stale if it was asked for after a save was answered and shows an older title
of that article. Changes the site's content: use a demo.
"""

from __future__ import annotations

import argparse
import json
import re
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

from bench.freshness import Desk, figures
from bench.quiet import quietly
from bench.side_by_side import machine

from pressroom.operations import cache
from pressroom.operations.node import open_node

_PROMISE = 0.037  # seconds
_TITLE = re.compile(r"Storm (\d+) of (\d+)\b")


@dataclass
class Storm:
    """What the editor has done, as readers see it: times are those of `time.perf_counter`."""

    answered: dict[int, int] = field(default_factory=dict)  # post: the number of its last save that was answered
    touched: dict[str, float] = field(default_factory=dict)  # page: when a change that touched it was answered last
    lock: threading.Lock = field(default_factory=threading.Lock)
    saves: list[float] = field(default_factory=list)


@dataclass
class Seen:
    """What one reader saw: seconds of all answers; of first visitors' with the state and the page's place by demand
    (from 0); and stale pages.
    """

    took: list[float] = field(default_factory=list)
    first: list[tuple[float, str, int]] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)


def edit(desk: Desk, storm: Storm, pages: list[str], seconds: float) -> None:
    posts = list(desk.articles(20).values())
    end = time.perf_counter() + seconds
    number = int(time.time())  # no title is one of an earlier storm
    while time.perf_counter() < end:
        number += 1
        post = posts[number % len(posts)]
        at, began = time.time(), time.perf_counter()
        desk.rest("POST", f"posts/{post}", title=f"Storm {number} of {post}")
        answered = time.perf_counter()
        # A page that is as it was before the save was not touched by it.
        as_before = {row["key"] for row in cache.stored_pages(desk.node, desk.domain) if row["rendered_at"] < at}
        with storm.lock:
            storm.saves.append(answered - began)
            storm.answered[post] = number
            storm.touched |= {page: answered for page in pages if page not in as_before}
        time.sleep(max(0.0, 1 - (time.perf_counter() - began)))


def read(desk: Desk, storm: Storm, pages: list[str], seen: Seen, chance: Random, stop: threading.Event) -> None:
    weights = [1 / rank for rank in range(1, len(pages) + 1)]
    told: dict[str, float] = {}
    # A plain connection: httpx would take a tenth of the two processors that the pages are to be made by.
    address = urlsplit(desk.base)
    with closing(HTTPConnection(str(address.hostname), address.port, timeout=60)) as reader:
        while not stop.is_set():
            page = chance.choices(pages, weights)[0]
            with storm.lock:
                known, touched = dict(storm.answered), storm.touched.pop(page, None)
            began = time.perf_counter()
            reader.request("GET", page, headers={"Host": desk.host})
            answer = reader.getresponse()
            text = answer.read().decode(errors="replace")
            took = time.perf_counter() - began
            seen.took.append(took)
            if touched is not None and told.get(page) != touched:
                told[page] = touched
                seen.first.append((took, answer.getheader("x-pressroom-cache", ""), pages.index(page)))
            for number, post in _TITLE.findall(text):
                if int(number) < known.get(int(post), 0):
                    seen.stale.append(f"{page}: save {number} of {post}, not {known[int(post)]}")
            time.sleep(chance.expovariate(1 / 0.05))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("var"))
    parser.add_argument("--domain", default="news.localhost")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--readers", type=int, default=4)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    quietly()
    desk = Desk(open_node(arguments.root), arguments.domain)
    cache.warm(desk.node, desk.domain)
    links = re.findall(r'href="http://[^/"]+(/[^"#?]*)"', desk.reader.get("/").text)
    stored = {row["key"] for row in cache.stored_pages(desk.node, desk.domain)}
    pages = [page for page in dict.fromkeys(["/", *links]) if page in stored]
    storm, stop = Storm(), threading.Event()
    seen = [Seen() for _ in range(arguments.readers)]
    readers = [
        threading.Thread(target=read, args=(desk, storm, pages, mine, Random(number), stop))
        for number, mine in enumerate(seen)
    ]
    for reader in readers:
        reader.start()
    try:
        edit(desk, storm, pages, arguments.seconds)
    finally:
        stop.set()
    for reader in readers:
        reader.join()
    first = [one for mine in seen for one in mine.first]
    late = [state for took, state, _ in first if took > _PROMISE]
    print(f"{len(storm.saves)} saves; {len(pages)} pages, {sum(len(mine.took) for mine in seen)} answers")
    figures("a save", storm.saves)
    figures("an answer", [took for mine in seen for took in mine.took])
    if first:
        figures("a first visitor's answer", [took for took, *_ in first])
        print(f"first visitors within 37 ms: {1 - len(late) / len(first):.1%} of {len(first)}")
        print(f"late: {dict(Counter(late))}")
        for low, high in ((0, 10), (10, 30), (30, len(pages))):
            mine = [took <= _PROMISE for took, _, rank in first if low <= rank < high]
            print(f"  of pages {low + 1} to {high} by demand: {sum(mine) / max(1, len(mine)):.1%} of {len(mine)}")
    stale = [told for mine in seen for told in mine.stale]
    print(f"stale: {len(stale)}", *stale[:10], sep="\n  ")
    if arguments.json:
        took = [took for mine in seen for took in mine.took]
        found = {"saves": storm.saves, "answers": took, "first": first, "stale": stale}
        arguments.json.write_text(json.dumps({"machine": machine(), **found}, indent=1))


if __name__ == "__main__":
    main()

"""What it is worth that visitors who miss a page wait for its render (docs/adr/0013), on a running demo.

    sudo .venv/bin/python -m bench.crowd --root var --domain news.localhost

The front page is taken out by plain SQL, and visitors ask for it at once: in turns those who wait for the render, and
those who are sent to PHP until the page is stored again. Changes the site's tagline.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from bench.freshness import Desk, figures
from bench.quiet import quietly

from pressroom.operations import cache
from pressroom.operations.node import open_node

# A weight that nginx's static modules would misread: such a visitor does not wait.
_AT_ONCE = {"Accept-Encoding": "gzip;Q=1"}


def crowd(desk: Desk, rounds: int, visitors: int) -> None:
    waiting: list[float] = []
    at_once: list[float] = []
    stored = 0
    client = httpx.Client(
        base_url=desk.reader.base_url,
        headers=desk.reader.headers,
        timeout=60,
        limits=httpx.Limits(max_connections=None),
    )
    with client, ThreadPoolExecutor(visitors) as pool:
        for number in range(rounds * 2):
            waits = number % 2 == 0
            text = f"Crowd {number} {time.time_ns()}"
            desk.sql.execute("UPDATE wp_options SET option_value=%s WHERE option_name='blogdescription'", (text,))
            time.sleep(0.02)
            headers = {} if waits else _AT_ONCE
            visits = [pool.submit(client.get, "/", headers=headers) for _ in range(visitors)]
            answers = [visit.result() for visit in visits]
            (waiting if waits else at_once).extend(answer.elapsed.total_seconds() for answer in answers)
            if waits:
                stored += sum("etag" in answer.headers for answer in answers)
            cache.warm(desk.node, desk.domain)
    figures(f"one of {visitors} visitors at once, who wait for the render", waiting)
    figures("the same, answered by PHP until it is stored", at_once)
    print(f"{stored / len(waiting):.0%} of those who waited got it from the store")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("var"))
    parser.add_argument("--domain", default="news.localhost")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--visitors", type=int, default=50)
    arguments = parser.parse_args()
    quietly()
    desk = Desk(open_node(arguments.root), arguments.domain)
    cache.warm(desk.node, desk.domain)
    crowd(desk, arguments.rounds, arguments.visitors)


if __name__ == "__main__":
    main()

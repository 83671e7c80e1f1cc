"""What never comes from the store, a logged-in editor's pages or a cart's: by Pressroom and by stock PHP-FPM.

    sudo .venv/bin/python -m bench.logged_in --root var [--rounds 40] [--page NAME=PATH] [--cart PATH] [--writes]

The same WordPress, stock's as a copy of files and database; one request after the other, each page by both in turns
and in random order. The node's settings are taken as they are: run it with `php.object_cache_mb` 0 and 64, `php.jit_mb`
0 and 64, to see what these do. With `--cart` (a path that puts something into a cart) the pages are asked for by
somebody with that cart, who is not logged in. With `--wordpress DIR` (and `--plugin DIR`, `--theme DIR`) a site is made
of these as well; without, that is "not measured". With `--writes` a row of a plugin's table is changed before each
request, so that the object cache forgets what any query may have found.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from bench.contestants import Field
from bench.freshness import Desk
from bench.guests import guest
from bench.quiet import quietly, settle, wake
from bench.side_by_side import machine

from pressroom.operations.node import Node, open_node

_PAGES = {"front page": "/", "dashboard": "/wp-admin/", "articles": "/wp-admin/edit.php", "a search": "/?s=town"}
_WARM_UP = 5  # rounds that are not counted
_SEEN = 0.05  # seconds after which a change has been seen

Took = dict[str, dict[str, list[float]]]  # seconds by page and contestant


def _cookies(desk: Desk, cart: str | None) -> str:
    jar = desk.editor.cookies.jar
    if cart is not None:
        with desk.client() as buyer:
            buyer.get(cart)
            jar = buyer.cookies.jar
    found = "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)
    if not found:
        raise SystemExit("no cookie was set: is that a path that fills a cart?")
    return found


def run(
    field_: Field, pages: dict[str, str], cookies: str, rounds: int, chance: random.Random, before: Callable[[], None]
) -> Took:
    """`before` is called before each request. Raises SystemExit for a page that is not answered with 200."""
    headers = {"Host": field_.host, "Cookie": cookies, "Accept-Encoding": "br"}
    took: Took = {page: {one.name: [] for one in field_.browsed} for page in pages}
    clients = {
        one.name: httpx.Client(base_url=f"http://127.0.0.1:{one.http}", headers=headers, timeout=60)
        for one in field_.browsed
    }
    for number in range(-_WARM_UP, rounds):
        for page, path in pages.items():
            for name in chance.sample(list(clients), len(clients)):
                before()
                began = time.perf_counter()
                answer = clients[name].get(path)
                seconds = time.perf_counter() - began
                if answer.status_code != 200 or answer.headers.get("x-pressroom-cache") == "hit":
                    raise SystemExit(f"{name}: {path} was answered {answer.status_code}, not by PHP for this visitor")
                if number >= 0:
                    took[page][name].append(seconds)
    for client in clients.values():
        client.close()
    return took


def _writing(desk: Desk) -> Callable[[], None]:
    """Changes a row that no page reads."""
    desk.sql.execute("CREATE OR REPLACE TABLE pressroom_bench (at DOUBLE)")
    desk.sql.execute("INSERT INTO pressroom_bench VALUES (0)")

    def write() -> None:
        desk.sql.execute("UPDATE pressroom_bench SET at = at + 1")
        time.sleep(_SEEN)

    return write


def table(took: Took) -> str:
    """In Markdown. The ratio is that of one round's two times: its median, and its quartiles."""
    lines = ["| page | stock | Pressroom | of stock |", "|---|---|---|---|"]
    for page, by in took.items():
        stock, ours = by.values()
        ratios = statistics.quantiles([our / their for our, their in zip(ours, stock, strict=True)], n=4)
        times = " | ".join(f"{statistics.median(one) * 1000:.0f} ms" for one in (stock, ours))
        lines.append(f"| {page} | {times} | {ratios[1]:.2f} × ({ratios[0]:.2f}-{ratios[2]:.2f}) |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("var"))
    parser.add_argument("--domain", default="news.localhost")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--page", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--cart", metavar="PATH")
    parser.add_argument("--writes", action="store_true")
    parser.add_argument("--wordpress", type=Path, metavar="DIR")
    parser.add_argument("--plugin", type=Path, action="append", default=[], metavar="DIR")
    parser.add_argument("--theme", type=Path, metavar="DIR")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    quietly()
    node = open_node(arguments.root)
    print(json.dumps(machine() | {"object cache, MB": str(node.state.settings().php.object_cache_mb)}))
    pages = dict(page.split("=", 1) for page in arguments.page) or _PAGES
    took = measure(node, arguments.domain, pages, arguments.cart, arguments.rounds, writes=arguments.writes)
    print(table(took))
    guests: Took = {}
    if arguments.wordpress is None:
        print("| newest WordPress, with plugins | not measured: --wordpress DIR --plugin DIR --theme DIR |")
    else:
        site, pages, cart = guest(node, arguments.wordpress, arguments.plugin, arguments.theme)
        guests = measure(node, site.domain, {"dashboard": "/wp-admin/"}, None, arguments.rounds)
        guests |= measure(node, site.domain, pages, cart, arguments.rounds)
        print(table(guests))
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine(), "seconds": took, "guests": guests}, indent=1))


def measure(
    node: Node, domain: str, pages: dict[str, str], cart: str | None, rounds: int, *, writes: bool = False
) -> Took:
    settle(node, domain)
    desk = Desk(node, domain)
    cookies = _cookies(desk, cart)  # before the database is copied
    with (
        tempfile.TemporaryDirectory(prefix="logged-in.", dir="/var/tmp") as folder,
        Field(node, desk.site, "/", Path(folder)) as field_,
    ):
        before = _writing(desk) if writes else lambda: None
        took = run(field_, pages, cookies, rounds, random.Random(1), before)
        desk.sql.execute("DROP TABLE IF EXISTS pressroom_bench")
    wake(node)
    return took


if __name__ == "__main__":
    main()

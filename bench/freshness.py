"""What freshness costs on a running node, as editors, SQL clients and neighbours see it.

    sudo .venv/bin/python -m bench.freshness sql edits all recording neighbour import --root var --domain news.localhost

``edits``: an editor saves articles by REST; the barrier's wait without the renders swapped inside it, and the time
until the article is a hit again. ``sql``: from a plain commit until the page's file is gone. ``all``: the same for a
change that touches every page. ``neighbour``: the barrier while another site's transactions of 100,000 rows are being
followed, beside quiet times. ``recording``: a render with and without its recorder, in turns. ``import``: 10,000 posts
by WordPress's API while readers read. All but ``recording`` change the site's content: use a demo. First all pages are
made; then the node does nothing of its own accord (no audit, no pictures).
"""

from __future__ import annotations

import argparse
import math
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pymysql
from bench.quiet import quietly, settle, wake

from pressroom.model.site import Site
from pressroom.operations import cache, sites
from pressroom.operations.node import Node, open_node
from pressroom.stack import nginx

_ROWS = 100_000
_ROUNDS = {"sql": 40, "edits": 60, "all": 4, "recording": 150, "neighbour": 12}
_SEEN = 0.05  # seconds until plain SQL, and PHP on the command line, must have been seen
_LOOK = 0.0002  # seconds between looks: one that never rests takes a processor from those it waits for
_ALL_BACK = 3600.0  # seconds in which all pages are back, at the most


class Desk:
    """An editor who is logged in, a reader, and somebody with an SQL client."""

    def __init__(self, node: Node, domain: str) -> None:
        self.node, self.domain = node, domain
        self.site: Site = node.state.site(domain)
        port = node.state.settings().http.port
        self.base = f"http://127.0.0.1:{port}"
        self.host = nginx.host(self.site, node.state.settings())
        self.reader = self.client()
        self.editor = self.client()
        link = sites.login_link(node, domain)
        self.editor.get(link[link.index("/wp-login") :])
        self._nonce = self.editor.get("/wp-admin/admin-ajax.php?action=rest-nonce").text
        self.sql = pymysql.connect(
            unix_socket=str(node.layout.mariadb_socket), user="root", database=self.site.name, autocommit=True
        ).cursor()

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.base, headers={"Host": self.host}, timeout=60)

    def rest(self, method: str, path: str, **fields: object) -> Any:
        address, nonce = f"/wp-json/wp/v2/{path}", {"X-WP-Nonce": self._nonce}
        answer = self.editor.request(method, address, json=fields or None, headers=nonce)
        answer.raise_for_status()
        return answer.json()

    def articles(self, count: int) -> dict[str, int]:
        """Stored articles: key and number."""
        stored = {row["key"] for row in cache.stored_pages(self.node, self.domain)}
        posts = self.rest("GET", f"posts?per_page={min(100, count * 2)}&_fields=id,link")
        keys = {f"/{post['link'].split('/', 3)[3]}": post["id"] for post in posts}
        return dict(list({key: number for key, number in keys.items() if key in stored}.items())[:count])

    def barriers(self) -> list[float]:
        return [float(s) for s in cache.ask_invalidator(self.node, {"op": "status"})["barrier_seconds"]]

    def is_hit(self, key: str) -> bool:
        return bool(self.reader.get(key).headers.get("x-pressroom-cache") == "hit")

    def file(self, key: str) -> Path:
        row = next(row for row in cache.stored_pages(self.node, self.domain) if row["key"] == key)
        folder = self.node.layout.store / self.site.name / "current"
        name = key.strip("/") + "/.page" if key != "/" else ".page"
        file = folder / name
        return file if file.exists() else folder / (key[1:] + (".page" if row["kind"] == "page" else ".body"))


def figures(name: str, seconds: list[float]) -> None:
    ordered = sorted(seconds)
    p99 = ordered[math.ceil(len(ordered) * 0.99) - 1] * 1000  # of fewer than 100 the slowest
    print(
        f"{name:52} {statistics.median(ordered) * 1000:8.2f} ms p50 {p99:8.2f} ms p99 {ordered[-1] * 1000:8.2f} ms"
        f" at most, of {len(ordered)}"
    )


def edits(desk: Desk, rounds: int) -> list[float]:
    """Barrier waits of `rounds` edits, and how soon the articles are hits again."""
    waits, answers, again = [], [], []
    articles = list(desk.articles(20).items())
    for number in range(rounds):
        key, post = articles[number % len(articles)]
        before = len(desk.barriers())
        began = time.perf_counter()
        desk.rest("POST", f"posts/{post}", excerpt=f"Bench {number} {time.time_ns()}")
        answered = time.perf_counter()
        while not desk.is_hit(key):
            time.sleep(0.002)
        again.append(time.perf_counter() - answered)
        answers.append(answered - began)
        now = desk.barriers()
        waits += now[before:] if len(now) > before else now[-1:]
        cache.warm(desk.node, desk.domain)
    figures("barrier, without swapped renders", waits)
    figures("an editor's save, whole", answers)
    figures("the article is a hit again after the answer", again)
    return waits


def until_gone(desk: Desk, key: str, change: Callable[[], object]) -> float:
    """Seconds from the commit until the page's file is another or none."""
    file = desk.file(key)
    before = file.stat().st_ino
    change()
    committed = time.perf_counter()
    while _inode(file) == before:
        time.sleep(_LOOK)
    return time.perf_counter() - committed


def _inode(file: Path) -> int | None:
    try:
        return file.stat().st_ino
    except (FileNotFoundError, NotADirectoryError):
        return None


def sql(desk: Desk, rounds: int) -> None:
    gone = []
    articles = list(desk.articles(20).items())
    for number in range(rounds):
        key, post = articles[number % len(articles)]
        desk.sql.execute("SELECT post_title FROM wp_posts WHERE ID=%s", (post,))
        (title,) = desk.sql.fetchone() or ("",)
        text = title.rstrip(".") + ("" if title.endswith(".") else ".")  # always another one

        def change(text: str = text, post: int = post) -> object:
            return desk.sql.execute("UPDATE wp_posts SET post_title=%s WHERE ID=%s", (text, post))

        gone.append(until_gone(desk, key, change))
        cache.warm(desk.node, desk.domain)
    figures("SQL commit until the page's file is gone: titles", gone)
    new = []
    for number in range(rounds):
        new.append(until_gone(desk, "/", lambda number=number: insert(desk, number)))  # type: ignore[misc]
        cache.warm(desk.node, desk.domain)
    figures("the same of the front page: new articles", new)
    many = []
    for number in range(max(1, rounds // 8)):
        posts = desk.articles(100)
        desk.sql.execute("BEGIN")
        desk.sql.executemany(
            "UPDATE wp_posts SET post_title=%s WHERE ID=%s",
            [(f"Together {number} {post}", post) for post in posts.values()],
        )
        many.append(until_gone(desk, list(posts)[-1], lambda: desk.sql.execute("COMMIT")))
        cache.warm(desk.node, desk.domain)
    figures(f"the same of the last of {len(posts)} titles in one transaction", many)


def insert(desk: Desk, number: int) -> None:
    """An article that is in no category."""
    texts = dict.fromkeys(("post_content", "post_excerpt", "to_ping", "pinged", "post_content_filtered"), "x")
    row = {"post_type": "post", "post_title": f"New {number}", "post_name": f"new-{number}-{time.time_ns()}", **texts}
    desk.sql.execute(
        f"INSERT INTO wp_posts (post_date, {', '.join(row)}) VALUES (NOW(), {', '.join(['%s'] * len(row))})",
        list(row.values()),
    )


def all_pages(desk: Desk, rounds: int) -> None:
    gone = []
    for number in range(rounds):
        gone.append(
            until_gone(
                desk,
                "/",
                lambda number=number: desk.sql.execute(  # type: ignore[misc]
                    "UPDATE wp_options SET option_value=%s WHERE option_name='blogdescription'", (f"Bench {number}",)
                ),
            )
        )
        pages = cache.warm(desk.node, desk.domain).stored
    figures(f"a change of all {pages} pages until they are gone", gone)


@contextmanager
def flood(desk: Desk, other: Site) -> Iterator[None]:
    """Another site's transactions of 100,000 rows, one after the other."""
    cursor = pymysql.connect(
        unix_socket=str(desk.node.layout.mariadb_socket), user="root", database=other.name, autocommit=True
    ).cursor()
    cursor.execute("CREATE TABLE IF NOT EXISTS wp_bench (id int PRIMARY KEY, word varchar(190), views int)")
    cursor.execute(f"INSERT IGNORE INTO wp_bench SELECT seq, REPEAT('w', 100), 0 FROM seq_1_to_{_ROWS}")
    stop = threading.Event()
    count = [0]

    def work() -> None:
        while not stop.is_set():
            cursor.execute("UPDATE wp_bench SET views = views + 1")
            count[0] += 1
            stop.wait(1.0)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        cursor.execute("DROP TABLE wp_bench")
        print(f"({count[0]} transactions of {_ROWS:,} rows)")


def neighbour(desk: Desk, rounds: int) -> None:
    quiet: list[float] = []
    busy: list[float] = []
    with _neighbour(desk.node) as other:
        for _ in range(2):
            quiet += edits(desk, rounds)
            with flood(desk, other):
                busy += edits(desk, rounds)
    figures("barrier, quiet", quiet)
    figures("barrier, beside the other site's transactions", busy)


@contextmanager
def _neighbour(node: Node) -> Iterator[Site]:
    """Another site of the node, while it is needed."""
    domain = "bench-neighbour.localhost"
    email = f"editor@{domain}"
    new = sites.NewSite.check(
        domain, title="Neighbour", admin_email=email, admin_user="editor", aliases=[], wordpress="debian"
    )
    site = sites.create(node, new)
    try:
        cache.warm(node, domain)
        yield site
    finally:
        sites.delete(node, domain)


def recording(desk: Desk, rounds: int) -> None:
    """In turns through nginx's internal socket; without a ticket there is no recorder."""
    keys = list(desk.articles(10))[:10]
    with_it: list[float] = []
    without: list[float] = []
    transport = httpx.HTTPTransport(uds=str(desk.node.layout.internal_http_socket))
    url = nginx.url(desk.site, desk.node.state.settings())
    with httpx.Client(transport=transport, timeout=60, base_url=url) as client:
        for number in range(rounds):
            key = keys[number % len(keys)]
            ticket = str(
                cache.ask_invalidator(desk.node, {"op": "begin", "site": desk.site.name, "key": key})["ticket"]
            )
            pair: list[tuple[list[float], dict[str, str]]] = [(with_it, {"X-Pressroom-Ticket": ticket}), (without, {})]
            for seconds, headers in pair if number // len(keys) % 2 else reversed(pair):  # the second finds warm caches
                began = time.perf_counter()
                client.get(key, headers=headers).raise_for_status()
                seconds.append(time.perf_counter() - began)
            cache.ask_invalidator(desk.node, {"op": "abandon", "ticket": ticket, "gone": False})
    figures("a render with its recorder", with_it)
    figures("the same without", without)
    print(f"ratio of the medians {statistics.median(with_it) / statistics.median(without):.3f}")


def bulk_import(desk: Desk, posts: int) -> None:
    """Posts by WordPress's API on the command line, 4 readers of the front page beside it; one more while all pages are
    made again.
    """
    code = (
        "require 'wp-load.php'; for ($i = 1; $i <= " + str(posts) + "; $i++) {"
        " wp_insert_post(['post_title' => sprintf('Import %06d', $i), 'post_content' => 'Text.',"
        " 'post_status' => 'publish']); echo $i, \"\\n\"; }"
    )
    done = [(time.monotonic(), 0)]
    seen: list[tuple[float, str, bool]] = []  # seconds, state, stale

    def read(stop: threading.Event, pause: float) -> None:
        with desk.client() as reader:
            while not stop.wait(pause):
                began = time.monotonic()
                answer = reader.get("/")
                told = next((n for at, n in reversed(done[-2000:]) if at < began - _SEEN), 0)
                newest = max((int(word[:6]) for word in answer.text.split("Import ")[1:]), default=0)
                state = answer.headers.get("x-pressroom-cache", "")
                seen.append((answer.elapsed.total_seconds(), state, newest < told))

    with _threads(read, 4, 0.01):
        began = time.monotonic()
        pressroom = [str(Path(sys.executable).with_name("pressroom")), "--root", str(desk.node.layout.root)]
        worker = subprocess.Popen(
            [*pressroom, "site", "exec", desk.domain, "--", "php", "-r", code], stdout=subprocess.PIPE, text=True
        )
        assert worker.stdout is not None
        for line in worker.stdout:
            done.append((time.monotonic(), int(line)))
        seconds = time.monotonic() - began
    _tell(f"{done[-1][1]} posts in {seconds:.0f} s", seen)
    seen.clear()
    began = time.monotonic()
    with _threads(read, 1, 0.1):
        left = cache.warm(desk.node, desk.domain, patience=_ALL_BACK)
    back = time.monotonic() - began
    waiting = left.queued + left.rendering
    _tell(f"{left.stored} pages stored {back:.0f} s later, {waiting} wait, {left.refused} refused", seen)


@contextmanager
def _threads(work: Callable[[threading.Event, float], None], number: int, pause: float) -> Iterator[None]:
    stop = threading.Event()
    threads = [threading.Thread(target=work, args=(stop, pause)) for _ in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _tell(what: str, seen: list[tuple[float, str, bool]]) -> None:
    hits = [taken for taken, state, _ in seen if state == "hit"]
    print(f"{what}: {len(seen)} reads, {len(hits)} of them hits, {sum(stale for *_, stale in seen)} stale")
    figures("a hit meanwhile", hits or [0.0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=[*_ROUNDS, "import"], nargs="+")
    parser.add_argument("--root", type=Path, default=Path("var"))
    parser.add_argument("--domain", default="news.localhost")
    parser.add_argument("--rounds", type=int, help=f"by default {_ROUNDS}")
    parser.add_argument("--posts", type=int, default=10_000)
    arguments = parser.parse_args()
    quietly()
    desk = Desk(open_node(arguments.root), arguments.domain)
    benches = {"sql": sql, "edits": edits, "all": all_pages, "recording": recording, "neighbour": neighbour}
    settle(desk.node, desk.domain)
    try:
        for what in arguments.what:
            print(f"{what}:", flush=True)
            if what == "import":
                bulk_import(desk, arguments.posts)
            else:
                benches[what](desk, arguments.rounds or _ROUNDS[what])
    finally:
        wake(desk.node)


if __name__ == "__main__":
    main()

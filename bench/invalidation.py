"""What exact invalidation costs: finding the pages of a changed row, and a running node's way from commit to drop.

    .venv/bin/python bench/invalidation.py index [--pages 1000 10000 100000]
    sudo .venv/bin/python bench/invalidation.py node --root var --domain news.localhost

The first fills a real index with pages somewhat like the newsroom's (30 reads and 130 options each) and touches rows
that few of them read. The second changes rows that one stored page reads, by SQL, and looks for the page's file.
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pymysql

from pressroom.operations import cache
from pressroom.operations.node import open_node
from pressroom.pagecache import protocol
from pressroom.pagecache.index import Index, PageRow
from pressroom.pagecache.positions import Position, RowChange
from pressroom.pagecache.reads import Reads, meta, option, statement
from pressroom.pagecache.sql.schema import Column, Schema, Table
from pressroom.pagecache.store import PageStore

_NUMBER, _TEXT = "bigint", "varchar"
SITE = Schema(
    {
        "wp_posts": Table(
            {
                "ID": Column(_NUMBER, "PRI"), "post_title": Column(_TEXT), "post_content": Column("longtext"),
                "post_status": Column(_TEXT), "post_type": Column(_TEXT, "MUL"), "post_date": Column("datetime"),
                "post_parent": Column(_NUMBER, "MUL"),
            }
        ),
        "wp_options": Table({"option_name": Column(_TEXT, "UNI"), "option_value": Column("longtext")}),
        "wp_postmeta": Table(
            {
                "meta_id": Column(_NUMBER, "PRI"), "post_id": Column(_NUMBER, "MUL"), "meta_key": Column(_TEXT, "MUL"),
                "meta_value": Column("longtext"),
            }
        ),
        "wp_term_relationships": Table(
            {"object_id": Column(_NUMBER, "PRI"), "term_taxonomy_id": Column(_NUMBER, "MUL")}
        ),
        "wp_comments": Table({"comment_ID": Column(_NUMBER, "PRI"), "comment_post_ID": Column(_NUMBER, "MUL")}),
    }
)  # fmt: skip
OPTIONS = tuple(option("wp_options", f"option_{number}") for number in range(130))


def reads_of(page: int, chance: random.Random, pages: int) -> Reads:
    """An article with its meta, terms and comments, and a box of ten others."""
    others = sorted(chance.sample(range(1, pages + 1), min(10, pages)))
    listed = ",".join(map(str, others))
    own = [
        statement(f"SELECT * FROM wp_posts WHERE ID = {page} LIMIT 1"),
        statement(f"SELECT wp_posts.* FROM wp_posts WHERE ID IN ({listed})"),
        statement(f"SELECT object_id FROM wp_term_relationships WHERE object_id IN ({page},{listed})"),
        statement(f"SELECT * FROM wp_comments WHERE comment_post_ID = {page}"),
        statement("SELECT ID FROM wp_posts WHERE post_type = 'nav_menu_item' AND post_status = 'publish'"),
        statement(
            "SELECT wp_posts.ID FROM wp_posts LEFT JOIN wp_term_relationships ON (wp_posts.ID ="
            f" wp_term_relationships.object_id) WHERE wp_term_relationships.term_taxonomy_id IN ({page % 50})"
            f" AND wp_posts.post_type = 'post' AND wp_posts.post_status = 'publish' AND wp_posts.ID NOT IN ({page})"
        ),
    ]
    own += [meta("wp_postmeta", "post_id", post, key) for post in (page, *others) for key in ("_thumbnail_id", "mood")]
    return Reads(tuple(own), OPTIONS)


def fill(index: Index, pages: int) -> float:
    """Seconds a page."""
    chance = random.Random(1)
    began = time.monotonic()
    for first in range(1, pages + 1, 1000):
        with index.transaction():
            for page in range(first, min(first + 1000, pages + 1)):
                row = PageRow("s1", f"/{page}/", 1, 1, "page", 1, "d", Position(1, 1), 0.0, 0.0, 0, None)
                index.put_page(row, reads_of(page, chance, pages))
        index.checkpoint()
    return (time.monotonic() - began) / pages


def measure_index(pages: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.db"
        index = Index(path, lambda site: SITE)
        index.next_generation("s1", 0.0, "new", None)
        put = fill(index, pages)
        post = {"post_title": "a", "post_content": "b", "post_status": "publish", "post_type": "post", "post_parent": 0}
        changes: dict[str, Callable[[int], RowChange]] = {
            "title of a post": lambda n: RowChange(
                "s1", "wp_posts", {"ID": n, **post}, {"ID": n, **post, "post_title": "c"}
            ),
            "meta of a post": lambda n: RowChange(
                "s1", "wp_postmeta", None, {"meta_id": 1, "post_id": n, "meta_key": "mood", "meta_value": "x"}
            ),
            "a comment": lambda n: RowChange("s1", "wp_comments", None, {"comment_ID": 1, "comment_post_ID": n}),
            "an option nobody reads": lambda n: RowChange(
                "s1", "wp_options", None, {"option_name": f"x{n}", "option_value": ""}
            ),
        }
        chance = random.Random(2)
        print(
            f"{pages} pages: {path.stat().st_size / pages / 1024:.1f} KB a page, {put * 1000:.2f} ms to put one,",
            end=" ",
        )
        print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB resident")
        for name, change in changes.items():
            seconds, touched = [], []
            for _ in range(400):
                row = change(chance.randint(1, pages))
                began = time.perf_counter()
                numbers = index.dependencies.pages(index.dependencies.touched("s1", [row]))
                seconds.append(time.perf_counter() - began)
                touched.append(len(numbers))
            print(f"  {name:24} {_figures(seconds)}, {max(touched)} pages at most")
        index.close()


def measure_node(root: Path, domain: str, rounds: int) -> None:
    node = open_node(root)
    site = node.state.site(domain)
    connection = pymysql.connect(
        unix_socket=str(node.layout.mariadb_socket), user="root", database=site.name, autocommit=True, charset="utf8mb4"
    )
    store = PageStore(node.layout.store)
    cache.warm(node, domain)
    gone: list[float] = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT ID, post_name FROM wp_posts WHERE post_type='post' AND post_status='publish' LIMIT 50")
        names = {f"/{name}/": number for number, name in cursor.fetchall()}
        stored = {row["key"]: row for row in cache.stored_pages(node, domain)}
        articles = {key: names[f"/{key.strip('/').rpartition('/')[2]}/"] for key in stored
                    if f"/{key.strip('/').rpartition('/')[2]}/" in names}  # fmt: skip
        for number in range(rounds):
            key, post = list(articles.items())[number % len(articles)]
            row = next(row for row in cache.stored_pages(node, domain) if row["key"] == key)
            file = store.plain_file(site.name, row["generation"], key, row["kind"])
            before = file.stat().st_ino
            cursor.execute(
                "INSERT INTO wp_comments (comment_post_ID, comment_author, comment_content, comment_approved)"
                " VALUES (%s, 'b', 'b', '1')",
                (post,),
            )
            committed = time.perf_counter()
            while _inode(file) == before:
                pass
            gone.append(time.perf_counter() - committed)
            cache.warm(node, domain)
        cursor.execute("DELETE FROM wp_comments WHERE comment_author='b' AND comment_content='b'")
    connection.close()
    status = protocol.ask(node.layout.invalidator_socket, {"op": "status"}, what="invalidator")
    print(f"SQL commit to the page's file gone   {_figures(gone)}")
    if status["barrier_seconds"]:
        print(
            f"barrier, without swapped renders    {_figures(status['barrier_seconds'])} (what the node has seen lately)"
        )


def _inode(file: Path) -> int | None:
    try:
        return file.stat().st_ino
    except FileNotFoundError:
        return None


def _figures(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    return f"{statistics.median(ordered) * 1000:.2f} ms p50, {ordered[int(len(ordered) * 0.99) - 1] * 1000:.2f} ms p99"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    index = kinds.add_parser("index")
    index.add_argument("--pages", type=int, nargs="+", default=[1000, 10_000, 100_000])
    node = kinds.add_parser("node")
    node.add_argument("--root", type=Path, default=Path("var"))
    node.add_argument("--domain", default="news.localhost")
    node.add_argument("--rounds", type=int, default=100)
    arguments = parser.parse_args()
    if arguments.kind == "index":
        for pages in arguments.pages:
            measure_index(pages)
    else:
        measure_node(arguments.root, arguments.domain, arguments.rounds)


if __name__ == "__main__":
    main()

"""What it costs to find the pages of a changed row, and how large the index is.

    .venv/bin/python -m bench.invalidation [--pages 1000 10000 100000]

Fills a real index with pages somewhat like the newsroom's (30 reads and 130 options each) and touches rows that few
of them read.
"""

from __future__ import annotations

import argparse
import math
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pressroom.pagecache.binlog.positions import Position, RowChange
from pressroom.pagecache.invalidator.index import Index, PageRow
from pressroom.pagecache.matching.reads import Reads, meta, option, statement
from pressroom.pagecache.sql.schema import Column, Schema, Table
from pressroom.system.daemon import collect_young_garbage_alone

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
    return (*own, *OPTIONS)


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
        collect_young_garbage_alone()  # as the invalidator does
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
                numbers = index.dependencies.pages(index.dependencies.touched("s1", [row])[0])
                seconds.append(time.perf_counter() - began)
                touched.append(len(numbers))
            print(f"  {name:24} {_figures(seconds)}, {max(touched)} pages at most")
        index.close()


def _figures(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    p99 = ordered[math.ceil(len(ordered) * 0.99) - 1]
    return f"{statistics.median(ordered) * 1000:.2f} ms p50, {p99 * 1000:.2f} ms p99"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, nargs="+", default=[1000, 10_000, 100_000])
    for pages in parser.parse_args().pages:
        measure_index(pages)


if __name__ == "__main__":
    main()

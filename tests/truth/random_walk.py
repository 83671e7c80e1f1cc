"""Changes of all ways in any order, mixed with visitors: after each step every stored page is right.

A walk is a list of steps; a step is a name and a number, so that a walk can be printed, pasted and made again. Each
walk begins with the same database.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies
from hypothesis.strategies import SearchStrategy

from tests.functional import forms
from tests.functional.newspaper import Newspaper
from tests.truth.truth import BOUND, fresh_renders, stale_pages, stored_now
from tests.truth.ways import number_of, post

ARTICLES = 6  # that steps change
MOST = 31  # a step's number is less
Step = tuple[str, int]
_PATHS = (
    "/",
    "/article-1/",
    "/article-2/",
    "/article-3/",
    "/feed/",
    "/about/",
    "/category/uncategorized/",
    "/nowhere/",
)


def _slug(number: int) -> str:
    return f"article-{number % ARTICLES + 1}"


def _rest_title(paper: Newspaper, number: int) -> None:
    paper.rest("POST", f"posts/{number_of(paper, _slug(number))}", title=f"Title {number}")


def _rest_status(paper: Newspaper, number: int) -> None:
    status = ("draft", "publish", "private", "publish")[number % 4]
    paper.rest("POST", f"posts/{number_of(paper, _slug(number))}", status=status)


def _rest_sticky(paper: Newspaper, number: int) -> None:
    paper.rest("POST", f"posts/{number_of(paper, _slug(number))}", sticky=bool(number % 2))


def _form_title(paper: Newspaper, number: int) -> None:
    forms.change_title(paper, f"Paper {number}")


def _form_menu(paper: Newspaper, number: int) -> None:
    forms.rename_menu(paper, f"Menu {number}")


def _form_comment(paper: Newspaper, number: int) -> None:
    """Refused (409) when the article is none or the words are said already: that is a step, too."""
    found = paper.value(f"SELECT ID FROM wp_posts WHERE post_name='{_slug(number)}'")
    data = {"comment": f"Said {number}", "author": "R", "email": "r@example.org", "comment_post_ID": found}
    with paper.client() as reader:
        reader.post("/wp-comments-post.php", data=data)


def _editor_tags(paper: Newspaper, number: int) -> None:
    paper.as_editor(f"wp_set_post_tags({post(_slug(number))}, 'tag-{number % 3}', {number % 2});")


def _editor_author(paper: Newspaper, number: int) -> None:
    paper.as_editor(f"wp_update_user(['ID' => 1, 'display_name' => 'Editor {number}']);")


def _editor_length(paper: Newspaper, number: int) -> None:
    paper.as_editor(f"update_option('posts_per_page', {number % 5 + 2});")


def _editor_big(paper: Newspaper, number: int) -> None:
    """More than is looked at row by row, and one more row after it."""
    paper.as_editor(
        "global $wpdb; for ($i = 0; $i < 8; $i++) { add_post_meta("
        f"{post('article-1')}, 'bulk', str_repeat('x{number}', 20000)); }}"
        " $wpdb->query(\"UPDATE $wpdb->postmeta SET meta_value=CONCAT(meta_value, 'y') WHERE meta_key='bulk'\");"
        f" wp_update_post(['ID' => {post(_slug(number))}, 'post_title' => 'After {number}']);"
        " delete_post_meta_by_key('bulk');"
    )


def _shell_option(paper: Newspaper, number: int) -> None:
    paper.php(f"update_option('pressroom_test_option', 'shell {number}');")


def _event_excerpt(paper: Newspaper, number: int) -> None:
    paper.as_event(f"wp_update_post(['ID' => {post(_slug(number))}, 'post_excerpt' => 'Event {number}']);")
    time.sleep(BOUND)  # nobody was told of its end


def _sql(statement: str) -> Callable[[Newspaper, int], None]:
    def change(paper: Newspaper, number: int) -> None:
        paper.sql(statement.format(slug=_slug(number), number=number))
        time.sleep(BOUND)

    return change


def _visit(paper: Newspaper, number: int) -> None:
    with paper.client() as visitor:
        visitor.get(_PATHS[number % len(_PATHS)])


def _visit_uncached(paper: Newspaper, number: int) -> None:
    with paper.client() as visitor:
        visitor.get(f"{_PATHS[number % len(_PATHS)]}?step={number}")


def _warm(paper: Newspaper, number: int) -> None:
    paper.warm()


def _breath(paper: Newspaper, number: int) -> None:
    """Some pages are rendered, others not yet."""
    time.sleep(number % 5 * 0.05)


STEPS: dict[str, Callable[[Newspaper, int], None]] = {
    "rest title": _rest_title,
    "rest status": _rest_status,
    "rest sticky": _rest_sticky,
    "form title": _form_title,
    "form menu": _form_menu,
    "form comment": _form_comment,
    "editor tags": _editor_tags,
    "editor author": _editor_author,
    "editor length": _editor_length,
    "editor big": _editor_big,
    "shell option": _shell_option,
    "event excerpt": _event_excerpt,
    "sql title": _sql("UPDATE wp_posts SET post_title='Sql {number}' WHERE post_name='{slug}'"),
    "sql text": _sql("UPDATE wp_posts SET post_content=CONCAT(post_content, '{number}') WHERE post_name='{slug}'"),
    "sql word": _sql("UPDATE wp_pressroom_test SET word='w{number}' WHERE id=1"),
    "sql comments": _sql("UPDATE wp_comments SET comment_content=CONCAT(comment_content, '{number}')"),
    "sql transaction": _sql(
        "START TRANSACTION; UPDATE wp_posts SET post_title='T {number}' WHERE post_name='{slug}';"
        " UPDATE wp_pressroom_test SET word='t{number}' WHERE id=1; COMMIT"
    ),
    "visit": _visit,
    "visit uncached": _visit_uncached,
    "warm": _warm,
    "breath": _breath,
}

# The simplest come first, and walks shrink towards them.
_ORDER = ["visit", "breath", "warm", *(name for name in STEPS if name not in ("visit", "breath", "warm"))]


def walks(longest: int) -> SearchStrategy[list[Step]]:
    step = strategies.tuples(strategies.sampled_from(_ORDER), strategies.integers(0, MOST - 1))
    return strategies.lists(step, min_size=2, max_size=longest)


@dataclass
class Beginning:
    """The database as all walks begin with it, as a file of SQL."""

    paper: Newspaper
    file: Path

    def keep(self) -> None:
        argv = ["mariadb-dump", "-S", str(self.paper.node.layout.mariadb_socket), self.paper.site.name]
        with self.file.open("wb") as out:
            subprocess.run(argv, stdout=out, check=True)

    def bring_back(self) -> None:
        argv = ["mariadb", "-S", str(self.paper.node.layout.mariadb_socket), self.paper.site.name]
        with self.file.open("rb") as source:
            subprocess.run(argv, stdin=source, check=True)
        self.paper.warm()


def walk(paper: Newspaper, steps: list[Step]) -> int:
    """Go, and compare all that is stored after each step. Returns the number of comparisons."""
    compared = 0
    for place, (name, number) in enumerate(steps):
        STEPS[name](paper, number)
        stored = stored_now(paper)
        stale = stale_pages(paper, stored, fresh_renders(paper, stored))
        assert stale == [], f"after step {place} ({name}, {number}): {stale}"
        compared += len(stored)
    return compared

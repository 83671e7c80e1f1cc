"""The ways by which people change a site, as functions that make a change of given code, fields or text."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.functional.newspaper import Newspaper

Change = Callable[[Newspaper], object]


def editor(code: str) -> Change:
    """PHP in an editor's request to wp-admin."""
    return lambda paper: paper.as_editor(code)


def at_its_moment(code: str, seconds: int = 8) -> Change:
    """PHP in an editor's request about a moment so many seconds ahead (`$moment`, Unix time); then it comes."""

    def change(paper: Newspaper) -> None:
        moment = int(time.time()) + seconds
        paper.as_editor(f"$moment = {moment}; {code}")
        paper.warm()
        time.sleep(max(0.0, moment - time.time()))

    return change


def shell(code: str) -> Change:
    """PHP on the command line, as a person with a shell or a program of theirs."""
    return lambda paper: paper.php(code)


def event(code: str) -> Change:
    """PHP in an event of WordPress's cron."""
    return lambda paper: paper.as_event(code)


def rest(method: str, path: str, **fields: object) -> Change:
    return lambda paper: paper.rest(method, path, **fields)


def sql(statement: str) -> Change:
    return lambda paper: paper.sql(statement)


def file(path: str, text: str) -> Change:
    """`path` is below wp-content."""
    return lambda paper: (paper.place.content / path).write_text(text)


def number_of(paper: Newspaper, slug: str) -> int:
    """An article's number."""
    return int(paper.value(f"SELECT ID FROM wp_posts WHERE post_name='{slug}' AND post_type='post'"))


def post(slug: str) -> str:
    """PHP for an article's number."""
    return f"get_page_by_path('{slug}', OBJECT, 'post')->ID"

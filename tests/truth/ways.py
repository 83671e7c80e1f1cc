"""The ways by which people change a site, as functions that make a change of given code, fields or text."""

from __future__ import annotations

from collections.abc import Callable

from tests.functional.newspaper import Newspaper

Change = Callable[[Newspaper], object]


def editor(code: str) -> Change:
    """PHP in an editor's request to wp-admin."""
    return lambda paper: paper.as_editor(code)


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

"""A browser asks for the next page when its link is pressed: from stored pages, for links that only show something."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterable, Iterator

import httpx
import pytest

from tests.functional.browser import Chromium, Watched, chromium
from tests.functional.command_line import CommandLine
from tests.functional.newspaper import Newspaper

RULES = '<script type="speculationrules">'
SEEN = 0.6  # seconds after which a change of code has taken out all pages
LOGGED = 1.3  # seconds; nginx writes its log each second


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with chromium() as running:
        yield running


def _all_asked_for(paper: Newspaper, paths: Iterable[str]) -> dict[str, int]:
    """How often each page has been asked for until now."""
    time.sleep(LOGGED)
    lines = paper.node.layout.visits.read_text().splitlines()
    mine = [line for line in lines if line.startswith(f"{paper.site.name} ")]
    return {path: sum(1 for line in mine if line.endswith(f" GET {path}")) for path in paths}


def _asked_for(paper: Newspaper, path: str) -> int:
    return _all_asked_for(paper, [path])[path]


def _press(paper: Newspaper, reader: Watched, link: str) -> None:
    """The mouse goes down on a link with these attributes, and stays there."""
    reader.go(f"http://{paper.host}/")
    reader.page.evaluate(f"document.body.insertAdjacentHTML('afterbegin', `<a id='one' {link}>One link</a>`)")
    reader.page.wait_for_timeout(300)
    reader.page.hover("#one")
    reader.page.mouse.down()
    reader.page.wait_for_timeout(300)


def test_a_pressed_page_is_there_when_the_link_is_let_go(paper: Newspaper, browser: Chromium) -> None:
    paper.await_hit("/")
    paper.await_hit("/article-2/")
    before = _asked_for(paper, "/article-2/")
    with browser.profile(paper.site.domain) as reader:
        _press(paper, reader, "href='/article-2/'")
        assert _asked_for(paper, "/article-2/") == before + 1
        with reader.page.expect_navigation(url="**/article-2/"):
            reader.page.mouse.up()
        assert (
            reader.page.evaluate("performance.getEntriesByType('navigation')[0].deliveryType")
            == "navigational-prefetch"
        )
        assert _asked_for(paper, "/article-2/") == before + 1
        assert reader.complaints == []


# The front page links to no article 3: an address that another link leads to without these is fetched ahead.
LEFT_ALONE = (
    "href='/?p=1&do=it'",
    "href='/wp-login.php?action=logout'",
    "href='/wp-login.php'",
    "href='/wp-admin/'",
    "href='/article-3/' rel='nofollow'",
    "href='/article-3/' class='no-prefetch'",
)


def test_links_that_may_change_something_are_left_alone(paper: Newspaper, browser: Chromium) -> None:
    paths = [link.split("'")[1] for link in LEFT_ALONE]
    before = _all_asked_for(paper, paths)
    with contextlib.ExitStack() as readers:
        for link in LEFT_ALONE:
            _press(paper, readers.enter_context(browser.profile(paper.site.domain)), link)
        assert _all_asked_for(paper, paths) == before


def _carries_rules(answer: httpx.Response) -> bool:
    return RULES in answer.text


def test_stored_pages_alone_carry_the_rules(paper: Newspaper) -> None:
    paper.await_hit("/")
    with paper.client() as visitor:
        rules = json.loads(visitor.get("/").text.split(RULES)[1].split("</script>")[0])
        assert rules["prefetch"][0]["eagerness"] == "conservative"
        for other in ("/?s=one", "/wp-login.php", "/wp-json/", "/feed/"):
            assert not _carries_rules(visitor.get(other)), other
    assert not _carries_rules(paper.editor.get("/"))


def test_it_is_switched_per_site(paper: Newspaper, command: CommandLine) -> None:
    asked = "echo json_encode(apply_filters('wp_speculation_rules_configuration', ['mode' => 'auto']));"
    assert paper.php(asked) == '{"mode":"auto"}'
    command.done("site", "settings", paper.site.domain, "--set", "prefetch=off")
    try:
        paper.await_hit("/")
        with paper.client() as visitor:
            assert not _carries_rules(visitor.get("/"))
        assert paper.php(asked) == "null"  # what WordPress 6.8 and later would print by themselves
    finally:
        command.done("site", "settings", paper.site.domain, "--set", "prefetch=")
    paper.await_hit("/")
    with paper.client() as visitor:
        assert _carries_rules(visitor.get("/"))


def test_a_wordpress_that_prints_rules_gets_no_others(paper: Newspaper) -> None:
    constants = paper.place.content / "constants.php"
    constants.write_text("<?php function wp_print_speculation_rules() {}\n")
    try:
        time.sleep(SEEN)
        paper.await_hit("/")
        with paper.client() as visitor:
            assert not _carries_rules(visitor.get("/"))
    finally:
        constants.unlink()
        time.sleep(SEEN)
    paper.await_hit("/")

"""A browser asks for the next page when its link is pressed: from stored pages, for links that only show something."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from tests.functional.browser import Chromium, Watched, chromium
from tests.functional.command_line import CommandLine
from tests.functional.newspaper import Newspaper

RULES = "speculation-rules"
LOGGED = 1.3  # seconds; nginx writes its log each second


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with chromium() as running:
        yield running


def _asked_for(paper: Newspaper, path: str) -> int:
    """How often the page has been asked for until now."""
    time.sleep(LOGGED)
    log = paper.node.layout.log / "nginx" / f"{paper.site.name}.log"
    return sum(1 for line in log.read_text().splitlines() if line.endswith(f" GET {path}"))


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


@pytest.mark.parametrize(
    "link",
    [
        "href='/?p=1&do=it'",
        "href='/wp-login.php?action=logout'",
        "href='/wp-login.php'",
        "href='/wp-admin/'",
        "href='/article-3/' rel='nofollow'",
        "href='/article-3/' class='no-prefetch'",
    ],
)
def test_links_that_may_change_something_are_left_alone(paper: Newspaper, browser: Chromium, link: str) -> None:
    path = link.split("'")[1]
    before = _asked_for(paper, path)
    with browser.profile(paper.site.domain) as reader:
        _press(paper, reader, link)
        assert _asked_for(paper, path) == before


def test_stored_pages_alone_carry_the_rules(paper: Newspaper) -> None:
    paper.await_hit("/")
    with paper.client() as visitor:
        address = json.loads(visitor.get("/").headers[RULES])
        assert address == f"http://{paper.host}/.pressroom/prefetch.json"
        rules = visitor.get("/.pressroom/prefetch.json")
        assert rules.headers["content-type"] == "application/speculationrules+json"
        assert rules.json()["prefetch"][0]["eagerness"] == "conservative"
        for other in ("/?s=one", "/wp-login.php", "/wp-json/"):
            assert RULES not in visitor.get(other).headers
    assert RULES not in paper.editor.get("/").headers


def test_it_is_switched_per_site(paper: Newspaper, command: CommandLine) -> None:
    command.done("site", "settings", paper.site.domain, "--set", "prefetch=off")
    try:
        paper.await_hit("/")
        with paper.client() as visitor:
            assert RULES not in visitor.get("/").headers
            assert visitor.get("/.pressroom/prefetch.json").status_code == 404
    finally:
        command.done("site", "settings", paper.site.domain, "--set", "prefetch=")

"""On a real WordPress: what is not the same for every visitor is not stored, and is found without being told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pressroom.operations import cache, doctor, sites
from tests.functional.newspaper import Newspaper

PLUGIN = Path(__file__).parent / "plugin" / "pressroom-visitor"
ONE, TWO = "/article-1/", "/article-2/"


@pytest.fixture(autouse=True, scope="module")
def plugin(paper: Newspaper) -> Iterator[None]:
    paper.node.engine.stop("cron")
    sites.install_extension(paper.node, paper.site, PLUGIN, "plugins")
    paper.php(
        "require_once ABSPATH . 'wp-admin/includes/plugin.php';"
        " activate_plugin('pressroom-visitor/pressroom-visitor.php');"
    )
    yield
    paper.php(
        "require_once ABSPATH . 'wp-admin/includes/plugin.php';"
        "deactivate_plugins('pressroom-visitor/pressroom-visitor.php'); delete_option('pressroom_test_visitor');"
    )
    paper.node.engine.start("cron")


def _behave(paper: Newspaper, way: str) -> None:
    """All pages anew, and all that was learnt of the site forgotten."""
    paper.php(f"update_option('pressroom_test_visitor', '{way}');")
    cache.purge(paper.node, paper.site.domain)
    paper.warm()
    paper.await_hit("/")


def _why_not(paper: Newspaper, path: str) -> str:
    answer = cache.explain(paper.node, f"http://{paper.host}{path}")
    assert not answer["stored"], path
    return str(answer["why_not"])


@pytest.mark.parametrize(
    ("way", "why"),
    [
        ("cookie", "it differs by cookies (fancy_skin in plugins/pressroom-visitor)"),
        ("cookie-header", "it differs by cookies"),
        pytest.param("cookie-list", "it differs by cookies", marks=pytest.mark.long),
        ("language", "it differs by the browser's language"),
        pytest.param("device", "it differs by the device", marks=pytest.mark.long),
        ("mobile", "it asks what device the visitor has: wp_is_mobile() in plugins/pressroom-visitor"),
    ],
)
def test_a_page_that_differs_from_visitor_to_visitor_is_not_stored(paper: Newspaper, way: str, why: str) -> None:
    _behave(paper, way)
    # Other addresses lead on to an article's own, whoever asks.
    assert not {key for key in paper.stored_keys() if re.fullmatch(r"/article-\d+/", key)}
    for path in (ONE, TWO):
        assert _why_not(paper, path) == why
    said = [
        finding
        for finding in doctor.examine(paper.node)
        if finding.check == paper.site.domain and why in finding.detail
    ]
    assert len(said) == 1 and "plugins/pressroom-visitor" in said[0].detail


def test_it_is_learnt_anew_when_the_code_changes(paper: Newspaper) -> None:
    _behave(paper, "language")
    assert "language" in _why_not(paper, ONE)
    file = paper.place.content / "plugins" / PLUGIN.name / f"{PLUGIN.name}.php"
    text = file.read_text()
    file.write_text(text.replace("HTTP_ACCEPT_LANGUAGE", "HTTP_NOTHING"))
    try:
        paper.await_hit(ONE)
    finally:
        file.write_text(text)


@pytest.mark.long
def test_chance_is_not_taken_for_a_difference(paper: Newspaper) -> None:
    _behave(paper, "random")
    for path in (ONE, TWO):
        paper.await_hit(path)
    assert cache.status(paper.node, paper.site.domain).varies == ()


def test_a_cookie_that_a_page_sets_comes_back_in_no_render(paper: Newspaper) -> None:
    _behave(paper, "sets-cookie")
    cache.purge(paper.node, paper.site.domain)  # the second time it would be there
    paper.warm()
    assert _why_not(paper, ONE) == "sets a cookie (been_here)"


def test_plugins_are_told_that_pages_are_stored(paper: Newspaper) -> None:
    _behave(paper, "language-cookie")
    for path in ("/", ONE, TWO):
        paper.await_hit(path)


def test_a_cache_of_the_sites_own_does_not_stand_before_renders(paper: Newspaper) -> None:
    drop_in = paper.place.content / "advanced-cache.php"
    drop_in.write_text("<?php echo 'an old page'; exit;")
    try:
        _behave(paper, "none")
        with paper.client() as visitor:
            assert "an old page" not in visitor.get(ONE).text + visitor.get(f"{ONE}?bypass=1").text
    finally:
        drop_in.unlink()

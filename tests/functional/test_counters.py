"""Plugins that count views while pages are made: their pages come to rest, and are stored."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pressroom.operations import audit as audits
from pressroom.operations import cache, doctor
from tests.functional.newspaper import Newspaper
from tests.truth.truth import stored_now

# One row for all views, shown on each page.
ONE = """
add_action('wp_footer', function () {
    update_option('views', $views = 1 + get_option('views', 0));
    echo "Views: $views";
});
"""
# A row for each page, and the list of those seen most on all pages.
ONE_FOR_EACH = """
add_action('wp_footer', function () {
    global $wpdb;
    $path = $_SERVER['REQUEST_URI'];
    $wpdb->query($wpdb->prepare('INSERT INTO wp_views VALUES (%s, 1) ON DUPLICATE KEY UPDATE n = n + 1', $path));
    $mine = $wpdb->get_var($wpdb->prepare('SELECT n FROM wp_views WHERE path = %s', $path));
    $most = $wpdb->get_col('SELECT path FROM wp_views ORDER BY n DESC, path LIMIT 3');
    echo "Views: $mine. Most: ", implode(' ', array_map('esc_html', $most));
});
"""


@pytest.fixture
def counter(paper: Newspaper) -> Iterator[Path]:
    """Where the plugin's file goes."""
    paper.sql("CREATE TABLE wp_views (path varchar(190) PRIMARY KEY, n int)")
    folder = paper.place.content / "mu-plugins"
    folder.mkdir(exist_ok=True)
    file = folder / "counter.php"
    yield file
    file.unlink()
    paper.sql("DROP TABLE wp_views")
    paper.php("delete_option('views');")
    paper.warm()


@pytest.mark.parametrize("code", [ONE, pytest.param(ONE_FOR_EACH, marks=pytest.mark.long)], ids=["one", "one for each"])
def test_pages_that_count_their_views_come_to_rest(paper: Newspaper, counter: Path, code: str) -> None:
    counter.write_text(f"<?php {code}")
    time.sleep(0.5)
    paper.warm()
    rested = stored_now(paper)
    assert len(rested) > 20 and b"Views: " in rested["/"].body
    audits.audit(paper.node, paper.site.domain, limit=4)  # renders each page twice, at the least
    time.sleep(1)
    assert {key: page.mtime for key, page in stored_now(paper).items()} == {
        key: page.mtime for key, page in rested.items()
    }


def test_doctor_tells_of_renders_that_undo_one_another(paper: Newspaper, monkeypatch: pytest.MonkeyPatch) -> None:
    true = cache.status(paper.node, paper.site.domain)
    for taken, told in ((49, False), (max(50, true.stored), True)):
        figures = dataclasses.replace(true, taken_by_renders=taken, renders_wrote="wp_views path=/: n")
        monkeypatch.setattr(cache, "status", lambda node, domain, figures=figures: figures)
        said = [finding.detail for finding in doctor.examine(paper.node) if "wp_views path=/: n" in finding.detail]
        assert bool(said) == told

"""The filled site, with real MariaDB, PHP and WordPress."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import pytest

from pressroom.demo.newsroom import FILL_SCRIPT, PLUGIN_DIR, THEME_DIR
from pressroom.system.process import run

from .conftest import SITE, Newspaper

PHP_FILES = [FILL_SCRIPT, *sorted(PLUGIN_DIR.rglob("*.php")), *sorted(THEME_DIR.rglob("*.php"))]


@pytest.mark.parametrize("path", PHP_FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_php_files_are_well_formed(path: str) -> None:
    assert "No syntax errors" in run(["php", "-l", path]).stdout


def test_fill_imports_everything_in_time(newspaper: Newspaper) -> None:
    answer = json.loads(newspaper.first_fill.stdout.splitlines()[-1])
    counts = newspaper.written.counts
    assert answer["filled"] is True
    assert (answer["articles"], answer["comments"]) == (counts.articles, counts.comments)
    assert newspaper.sql("SELECT COUNT(*) FROM wp_posts WHERE post_type='post' AND post_status='publish'") == (
        f"{counts.articles}\n"
    )
    assert newspaper.sql("SELECT SUM(comment_count) FROM wp_posts").strip() == str(counts.comments)
    assert newspaper.sql("SELECT SUM(count) FROM wp_term_taxonomy WHERE taxonomy='category'").strip() == (
        str(counts.articles)
    )


def test_progress_is_told_line_by_line(newspaper: Newspaper) -> None:
    lines = [line for line in newspaper.first_fill.stderr.splitlines() if line.startswith("progress ")]
    steps = [tuple(map(int, line.split()[1:3])) for line in lines]
    assert steps == sorted(steps)
    assert steps[-1][0] == steps[-1][1]
    assert len(steps) > 20


def test_a_second_fill_does_nothing(newspaper: Newspaper) -> None:
    state = "SELECT (SELECT MAX(ID) FROM wp_posts), (SELECT MAX(option_id) FROM wp_options), NOW() > 0"
    before = newspaper.sql(state)
    assert json.loads(newspaper.fill().stdout)["filled"] is False
    assert newspaper.sql(state) == before


def test_no_sample_content_is_left(newspaper: Newspaper) -> None:
    assert newspaper.sql("SELECT post_name FROM wp_posts WHERE post_name IN ('hello-world', 'sample-page')") == ""


def _section(newspaper: Newspaper, slug: str) -> list[dict[str, Any]]:
    """The articles of a section, newest first."""
    found = [a for a in newspaper.written.content["articles"] if a["section"] == slug]
    return found[::-1]


def _check_also(page: str) -> str:
    box = re.search(r'<aside class="pn-also".*?</aside>', page, re.DOTALL)
    assert box is not None
    link = re.search(r'href="([^"]+)"', box.group())
    assert link is not None
    assert "…" in box.group()
    assert "<img" in box.group()
    return urlsplit(link.group(1)).path.strip("/")


def test_check_also_is_the_next_older_of_the_section_and_wraps_round(newspaper: Newspaper) -> None:
    section = _section(newspaper, "harbour")
    assert _check_also(newspaper.page(f"/{section[0]['slug']}/")) == section[1]["slug"]
    assert _check_also(newspaper.page(f"/{section[4]['slug']}/")) == section[5]["slug"]
    assert _check_also(newspaper.page(f"/{section[-1]['slug']}/")) == section[0]["slug"]


def test_an_article_carries_all_parts_in_order(newspaper: Newspaper) -> None:
    page = newspaper.page(f"/{_section(newspaper, 'food')[3]['slug']}/")
    parts = ["pn-sponsor-top", "<blockquote", '<aside class="pn-also"', "pn-sponsor-bottom", 'pn-disclosure">']
    places = [page.index(part) for part in parts]
    assert places == sorted(places)
    assert "Deprecated:" not in page
    assert "Warning:" not in page


def _loaded(page: str) -> Sequence[str]:
    """Addresses that a browser asks for by itself."""
    found = re.findall(r'<(?:img|script|source|iframe)[^>]*?src=["\']([^"\']+)', page)
    found += re.findall(
        r'<link rel=["\'](?:stylesheet|icon|preload|dns-prefetch|preconnect)["\'][^>]*?href=["\']([^"\']+)', page
    )
    for candidates in re.findall(r'srcset=["\']([^"\']+)', page):
        found += [one.split()[0] for one in candidates.split(",")]
    return found


def test_pages_ask_no_other_server(newspaper: Newspaper) -> None:
    talked = max(newspaper.written.content["articles"], key=lambda article: len(article["comments"]))
    for path in ("/", f"/{talked['slug']}/", "/category/sport/", "/author/ines-halloway/", "/about/", "/nothing/"):
        page = newspaper.page(path)
        loaded = _loaded(page)
        assert loaded, path
        assert [one for one in loaded if not one.startswith(f"{SITE}/")] == [], path
        assert "gravatar" not in page
        assert "jquery" not in page.lower()
        assert "s.w.org" not in page


def test_the_date_line_is_the_newest_articles_day(newspaper: Newspaper) -> None:
    assert "<span>Monday, 2 March 2026</span>" in newspaper.page("/about/")


def test_pictures_have_sizes_and_texts(newspaper: Newspaper) -> None:
    page = newspaper.page("/")
    images = re.findall(r"<img[^>]*>", page)
    assert len(images) >= 18
    for image in images:
        assert re.search(r'width="\d+" height="\d+"', image)
        assert "alt=" in image
    assert 'loading="eager"' in images[0]
    assert all('loading="lazy"' in image for image in images[1:])


def test_there_are_enough_pages(newspaper: Newspaper) -> None:
    counts = newspaper.written.counts
    lists = int(
        newspaper.sql("SELECT SUM(CEIL(count / 10)) FROM wp_term_taxonomy WHERE taxonomy IN ('category', 'post_tag')")
    )
    assert counts.articles + counts.pages + lists + counts.authors > 250
    assert "page-numbers" in newspaper.page("/category/town-hall/page/2/")


def test_settings_are_cleaned(newspaper: Newspaper) -> None:
    hostile = {
        "top_text": "<script>x</script>Hello",
        "top_link": "javascript:alert(1)",
        "top_on": "1",
        "also_title": ["a"],
    }
    code = f"echo json_encode(pressroom_newsroom_sanitize(json_decode('{json.dumps(hostile)}', true)));"
    clean = json.loads(newspaper.php(code))
    assert clean["top_text"] == "Hello"
    assert clean["top_link"] == ""
    assert clean["top_on"] is True
    assert clean["bottom_on"] is False
    assert clean["also_title"] == ""


def test_settings_are_escaped_where_they_are_shown(newspaper: Newspaper) -> None:
    """Also when something else than the form has written the option."""
    code = (
        "echo pressroom_newsroom_sponsor(['top_text'=>'<b onclick=x>\"Hi','top_link'=>'javascript:x',"
        "'top_on'=>true],'top');"
    )
    shown = newspaper.php(code)
    assert html.escape("<b onclick=x>") in shown
    assert "javascript:" not in shown

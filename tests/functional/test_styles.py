"""Small style sheets stand in stored pages, and nothing looks otherwise for it."""

from __future__ import annotations

import io
import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from pressroom.operations import running as nodes
from pressroom.operations import settings
from tests.functional.browser import Chromium, chromium
from tests.functional.newspaper import Newspaper

SEEN = 0.6  # seconds after which a change of code has taken out all pages
MOST = 50_000  # bytes of the sheets of one page, as php/styles.php has it
PAGE = "/article-4/"
DOT = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><circle cx="20" cy="20" r="18" fill="%s"/></svg>'
SHEETS = {
    "first": "\ufeff#first { background: url(pictures/red.svg); } .over { color: red; }",
    "second": '#second { background: url( "../sheets/pictures/blue.svg" ) no-repeat; } .over { color: blue; }',
    "third": "/* url(pictures/none.svg) \" */ #third::before { content: 'url(pictures/red.svg)'; }"
    " #third { background: url('data:image/svg+xml,"
    '<svg xmlns="http://www.w3.org/2000/svg" width="30" height="30"><g fill="url(%23a)"/>'
    '<rect width="20" height="20" fill="teal"/></svg>\'); }',
    "wide": "#wide { width: 123px; }",
    "printed": "#first, #second, #third, #wide { display: none; }",
}
PLUGIN = """<?php
add_action( 'wp_enqueue_scripts', function () {
    wp_styles()->queue = array(); // the theme's are large
    foreach ( array( 'first' => 'all', 'second' => 'screen', 'third' => 'all', 'wide' => '(min-width: 900px)',
        'printed' => 'print' ) as $name => $media ) {
        wp_enqueue_style( "sheet-$name", content_url( "plugins/sheets/$name.css" ), array(), '1', $media );
    }
    wp_add_inline_style( 'sheet-first', '#first { height: 50px; }' );
}, 100 );
add_action( 'send_headers', function () {
    if ( strpos( $_SERVER['REQUEST_URI'], '/article-5/' ) === 0 ) {
        header( "Content-Security-Policy: style-src 'self'" );
    }
} );
add_action( 'wp_body_open', function () {
    echo '<div id="first" class="over">First</div><div id="second" class="over">Second</div>',
        '<div id="third">Third</div><div id="wide">Wide</div>';
} );
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def sheets(paper: Newspaper) -> Iterator[Path]:
    """The folder of the style sheets that each page names."""
    folder, plugin = paper.place.content / "plugins" / "sheets", paper.place.content / "mu-plugins" / "sheets.php"
    (folder / "pictures").mkdir(parents=True)
    plugin.parent.mkdir(exist_ok=True)
    for name, text in SHEETS.items():
        (folder / f"{name}.css").write_text(text)
    for colour in ("red", "blue"):
        (folder / "pictures" / f"{colour}.svg").write_text(DOT % colour)
    plugin.write_text(PLUGIN)
    time.sleep(SEEN)
    paper.await_hit(PAGE)
    yield folder
    plugin.unlink()
    shutil.rmtree(folder)
    time.sleep(SEEN)


def _stored(paper: Newspaper, page: str = PAGE) -> str:
    paper.await_hit(page)
    with paper.client() as visitor:
        return visitor.get(page).text


def _standing(page: str) -> list[str]:
    return re.findall(r"<style id='sheet-(\w+)-css'", page)


def _named(page: str) -> list[str]:
    return re.findall(r"<link rel='stylesheet' id='sheet-(\w+)-css'", page)


def test_small_ones_stand_in_stored_pages(paper: Newspaper, sheets: Path) -> None:
    """In their places, with their media. Not those that are for printing, or for some windows alone."""
    page = _stored(paper)
    assert _standing(page) == ["first", "second", "third"]
    assert _named(page) == ["wide", "printed"]
    folder = f"http://{paper.host}/wp-content/plugins/sheets/"
    assert f"background: url({folder}pictures/red.svg)" in page
    assert f'url( "{folder}../sheets/pictures/blue.svg")' in page
    assert "<style id='sheet-second-css' media='screen'>" in page
    assert SHEETS["third"] in page
    order = [page.index(f"id='sheet-{name}-css'") for name in ("first", "first-inline", "second", "third", "wide")]
    assert order == sorted(order)


def test_who_is_logged_in_has_the_files(paper: Newspaper, sheets: Path) -> None:
    assert _standing(paper.editor.get(PAGE).text) == []


def test_a_page_with_a_policy_keeps_its_links(paper: Newspaper, sheets: Path) -> None:
    with paper.client() as visitor:
        answer = visitor.get("/article-5/")
    assert "content-security-policy" in answer.headers
    assert _standing(_stored(paper, "/article-5/")) == []


def test_a_changed_sheet_is_seen(paper: Newspaper, sheets: Path) -> None:
    _stored(paper)
    file = sheets / "first.css"
    try:
        file.write_text(SHEETS["first"] + " .new { top: 0; }")
        time.sleep(SEEN)
        assert ".new { top: 0; }" in _stored(paper)
    finally:
        file.write_text(SHEETS["first"])
        time.sleep(SEEN)


@pytest.mark.parametrize(
    "others",
    [
        {"first": f"/* {'x' * 30_000} */", "second": f"/* {'y' * 30_000} */"},
        {"third": "@import url('second.css');"},
        {"second": None},
    ],
    ids=["too large together", "one that asks for another", "one that is not there"],
)
def test_where_one_is_left_to_wait_for_all_stay(paper: Newspaper, sheets: Path, others: dict[str, str | None]) -> None:
    try:
        for name, text in others.items():
            (sheets / f"{name}.css").unlink() if text is None else (sheets / f"{name}.css").write_text(text)
        time.sleep(SEEN)
        page = _stored(paper)
    finally:
        for name in others:
            (sheets / f"{name}.css").write_text(SHEETS[name])
        time.sleep(SEEN)
    assert (_standing(page), _named(page)) == ([], ["first", "second", "third", "wide", "printed"])


def test_one_that_cannot_be_read_is_not_empty(paper: Newspaper, sheets: Path) -> None:
    file = sheets / "second.css"
    try:
        file.chmod(0o600)
        time.sleep(SEEN)
        paper.php(f"is_readable('{file}') && exit(1);")
        page = _stored(paper)
    finally:
        file.chmod(0o644)
        time.sleep(SEEN)
    assert _standing(page) == []


@pytest.mark.parametrize(
    "way",
    ["plugins/sheets/.hidden/a.css", "plugins/sheets/.a.css", "cache/a.css", "uploads/a.css", "a.css",
     "plugins/sheets/%2e%2e/%2e%2e/plugins/sheets/first.css", "plugins/sheets/link.css", "plugins/linked/first.css",
     "plugins/sheets/own.css", "plugins/sheets/closed/a.css", "plugins/sheets/a.css", "plugins/sheets/a.js"],
)  # fmt: skip
def test_what_nginx_would_not_send_or_nobody_watches_stays_outside(paper: Newspaper, sheets: Path, way: str) -> None:
    """Hidden, by a link, for its owner alone, in a closed folder, no file, or not among the site's code."""
    file = paper.place.content / way.replace("%2e", ".")
    made = [sheets / name for name in ("link.css", "own.css")] + [paper.place.content / "plugins" / "linked"]
    made[0].symlink_to("first.css")
    made[1].write_text("a{}")
    shutil.chown(made[1], paper.place.unix_user)
    made[1].chmod(0o600)
    made[2].symlink_to("sheets")
    folder = file.parent
    try:
        if way.endswith("sheets/a.css"):
            file.mkdir()
        elif not file.exists():
            folder.mkdir(exist_ok=True)
            file.write_text("a{}")
            if folder.name == "closed":
                shutil.chown(folder, paper.place.unix_user)
                folder.chmod(0o700)
        link = f"<link rel='stylesheet' id='a-css' href='/wp-content/{way}?ver=1' media='all' />"
        assert paper.php(f"echo Pressroom_Styles::with_sheets({json.dumps(link)});") == link
    finally:
        for one in made:
            one.unlink()
        if file.is_dir():
            file.rmdir()
        elif file.name.startswith(("a.", ".a")):
            file.unlink(missing_ok=True)
        if folder.name in (".hidden", "closed", "cache"):
            shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize(
    ("sheet", "told"),
    [
        ("a{b:url(x.png)}", "a{b:url(/wp-content/plugins/sheets/x.png)}"),
        ("a{b:URL( 'x/y-1.png?v=2#z' )}", "a{b:URL( '/wp-content/plugins/sheets/x/y-1.png?v=2#z')}"),
        ("a{b:url('x y.png')}", None),
        ("a{b:url(' x.png')}", None),
        ("a{b:url(?x)}", None),
        ("a{b:url(http:x.png)}", None),
        (r"a{b:url('\2f x.png')}", None),
        (r"a{b:u\72l(x.png)}", None),
        (r".content-\[\'\'\]{color:red} b{c:url(x.png)} d{e:'f'}", None),
        ("a{content:'b\n} c{d:url(x.png)} e{content:'f'}", None),
        ('@charset "windows-1252"; a{}', None),
        ('@charset "utf-8"; a{content:"\\f101"}',) * 2,
        ("a{b:url(../x(1.png)}", None),
        (r"a{b:url(x\ y.png)}", None),
        ("a{b:url(x.png", None),
        ('a{b:url("x.png" more)}', None),
        ("a{b:url()}", "a{b:url()}"),
        ("a{b:url(#c)} d{e:url(/f)} g{h:url(//i/j)} k{l:url(HTTPS://m/n)}",) * 2,
        ("a{b:url(\"data:x,url('c.png')\")}",) * 2,
        ("a{b:'url(c.png)'} /* url(d.png) ' */ e{f:\"'\"}",) * 2,
        ("a{b:image-set('c.png' 1x)}", None),
        ("a{b:src('c.png')}", None),
        ("a{} @IMPORT 'b.css';", None),
        ("a{content:'</style>'}", None),
        ("a{content:'\udcff'}", None),
        ("", ""),
    ],
)
def test_what_a_sheet_says_stays_what_it_is(paper: Newspaper, sheets: Path, sheet: str, told: str | None) -> None:
    """`told` None: it might mean another thing in a page, so the page names it as before."""
    file = sheets / "tried.css"
    file.write_bytes(sheet.encode(errors="surrogateescape"))
    address = "/wp-content/plugins/sheets/tried.css?ver=1"
    link = f"<link rel='stylesheet' id='tried-css' href='{address}' media='all' />\n"
    try:
        made = paper.php(f"echo Pressroom_Styles::with_sheets({json.dumps(link)});")
    finally:
        file.unlink()
    assert made.strip() == (link.strip() if told is None else f"<style id='tried-css'>\n{told}\n</style>")


@pytest.mark.parametrize(
    "link",
    [
        "<link rel='preload' as='style' id='a-css' href='%s' media='all' />",
        "<link rel='stylesheet' id='a-css' href='%s' media='print' onload=\"this.media='all'\" />",
        "<link rel='alternate stylesheet' id='a-css' title='A' href='%s' media='all' />",
        "<!--[if IE]><link rel='stylesheet' id='a-css' href='%s' media='all' /><![endif]-->",
        "<link rel='stylesheet' id='a-css' href='%s' media='all' data-later='1' />",
        "<noscript><link rel='stylesheet' id='a-css' href='%s' media='all' /></noscript>",
        "<link rel='stylesheet' id='a-css' href='%s' media='all' /><link rel=stylesheet href='https://cdn.example/b.css'>",
        "<meta http-equiv='Content-Security-Policy'><link rel='stylesheet' id='a-css' href='%s' media='all' />",
    ],
)
def test_what_a_plugin_made_of_a_link_stays(paper: Newspaper, sheets: Path, link: str) -> None:
    link %= "/wp-content/plugins/sheets/second.css?ver=1"
    assert paper.php(f"echo Pressroom_Styles::with_sheets({json.dumps(link)});") == link


def _picture(browser: Chromium, paper: Newspaper) -> tuple[Image.Image, list[str]]:
    """What a reader sees, and the style sheets that were asked for."""
    asked: list[str] = []
    with browser.profile(paper.site.domain) as reader:
        reader.page.on("request", lambda one: asked.append(one.url) if one.resource_type == "stylesheet" else None)
        reader.go(f"http://{paper.host}{PAGE}")
        picture = Image.open(io.BytesIO(reader.page.screenshot(full_page=True))).convert("RGB")
        assert reader.complaints == []
    return picture, asked


def _switch(paper: Newspaper, assignment: str) -> None:
    """Here, and not by the command, which knows nothing of this node's pause points."""
    settings.change_site(paper.node, paper.site.domain, [assignment])
    nodes.up(paper.node)


def test_it_looks_as_before_and_is_switched_per_site(paper: Newspaper, sheets: Path, browser: Chromium) -> None:
    _stored(paper)
    with_it, asked = _picture(browser, paper)
    _switch(paper, "styles=off")
    try:
        assert _standing(_stored(paper)) == []
        without, asked_without = _picture(browser, paper)
    finally:
        _switch(paper, "styles=")
    assert with_it.size == without.size
    assert ImageChops.difference(with_it, without).getbbox() is None
    assert len(asked_without) >= len(asked) + 3
    colours = {colour for _, colour in with_it.getcolors(1 << 24) or []}
    assert {(255, 0, 0), (0, 0, 255), (0, 128, 128)} <= colours

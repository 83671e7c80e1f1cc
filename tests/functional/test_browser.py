"""What people see in Chromium: readers of the newsroom, and an editor in wp-admin whose work readers see at once."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Response, expect

from pressroom.operations import demo as demos
from pressroom.operations import sites
from pressroom.operations.node import Node
from pressroom.stack import nginx
from tests.functional.browser import DESKTOP, PHONE, Chromium, Watched, chromium
from tests.functional.conftest import new_site
from tests.functional.newspaper import Newspaper

PLUGIN_FILE = "pressroom-newsroom/includes/parts.php"


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def newsroom(node: Node) -> Iterator[Newspaper]:
    """The demo's newspaper, with fewer articles."""
    site = new_site(node, "newsroom", title="The Fennmouth Courier")
    demos.fill(node, site, lambda step: None, articles=24)
    with Newspaper(node, site) as newsroom:
        newsroom.warm()
        yield newsroom
    sites.delete(node, site.domain)


@pytest.fixture(scope="module")
def url(newsroom: Newspaper) -> str:
    return nginx.url(newsroom.site, newsroom.node.state.settings())


@pytest.fixture(scope="module")
def desk(browser: Chromium, newsroom: Newspaper) -> Iterator[Watched]:
    """The editor's own profile, logged in by a link."""
    with browser.profile(newsroom.site.domain) as desk:
        desk.go(sites.login_link(newsroom.node, newsroom.site.domain))
        yield desk


@pytest.fixture
def editor(desk: Watched) -> Iterator[Watched]:
    """At the desk, with a clean record; it must be clean at the end as well."""
    desk.complaints.clear()
    yield desk
    _settle(desk.page)
    assert desk.complaints == []


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def reader(request: pytest.FixtureRequest, browser: Chromium, newsroom: Newspaper) -> Iterator[Watched]:
    with browser.profile(newsroom.site.domain, request.param) as reader:
        yield reader
        assert reader.complaints == []


@pytest.fixture
def visitor(browser: Chromium, newsroom: Newspaper) -> Iterator[Watched]:
    """Somebody who was never here, with the window open already."""
    with browser.profile(newsroom.site.domain) as visitor:
        yield visitor
        assert visitor.complaints == []


def _settle(page: Page) -> None:
    """Until the page asks for nothing more, so that its last requests are on the record as well."""
    page.wait_for_load_state("networkidle")


def _is_hit(answer: Response) -> bool:
    return answer.headers["x-pressroom-cache"] == "hit"


def test_front_page_and_article(reader: Watched, newsroom: Newspaper, url: str) -> None:
    newsroom.warm()
    assert _is_hit(reader.go(f"{url}/"))
    expect(reader.page.locator("h1")).to_have_text("The Fennmouth Courier")
    assert reader.page.locator("article.card img").count() > 10
    assert reader.pictures_not_loaded() == []
    assert reader.sideways() <= 0
    with reader.page.expect_navigation() as opened:
        reader.page.locator(".lead h2 a").click()
    assert _is_hit(opened.value)
    text = reader.page.locator("article .text")
    expect(text.locator(".pn-sponsor-top")).to_contain_text("Gannet Line")
    expect(text.locator(".pn-also h2")).to_have_text("Check Also")
    expect(text.locator(".pn-also span span")).to_contain_text("…")
    expect(text.locator(".pn-sponsor-bottom")).to_contain_text("Tern & Lathe")
    expect(text.locator(".pn-disclosure")).to_be_visible()
    assert reader.page.locator("img").count() > 3
    assert reader.pictures_not_loaded() == []
    assert reader.sideways() <= 0


def test_login_link_works_once(browser: Chromium, newsroom: Newspaper, url: str) -> None:
    link = sites.login_link(newsroom.node, newsroom.site.domain)
    with browser.profile(newsroom.site.domain) as first:
        first.go(link)
        assert first.page.url == f"{url}/wp-admin/"
        expect(first.page.locator("#wp-admin-bar-my-account .display-name").first).to_have_text("editor")
        assert first.complaints == []
    with browser.profile(newsroom.site.domain) as second:
        assert second.go(link).status == 403
        expect(second.page.locator("body")).to_contain_text("has been used already")
        second.go(f"{url}/wp-admin/")
        assert "/wp-login.php" in second.page.url


@pytest.mark.parametrize("room", ["", "edit.php", "upload.php", "plugins.php", "themes.php", "options-general.php"])
def test_rooms_of_wp_admin(editor: Watched, url: str, room: str) -> None:
    assert editor.go(f"{url}/wp-admin/{room}").status == 200
    expect(editor.page.locator("#wpbody-content h1").first).to_be_visible()


def _saved(page: Page, button: str) -> None:
    """Press a button of the block editor and go on the moment the article's own save has been answered."""
    with page.expect_response(re.compile(r"/wp/v2/posts/[0-9]+(\?|$)")) as saved:
        page.locator(button).click()
    assert saved.value.request.method == "POST" and saved.value.status == 200, saved.value.text()


def test_publish_and_edit_in_the_block_editor(
    editor: Watched, browser: Chromium, newsroom: Newspaper, visitor: Watched, url: str
) -> None:
    page = editor.page
    editor.go(f"{url}/wp-admin/post-new.php")
    # The guide comes by itself, to each user once.
    page.get_by_role("dialog", name="Welcome to the block editor").get_by_label("Close dialog").click()
    page.get_by_role("textbox", name="Add title").fill("The tide was early")
    page.keyboard.press("Enter")
    page.keyboard.type("Nobody had told the harbour master.")
    page.locator(".editor-post-publish-panel__toggle").click()
    expect(page.locator(".editor-post-publish-panel__prepublish")).to_be_visible()
    newsroom.await_hit("/")
    _saved(page, ".editor-post-publish-panel .editor-post-publish-button")
    visitor.go(f"{url}/")
    expect(visitor.page.locator(".lead h2"), "in the first answer after the save").to_have_text("The tide was early")
    expect(page.locator(".post-publish-panel__postpublish-header")).to_contain_text("is now live")
    article = page.locator(".post-publish-panel__postpublish-header a").get_attribute("href")
    assert article == f"{url}/the-tide-was-early/"

    with browser.profile(newsroom.site.domain) as earlier:
        earlier.go(article)
        expect(earlier.page.locator("h1")).to_have_text("The tide was early")
        expect(earlier.page.locator("article .text")).to_contain_text("Nobody had told the harbour master.")
        page.get_by_label("Close panel").click()
        page.get_by_role("textbox", name="Add title").fill("The tide was late")
        newsroom.await_hit("/the-tide-was-early/")
        _saved(page, ".editor-post-publish-button")
        for reader in (earlier, visitor):  # one has the old page in its browser, the other never saw it
            reader.go(article)
            expect(reader.page.locator("h1")).to_have_text("The tide was late")
        assert earlier.complaints == []
    expect(page.locator(".components-snackbar")).to_contain_text("Post updated.")


def test_settings_of_a_plugin(editor: Watched, newsroom: Newspaper, visitor: Watched, url: str) -> None:
    visitor.go(f"{url}/")
    article = visitor.page.locator(".seconds h2 a").last.get_attribute("href")
    assert article
    editor.go(f"{url}/wp-admin/options-general.php?page=pressroom-newsroom")
    editor.page.locator("#pn-top_text").fill("Paid for by the Society of Clockmakers.")
    newsroom.await_hit(article.removeprefix(url))
    assert _is_hit(visitor.go(article))
    editor.page.get_by_role("button", name="Save Changes").click()
    expect(editor.page.locator("#setting-error-settings_updated")).to_contain_text("Settings saved.")
    visitor.page.reload()
    expect(visitor.page.locator(".pn-sponsor-top")).to_contain_text("Paid for by the Society of Clockmakers.")


def test_site_health(editor: Watched, url: str) -> None:
    """Its tests make requests of the site to itself."""
    seen: dict[str, str] = {}
    wanted = {"loopback-requests", "page-cache", "authorization-header"}

    def note(answer: Response) -> None:
        if "/wp-site-health/v1/tests/" in answer.url:
            seen[answer.url.split("/tests/")[1].split("?")[0]] = answer.json()["status"]

    editor.page.on("response", note)
    editor.go(f"{url}/wp-admin/site-health.php")
    for _ in range(600):  # they come one after the other
        if wanted <= seen.keys():
            break
        editor.page.wait_for_timeout(100)
    _settle(editor.page)
    editor.page.remove_listener("response", note)
    assert {name: seen.get(name) for name in wanted} == dict.fromkeys(wanted, "good")
    assert "background-updates" not in seen, "the platform keeps the core; it is nothing to be alarmed by"


def _append(page: Page, code: str) -> None:
    """Type at the end of the file in wp-admin's code editor."""
    page.locator(".CodeMirror").click()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text(code)
    # The editor takes over what was typed a moment after it is shown; what is sent is what it has taken over.
    page.wait_for_function(
        "code => document.querySelector('.CodeMirror').CodeMirror.getValue().includes(code)", arg=code
    )


def test_file_editor(editor: Watched, newsroom: Newspaper, visitor: Watched, url: str) -> None:
    """It asks the site itself whether the changed code still runs, and takes it back otherwise."""
    visitor.go(f"{url}/")
    assert visitor.page.locator("meta[name=edited]").count() == 0
    page = editor.page
    editor.go(f"{url}/wp-admin/plugin-editor.php?plugin=pressroom-newsroom/pressroom-newsroom.php&file={PLUGIN_FILE}")
    page.get_by_role("button", name="I understand").click()
    _append(page, "add_action( 'wp_head', fn() => print '<meta name=\"edited\" content=\"by hand\">' );")
    newsroom.await_hit("/")
    page.get_by_role("button", name="Update File").click()
    expect(page.locator("#wpbody-content .notice-success")).to_contain_text("File edited successfully.")
    for address in (f"{url}/", f"{url}/?not-stored"):
        visitor.go(address)
        expect(visitor.page.locator("meta[name=edited]")).to_have_attribute("content", "by hand")


def test_file_editor_takes_broken_code_back(editor: Watched, newsroom: Newspaper, visitor: Watched, url: str) -> None:
    page = editor.page
    editor.go(f"{url}/wp-admin/plugin-editor.php?plugin=pressroom-newsroom/pressroom-newsroom.php&file={PLUGIN_FILE}")
    _append(page, "pressroom_newsroom_this_is_not_there();")
    page.get_by_role("button", name="Update File").click()
    expect(page.locator("#wpbody-content .notice-error")).to_contain_text("changes were rolled back")
    assert visitor.go(f"{url}/?not-stored").status == 200
    assert visitor.go(f"{url}/").status == 200

"""`site rotate`: all secrets of a site are made anew while it is read, written and logged into; no request is lost."""

from __future__ import annotations

import re
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any

import httpx
import pytest

from pressroom.model.errors import InvalidInput, NotFound
from pressroom.operations import cache, rotation, settings, sites
from pressroom.operations import running as nodes
from tests.conftest import find_free_port, until
from tests.functional.command_line import CommandLine
from tests.functional.newspaper import Newspaper

VERSION = re.compile(r"[?&]ver=[^&'\"#]*-([0-9a-f]{8})")


def _password(paper: Newspaper) -> str:
    """An application password of the editor's."""
    return paper.php("echo WP_Application_Passwords::create_new_application_password(1, ['name' => uniqid()])[0];")


def _title(paper: Newspaper) -> str:
    return paper.value("SELECT option_value FROM wp_options WHERE option_name='blogname'")


def _salts(paper: Newspaper) -> dict[str, str]:
    text = (paper.place.public / "wp-config.php").read_text()
    return dict(re.findall(r"define\( '(\w+_(?:KEY|SALT))', '([^']+)' \);", text))


def _is_in(browser: httpx.Client) -> bool:
    return browser.get("/wp-admin/profile.php").status_code == 200


def _versions(paper: Newspaper, path: str = "/") -> set[str]:
    with paper.client() as visitor:
        return set(VERSION.findall(unescape(visitor.get(path).text)))


class Load:
    """People who ask all the time, each in his way; what is not as it should be is kept."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.asked: Counter[str] = Counter()
        self._over = threading.Event()

    @contextmanager
    def of(self, paper: Newspaper, *people: Callable[[httpx.Client, int], str | None]) -> Iterator[None]:
        """Each of `people` is asked again and again to ask, and says what was wrong with the answer."""
        threads = [threading.Thread(target=self._ask, args=(paper, person)) for person in people]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def _ask(self, paper: Newspaper, person: Callable[[httpx.Client, int], str | None]) -> None:
        with paper.client() as browser:
            while not self._over.is_set():
                name = person.__name__
                try:
                    wrong = person(browser, self.asked[name])
                except httpx.HTTPError as error:
                    wrong = repr(error)
                self.asked[name] += 1
                if wrong:
                    self.wrong.append(f"{name}: {wrong}")
                time.sleep(0.02)


def _page(answer: httpx.Response, marker: str) -> str | None:
    right = answer.status_code == 200 and marker in answer.text and "</html>" in answer.text
    return None if right else f"{answer.status_code} {answer.text[:200]}"


def test_no_request_is_lost_meanwhile(command: CommandLine, paper: Newspaper) -> None:
    paper.log_in()
    title = _title(paper)
    for path in ("/", "/article-1/"):
        paper.await_hit(path)
    old, old_versions, auth = _salts(paper), _versions(paper), ("editor", _password(paper))
    with paper.client() as visitor:
        page = unescape(visitor.get("/").text)
        asset = next(one for one in re.findall(r"(?:href|src)=['\"]([^'\"]+)", page) if VERSION.search(one))
        sheet = visitor.get(asset.removeprefix(f"http://{paper.host}"))
    link = sites.login_link(paper.node, paper.site.domain)
    posted: list[str] = []

    def reads(browser: httpx.Client, number: int) -> str | None:
        path = ("/", "/article-1/", "/article-2/")[number % 3]
        return _page(browser.get(path), title)

    def misses(browser: httpx.Client, number: int) -> str | None:
        return _page(browser.get(f"/article-3/?unknown={number}"), title)

    def loads_a_style_sheet(browser: httpx.Client, number: int) -> str | None:
        answer = browser.get(asset.removeprefix(f"http://{paper.host}"))
        return None if answer.content == sheet.content else f"{answer.status_code} {answer.text[:100]}"

    def writes_by_rest(browser: httpx.Client, number: int) -> str | None:
        time.sleep(0.2)  # ten in a second are let in
        answer = browser.post("/wp-json/wp/v2/posts", json={"title": f"Rotated {number}"}, auth=auth)
        if answer.status_code == 201:
            posted.append(answer.json()["title"]["raw"])
            return None
        return f"{answer.status_code} {answer.text[:200]}"

    def asks_who_he_is(browser: httpx.Client, number: int) -> str | None:
        time.sleep(0.2)
        answer = browser.get("/wp-json/wp/v2/users/me?context=edit", auth=auth)
        right = answer.status_code == 200 and answer.json()["username"] == "editor"
        return None if right else f"{answer.status_code} {answer.text[:200]}"

    load = Load()
    with load.of(paper, reads, reads, misses, loads_a_style_sheet, writes_by_rest, asks_who_he_is):
        for count in (1, 2):
            before = _salts(paper)
            said = command.done("site", "rotate", "paper.localhost", "--yes")
            assert "keys of logins and nonces" in said.stdout
            assert count and not set(before.values()) & set(_salts(paper).values())
        seen = Counter(load.asked)
        until(lambda: all(load.asked[name] > seen[name] + 3 for name in seen))
    assert load.wrong == []
    assert sum(load.asked.values()) > 100 and min(load.asked.values()) >= 5, load.asked

    new = _salts(paper)
    assert set(new) == set(old) and len(new) == 8 and not set(new.values()) & set(old.values())
    drafts = paper.value("SELECT count(*) FROM wp_posts WHERE post_title LIKE 'Rotated %' AND post_type = 'post'")
    assert int(drafts) == len(posted)
    assert not _is_in(paper.editor), "an old login's cookie still counts"
    with paper.client() as browser:
        assert browser.get(link[link.index("/wp-login") :]).status_code == 403, "an old login link still counts"
    paper.log_in()
    assert _is_in(paper.editor)
    assert not _versions(paper) & old_versions, "the front page is still the one that the old secrets made"


def test_no_page_is_left_that_the_old_secrets_made(paper: Newspaper) -> None:
    """Nobody writes or asks meanwhile."""
    paper.warm()
    old = {key: _versions(paper, key) for key in paper.stored_keys()}
    assert len(old) > 10 and any(old.values())
    rotation.rotate(paper.node, paper.site.domain)
    new = {key: _versions(paper, key) for key in old}
    assert [key for key in old if old[key] & new[key]] == []
    paper.log_in()


def test_a_page_that_was_under_way_is_not_stored(paper: Newspaper) -> None:
    """It was made with the old secrets."""
    paper.await_hit("/article-4/")
    old = _versions(paper, "/article-4/")
    held = paper.pause("finish")
    try:
        paper.sql("UPDATE wp_posts SET post_excerpt = 'x' WHERE post_name = 'article-4'")
        paper.await_paused("finish")
        dropped = _dropped_at(paper)
        rotating = threading.Thread(target=rotation.rotate, args=(paper.node, paper.site.domain))
        rotating.start()
        until(lambda: dict(paper.node.state.site(paper.site.domain).salts)["AUTH_KEY"].reveal() in _config(paper))
        until(lambda: _dropped_at(paper) != dropped)
    finally:
        held.unlink(missing_ok=True)
    rotating.join(60)
    paper.log_in()
    paper.warm()
    paper.await_hit("/article-4/")
    new = _versions(paper, "/article-4/")
    assert new and not new & old


def _dropped_at(paper: Newspaper) -> str | None:
    return cache.status(paper.node, paper.site.domain).dropped_at


def _config(paper: Newspaper) -> str:
    return (paper.place.public / "wp-config.php").read_text()


def test_the_certificates_key_goes_too_and_no_handshake_is_lost(paper: Newspaper) -> None:
    port = find_free_port()
    title = _title(paper)
    _set(paper, f"https.port={port}")
    try:
        context = ssl.create_default_context(cafile=str(paper.node.layout.authority_certificate))
        certificate = paper.place.certificate.read_text()

        def shakes_hands(browser: httpx.Client, number: int) -> str | None:
            host = {"Host": f"{paper.site.domain}:{port}"}
            with httpx.Client(verify=context, timeout=30) as client:
                told = {"sni_hostname": paper.site.domain}
                answer = client.get(f"https://127.0.0.1:{port}/", headers=host, extensions=told)
            return _page(answer, title)

        load = Load()
        with load.of(paper, shakes_hands):
            until(lambda: load.asked["shakes_hands"] > 3)
            assert "certificate" in rotation.rotate(paper.node, paper.site.domain)
            seen = load.asked["shakes_hands"]
            until(lambda: load.asked["shakes_hands"] > seen + 3)
        assert load.wrong == []
        assert paper.place.certificate.read_text() != certificate
    finally:
        _set(paper, "https.port=")
        paper.log_in()


def _set(paper: Newspaper, assignment: str) -> None:
    settings.change(paper.node, [assignment])
    nodes.up(paper.node)
    nodes.wait_for_answer(paper.node)


def test_it_asks_first(command: CommandLine, paper: Newspaper) -> None:
    before = _salts(paper)
    command.refused(InvalidInput, "site", "rotate", "paper.localhost")
    command.refused(NotFound, "site", "rotate", "nobody.example", "--yes")
    assert _salts(paper) == before


def test_cut_short_it_is_finished_by_up(paper: Newspaper, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _salts(paper)

    def killed(*arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(sites, "finish", killed)
        rotation.rotate(paper.node, paper.site.domain)
    assert _salts(paper) == before
    nodes.up(paper.node)
    assert not set(_salts(paper).values()) & set(before.values())
    paper.log_in()

"""Guessing passwords and names: by the form, by XML-RPC, by application passwords. The owner gets in at all times.

Visitors have addresses of their own here: the node takes this machine for a proxy (`http.proxies`).
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from pressroom.operations import running as nodes
from pressroom.operations import settings, sites
from tests.conftest import until
from tests.functional.attacker import Attacker
from tests.functional.newspaper import Newspaper
from tests.functional.test_walls_removed import _php_changed
from tests.wall_table import Seen

NAME, RIGHT, WRONG = "columnist", "the right password", "a wrong password"
FREE = 5
_LOGINS, _LOCK = "tries are counted (`php/logins.php`)", "under a lock"  # walls
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def guarded(paper: Newspaper) -> Iterator[Newspaper]:
    _set(paper, "http.proxies=127.0.0.1/32")
    paper.php(f"wp_insert_user(['user_login' => '{NAME}', 'user_pass' => '{RIGHT}', 'role' => 'author',"
              " 'user_email' => 'columnist@paper.localhost']);")  # fmt: skip
    yield paper
    paper.php(f"require ABSPATH . 'wp-admin/includes/user.php'; wp_delete_user(get_user_by('login', '{NAME}')->ID);")
    _set(paper, "http.proxies=")


def _set(paper: Newspaper, assignment: str) -> None:
    settings.change(paper.node, [assignment])
    nodes.up(paper.node)


@pytest.fixture(autouse=True)
def forgotten(guarded: Newspaper) -> None:
    """No try has been counted yet."""
    (guarded.place.private / "tries").unlink(missing_ok=True)


def _stranger() -> dict[str, str]:
    """An address that nobody had before."""
    number = next(_numbers)
    return {"X-Forwarded-For": f"198.18.{number // 250}.{number % 250 + 1}"}


def _log_in(paper: Newspaper, password: str, name: str = NAME, browser: httpx.Client | None = None) -> httpx.Response:
    form = {"log": name, "pwd": password, "wp-submit": "Log In"}
    with paper.client() as other:
        return (browser or other).post("/wp-login.php", data=form, headers=_stranger())


def _is_in(answer: httpx.Response) -> bool:
    return answer.status_code == 302 and any(name.startswith("wordpress_logged_in_") for name in answer.cookies)


def _waits(answer: httpx.Response) -> bool:
    if answer.status_code != 429:
        return False
    assert 0 < int(answer.headers["retry-after"]) <= 900 and "too many wrong passwords" in answer.text
    return True


def _pass_time(paper: Newspaper, seconds: int) -> None:
    """All tries are so much longer ago."""
    file = paper.place.private / "tries"
    pairs = struct.iter_unpack("<II", file.read_bytes())
    file.write_bytes(b"".join(struct.pack("<II", tries, max(0, last - seconds)) for tries, last in pairs))


# -- the form ----------------------------------------------------------------------------------------------------


def test_after_some_wrong_passwords_an_account_waits(guarded: Newspaper, seen: Seen) -> None:
    for _ in range(FREE):
        answer = _log_in(guarded, WRONG)
        assert answer.status_code == 200 and "The name or the password is wrong" in answer.text
    assert _waits(_log_in(guarded, WRONG))
    assert _waits(_log_in(guarded, RIGHT)), "else a guesser would learn by it"
    assert _waits(_log_in(guarded, RIGHT, "columnist@paper.localhost")), "by whichever name"
    assert not _waits(_log_in(guarded, WRONG, "editor")), "another account does not"
    _pass_time(guarded, 31)
    assert _is_in(_log_in(guarded, RIGHT))
    assert _is_in(_log_in(guarded, RIGHT))
    seen.kept_out("many passwords for one account", _LOGINS)


def test_each_further_try_waits_twice_as_long(guarded: Newspaper) -> None:
    for _ in range(FREE):
        _log_in(guarded, WRONG)
    for wait in (30, 60, 120, 240, 480, 900, 900):
        for _ in range(3):
            assert wait - 15 <= int(_log_in(guarded, WRONG).headers["retry-after"]) <= wait, "a try that waits is none"
        _pass_time(guarded, wait)
        assert _log_in(guarded, WRONG).status_code == 200
    _pass_time(guarded, 90_000)
    assert [_log_in(guarded, WRONG).status_code for _ in range(FREE)] == [200] * FREE


def test_a_name_that_nobody_has_waits_as_well(guarded: Newspaper) -> None:
    assert [_log_in(guarded, WRONG, "nobody").status_code for _ in range(FREE)] == [200] * FREE
    assert _waits(_log_in(guarded, WRONG, "nobody"))
    assert _waits(_log_in(guarded, WRONG, "NOBODY"))


_START = "public static function start() {"
_COUNT = "return $wait > 0 ? null : array( $tries + 1, $now );"


def _at_once(paper: Newspaper) -> Counter[int]:
    with ThreadPoolExecutor(40) as crowd:
        return Counter(answer.status_code for answer in crowd.map(lambda _: _log_in(paper, WRONG), range(40)))


def test_forty_at_once_have_no_more_tries(guarded: Newspaper, seen: Seen) -> None:
    """Also when they meet for certain: where the count is read, each stays for a while."""
    assert _at_once(guarded) == {200: FREE, 429: 40 - FREE}
    (guarded.place.private / "tries").unlink()
    with _php_changed(guarded, "logins.php", _COUNT, f"usleep( 30000 ); {_COUNT}"):
        assert _at_once(guarded) == {200: FREE, 429: 40 - FREE}
    seen.kept_out("many passwords at once", _LOCK)


def test_without_the_lock_they_have(guarded: Newspaper, seen: Seen) -> None:
    with (
        _php_changed(guarded, "logins.php", "! flock( $file, LOCK_EX )", "false"),
        _php_changed(guarded, "logins.php", _COUNT, f"usleep( 30000 ); {_COUNT}"),
    ):
        assert _at_once(guarded)[200] > FREE
    seen.came_through("many passwords at once", _LOCK)


def test_a_login_link_works_while_the_account_waits(guarded: Newspaper) -> None:
    for _ in range(FREE + 1):
        _log_in(guarded, WRONG)
    link = sites.login_link(guarded.node, guarded.site.domain, NAME)
    with guarded.client() as owner:
        assert _is_in(owner.get(link[link.index("/wp-login.php") :]))
        assert _is_in(_log_in(guarded, RIGHT, browser=owner)), "and the browser is known from now on"
        assert _waits(_log_in(guarded, RIGHT))


def test_strangers_do_not_keep_out_a_browser_that_was_in_before(guarded: Newspaper) -> None:
    with guarded.client() as owner:
        assert _is_in(_log_in(guarded, RIGHT, browser=owner))
        for _ in range(FREE + 3):
            _log_in(guarded, WRONG)
        assert _waits(_log_in(guarded, RIGHT))
        assert _is_in(_log_in(guarded, RIGHT, browser=owner))
        assert [_log_in(guarded, WRONG, browser=owner).status_code for _ in range(FREE)] == [200] * FREE
        assert _waits(_log_in(guarded, RIGHT, browser=owner)), "its own tries have an end too"
        owner.cookies.set("pressroom_device", "0123." + "0" * 64)
        assert _waits(_log_in(guarded, RIGHT, browser=owner)), "nobody makes such a cookie himself"


# -- programs ----------------------------------------------------------------------------------------------------


@pytest.fixture
def with_xmlrpc(guarded: Newspaper) -> Iterator[Newspaper]:
    _set_site(guarded, "xmlrpc=on")
    until(lambda: _xmlrpc(guarded, "").status_code != 403)  # nginx reads its tables anew
    yield guarded
    _set_site(guarded, "xmlrpc=")


def _set_site(paper: Newspaper, assignment: str) -> None:
    settings.change_site(paper.node, paper.site.domain, [assignment])
    sites.finish(paper.node, paper.node.state.site(paper.site.domain))
    nodes.up(paper.node)  # with the pause points that other tests need


def _call(method: str, *words: str) -> str:
    values = "".join(f"<param><value><string>{word}</string></value></param>" for word in words)
    return f"<?xml version='1.0'?><methodCall><methodName>{method}</methodName><params>{values}</params></methodCall>"


def _xmlrpc(paper: Newspaper, text: str) -> httpx.Response:
    with paper.client() as program:
        return program.post("/xmlrpc.php", content=text, headers={"Content-Type": "text/xml", **_stranger()})


def test_xmlrpc_is_off_at_first(guarded: Newspaper) -> None:
    for text in (_call("wp.getUsersBlogs", NAME, RIGHT), _call("pingback.ping", "http://a", "http://b"), ""):
        answer = _xmlrpc(guarded, text)
        assert answer.status_code == 403 and "site settings: xmlrpc" in answer.text


def _many(passwords: list[str]) -> str:
    one = (
        "<value><struct><member><name>methodName</name><value><string>wp.getUsersBlogs</string></value></member>"
        "<member><name>params</name><value><array><data><value><string>{}</string></value>"
        "<value><string>{}</string></value></data></array></value></member></struct></value>"
    )
    calls = "".join(one.format(NAME, password) for password in passwords)
    return (
        "<?xml version='1.0'?><methodCall><methodName>system.multicall</methodName><params><param><value><array><data>"
        f"{calls}</data></array></value></param></params></methodCall>"
    )


def test_xmlrpc_counts_the_same_tries(with_xmlrpc: Newspaper) -> None:
    assert "<name>isAdmin</name>" in _xmlrpc(with_xmlrpc, _call("wp.getUsersBlogs", NAME, RIGHT)).text
    many = _many([f"guess {number}" for number in range(500)])
    for _ in range(FREE):
        assert "too many" not in _xmlrpc(with_xmlrpc, many).text
    answer = _xmlrpc(with_xmlrpc, many)
    assert "too many wrong passwords" in answer.text and "<name>faultCode</name>" in answer.text
    assert "isAdmin" not in _xmlrpc(with_xmlrpc, _call("wp.getUsersBlogs", NAME, RIGHT)).text
    assert _waits(_log_in(with_xmlrpc, RIGHT))


# WordPress itself looks at one password of a request, and at no other after a wrong one. So did not all its versions.
_FORGETFUL = """<?php
add_filter( 'wp_xmlrpc_server_class', function () {
	class Forgetful extends wp_xmlrpc_server {
		public function login( $name, $password ) {
			$this->auth_failed = false;
			return parent::login( $name, $password );
		}
	}
	return 'Forgetful';
} );
"""


@contextlib.contextmanager
def _must_use(paper: Newspaper, text: str) -> Iterator[None]:
    """A plugin of the site's own."""
    plugin = paper.place.content / "mu-plugins" / "tried.php"
    plugin.parent.mkdir(exist_ok=True)
    plugin.write_text(text)
    try:
        yield
    finally:
        plugin.unlink()


def test_many_passwords_in_one_request_are_many_tries(with_xmlrpc: Newspaper, seen: Seen) -> None:
    guesses = _many([f"guess {number}" for number in range(12)] + [RIGHT])
    attempt = ("many passwords in one request (`system.multicall`)", _LOGINS)
    with _must_use(with_xmlrpc, _FORGETFUL):
        answer = _xmlrpc(with_xmlrpc, guesses).text
        assert "too many wrong passwords" in answer and "isAdmin" not in answer
        seen.kept_out(*attempt)
        with _php_changed(with_xmlrpc, "logins.php", _START, f"{_START} return;"):
            assert "<name>isAdmin</name>" in _xmlrpc(with_xmlrpc, guesses).text
        seen.came_through(*attempt)


# As a plugin that lets WordPress ask any address at any port.
_ANYWHERE = "add_filter( 'http_request_host_is_external', '__return_true' );"
_ANYWHERE += " add_filter( 'http_allowed_safe_ports', function () {{ return array( {port} ); }} );"
_PINGED = (
    "require '{public}/wp-load.php'; require_once ABSPATH . WPINC . '/class-IXR.php';"
    " require_once ABSPATH . WPINC . '/class-wp-xmlrpc-server.php'; {anywhere}"
    " return (bool) ( new wp_xmlrpc_server() )->pingback_ping( array( 'http://127.0.0.1:{port}/', '{target}' ) );"
)


def test_a_pingback_asks_no_service_of_the_machine(with_xmlrpc: Newspaper, seen: Seen) -> None:
    """Whoever names it as where he writes from. WordPress's own look at addresses is taken away before."""
    paper, attempt = with_xmlrpc, ("a service on the machine's loopback, by a pingback", "network")
    target = f"http://{paper.host}/article-1/"
    with socket.create_server(("127.0.0.1", 0)) as service:
        port = service.getsockname()[1]
        words = {"public": paper.place.public, "anywhere": _ANYWHERE.format(port=port), "port": port, "target": target}
        with _must_use(paper, f"<?php {words['anywhere']}"):
            answer = _xmlrpc(paper, _call("pingback.ping", f"http://127.0.0.1:{port}/", target))
        assert "<name>faultCode</name>" in answer.text
        service.settimeout(0)
        with pytest.raises(BlockingIOError):
            service.accept()
        seen.kept_out(*attempt)
        with ThreadPoolExecutor(1) as beside:
            asking = beside.submit(Attacker(paper).runs, _PINGED.format(**words), without=("network",))
            service.settimeout(20)
            with service.accept()[0] as asked:
                assert asked.recv(64).startswith(b"GET / HTTP/1")
            assert asking.result() is True
        seen.came_through(*attempt)


def _application_password(paper: Newspaper) -> str:
    return paper.php(
        f"$user = get_user_by('login', '{NAME}');"
        "echo WP_Application_Passwords::create_new_application_password($user->ID, ['name' => uniqid()])[0];"
    )


def _me(paper: Newspaper, password: str, name: str = NAME) -> httpx.Response:
    word = b64encode(f"{name}:{password}".encode()).decode()
    with paper.client() as program:
        return program.get("/wp-json/wp/v2/users/me", headers={"Authorization": f"Basic {word}", **_stranger()})


def test_application_passwords_wait_after_a_hundred_wrong_ones(guarded: Newspaper, seen: Seen) -> None:
    right = _application_password(guarded)
    with ThreadPoolExecutor(8) as crowd:
        assert {answer.status_code for answer in crowd.map(lambda _: _me(guarded, right), range(105))} == {200}
        wrong = Counter(answer.status_code for answer in crowd.map(lambda _: _me(guarded, WRONG), range(110)))
    assert wrong == {401: 100, 429: 10}
    answer = _me(guarded, right)
    assert answer.status_code == 429 and answer.json()["code"] == "pressroom_too_many_tries"
    assert int(answer.headers["retry-after"]) > 0
    assert _is_in(_log_in(guarded, RIGHT)), "who logs in by the form is not concerned"
    _pass_time(guarded, 31)
    assert _me(guarded, right).status_code == 200
    seen.kept_out("many application passwords", _LOGINS)


# -- names -------------------------------------------------------------------------------------------------------


def test_a_wrong_name_and_a_wrong_password_are_one_error(guarded: Newspaper, seen: Seen) -> None:
    told = {
        _log_in(guarded, WRONG, name).text.replace(name, "NAME")
        for name in (NAME, "nobody", "columnist@paper.localhost", "nobody@paper.localhost")
    }
    assert len(told) == 1 and "The name or the password is wrong" in told.pop()
    _application_password(guarded)
    answers = {_me(guarded, WRONG, name).text for name in (NAME, "nobody", "nobody@paper.localhost")}
    assert len(answers) == 1 and "The name or the password is wrong" in answers.pop()
    seen.kept_out("whether there is an account, by the login's errors", _LOGINS)


def test_a_lost_password_is_the_same_answer_whether_there_is_an_account(guarded: Newspaper, seen: Seen) -> None:
    answers = []
    for name in (NAME, "nobody", "columnist@paper.localhost", "nobody@paper.localhost"):
        with guarded.client() as visitor:
            form = {"user_login": name, "redirect_to": ""}
            answers.append(visitor.post("/wp-login.php?action=lostpassword", data=form, headers=_stranger()))
    assert {(answer.status_code, answer.headers.get("location")) for answer in answers} == {
        (302, "/wp-login.php?checkemail=confirm")
    }
    seen.kept_out("whether there is an account, by a lost password", _LOGINS)


NUMBERS = [
    "/?author=1", "/?author=1&feed=rss2", "/?author[]=1", "/article-1/?author=1", "/?author=1,2",
    "/index.php?author=1",
]  # fmt: skip
USERS = [
    "/wp-json/wp/v2/users", "/wp-json/wp/v2/users/1", "/?rest_route=/wp/v2/users", "/wp-json/WP/V2/Users/",
    "/wp-json/wp/v2/users/?x", "/wp-json/wp/v2/users?_jsonp=x", "/?rest_route=/wp/v2/users/1&context=embed",
    "/index.php?rest_route=/wp/v2/users", "/wp-json//wp/v2/users",
]  # fmt: skip


def test_strangers_get_no_list_of_accounts(guarded: Newspaper) -> None:
    with guarded.client() as visitor:
        for target in NUMBERS:
            answer = visitor.get(target)
            if answer.status_code == 301 and answer.headers["location"].endswith("/?author=1"):
                continue  # WordPress leaves index.php out
            assert answer.status_code == 404 and "/author/" not in answer.text.replace("/author/%", ""), target
        for target in USERS:
            answer = visitor.get(target)
            assert answer.status_code in (401, 404) and '"slug"' not in answer.text, target
        embedded = visitor.get("/wp-json/wp/v2/posts?_embed&per_page=1").json()[0]
        assert embedded["_embedded"]["author"][0]["name"] == "editor", "an article tells its author"
        assert visitor.get("/author/editor/").status_code == 200
        assert visitor.get("/wp-sitemap-users-1.xml").status_code == 200
        assert len(visitor.get("/wp-json/wp/v2/posts?author=1").json()) > 1
    assert guarded.rest("GET", "users")[0]["slug"]
    assert guarded.editor.get("/?author=1").status_code == 301


def test_a_site_that_needs_the_lists_has_them(guarded: Newspaper) -> None:
    _set_site(guarded, "authors=on")
    try:
        with guarded.client() as visitor:
            assert visitor.get("/?author=1&x=1").headers["location"].endswith("/author/editor/?x=1")
            assert visitor.get("/wp-json/wp/v2/users").json()[0]["slug"] == "editor"
    finally:
        _set_site(guarded, "authors=")


def test_without_all_that_guesses_are_free_and_names_are_told(guarded: Newspaper, seen: Seen) -> None:
    with _php_changed(guarded, "logins.php", _START, f"{_START} return;"):
        assert _at_once(guarded) == {200: 40}
        known, unknown = (_log_in(guarded, WRONG, name).text for name in (NAME, "nobody"))
        assert "is incorrect" in known and "is not registered" in unknown
        with guarded.client() as visitor:
            form = {"user_login": "nobody"}
            answer = visitor.post("/wp-login.php?action=lostpassword", data=form, headers=_stranger())
        assert "no account with that username" in answer.text
        _application_password(guarded)
        with ThreadPoolExecutor(8) as crowd:
            wrong = Counter(answer.status_code for answer in crowd.map(lambda _: _me(guarded, WRONG), range(110)))
        assert wrong == {401: 110}
    for attempt in (
        "many passwords for one account", "many application passwords",
        "whether there is an account, by the login's errors", "whether there is an account, by a lost password",
    ):  # fmt: skip
        seen.came_through(attempt, _LOGINS)

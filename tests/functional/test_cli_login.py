"""`site login`: a link logs in once, on its own site, for a minute."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from pressroom.model.errors import NotFound
from pressroom.operations import sites
from pressroom.system import process
from tests.functional.command_line import CommandLine, write_as
from tests.functional.newspaper import Newspaper
from tests.functional.test_walls_removed import _php_changed
from tests.wall_table import Seen

REPLAYS = 50
_REPLAYED = ("fifty logins at once by one link", "who takes a link's file away has it")


def _target(link: str) -> str:
    return link[link.index("/wp-login.php?") :]


def _use(paper: Newspaper, target: str) -> httpx.Response:
    with paper.client() as browser:
        return browser.get(target)


def _person(answer: httpx.Response) -> bool:
    """Whether the answer gives a cookie that means somebody (WordPress tries with another whether cookies work)."""
    return any(name != "wordpress_test_cookie" for name in answer.cookies)


def _logs_in(answer: httpx.Response) -> bool:
    return answer.status_code == 302 and any(name.startswith("wordpress_logged_in_") for name in answer.cookies)


def test_a_link_logs_in_once(command: CommandLine, paper: Newspaper) -> None:
    said = command.done("site", "login", "www.paper.localhost")
    assert said.stderr == "" and said.stdout.count("\n") == 1
    assert said.stdout.startswith(f"http://{paper.host}/wp-login.php?")
    target = _target(said.stdout.strip())
    with paper.client() as browser:
        answer = browser.get(target)
        assert _logs_in(answer) and "no-cache" in answer.headers["cache-control"]
        assert browser.get("/wp-admin/profile.php").status_code == 200
    again = _use(paper, target)
    assert again.status_code == 403 and not _person(again) and "pressroom site login" in again.text


def _at_once(paper: Newspaper, replays: int = REPLAYS) -> list[httpx.Response]:
    target = _target(sites.login_link(paper.node, paper.site.domain))
    with ThreadPoolExecutor(replays) as crowd:
        return list(crowd.map(lambda _: _use(paper, target), range(replays)))


def test_fifty_at_once_are_one_login(paper: Newspaper, seen: Seen) -> None:
    answers = _at_once(paper)
    assert Counter(answer.status_code for answer in answers) == {302: 1, 403: REPLAYS - 1}
    assert sum(_logs_in(answer) for answer in answers) == 1
    assert sum(_person(answer) for answer in answers) == 1
    seen.kept_out(*_REPLAYED)


def test_were_a_link_looked_at_before_it_is_taken_they_would_be_more(paper: Newspaper, seen: Seen) -> None:
    late = "@copy( $file, $taken ) && ! usleep( 400000 ) && ( @unlink( $file ) || true )"
    with _php_changed(paper, "platform.php", "@rename( $file, $taken )", late):
        assert sum(_logs_in(answer) for answer in _at_once(paper, 10)) > 1
    seen.came_through(*_REPLAYED)


def test_a_link_of_another_site(command: CommandLine, paper: Newspaper) -> None:
    """It opens nothing here, and is not used up by the try."""
    port = paper.node.state.settings().http.port
    command.done("site", "create", "other.localhost")
    try:
        target = _target(sites.login_link(paper.node, "other.localhost"))
        foreign = _use(paper, target)
        assert foreign.status_code == 403 and not _person(foreign)
        with httpx.Client(base_url=paper.base, headers={"Host": f"other.localhost:{port}"}, timeout=60) as browser:
            assert _logs_in(browser.get(target))
    finally:
        command.done("site", "delete", "other.localhost", "--yes")


def test_a_link_that_is_too_old(paper: Newspaper) -> None:
    """Its file says until when; that moment is moved into the past as the site's user could, instead of waiting."""
    link = sites.login_link(paper.node, paper.site.domain)
    token = link.partition("pressroom_login=")[2]
    file = paper.place.private / "logins" / hashlib.sha256(token.encode()).hexdigest()
    login = json.loads(file.read_text())
    assert 0 < login["until"] - time.time() <= sites.LOGIN_LIFE
    write_as(paper.place.unix_user, file, json.dumps({**login, "until": int(time.time()) - 1}))
    answer = _use(paper, _target(link))
    assert answer.status_code == 403 and not _person(answer)
    assert not file.exists()


@pytest.mark.parametrize("token", ["", "x" * 43, "../../wp-config.php", "a%00b", "a%2Fb", "[]=x"])
def test_a_token_that_nobody_gave_out(paper: Newspaper, token: str) -> None:
    target = f"/wp-login.php?pressroom_login{token if token.startswith('[') else '=' + token}"
    answer = _use(paper, target)
    assert answer.status_code in (200, 403) and not _person(answer)


def test_the_token_is_not_on_disk(paper: Newspaper) -> None:
    token = sites.login_link(paper.node, paper.site.domain).partition("pressroom_login=")[2]
    found = process.run(["grep", "-rlF", token, paper.place.home, paper.node.layout.log], check=False)
    assert (found.exit_code, found.stdout) == (1, "")


def test_users(command: CommandLine, paper: Newspaper) -> None:
    paper.php(
        "wp_insert_user(['user_login' => 'reporter', 'user_pass' => wp_generate_password(), 'role' => 'author']);"
    )
    said = command.done("site", "login", "paper.localhost", "--user", "reporter")
    with paper.client() as browser:
        assert _logs_in(browser.get(_target(said.stdout.strip())))
        assert 'value="reporter"' in browser.get("/wp-admin/profile.php").text
        assert browser.get("/wp-admin/options-general.php").status_code == 403
    assert "no such user" in command.refused(NotFound, "site", "login", "paper.localhost", "--user", "nobody").stderr
    command.refused(NotFound, "site", "login", "paper.localhost", "--user", "' OR 1=1 --")

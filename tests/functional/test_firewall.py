"""The firewall, on a real WordPress: attacks, ordinary work, and that it concerns neither hits nor other sites."""

from __future__ import annotations

import http.client
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from pressroom.control.desired import FIREWALL
from pressroom.operations import firewall, settings, sites
from pressroom.operations.node import Node
from tests.functional.command_line import CommandLine
from tests.functional.hostile import ATTACKS, SCRIPT
from tests.functional.newspaper import Newspaper
from tests.functional.ordinary import ORDINARY, Ask
from tests.wall_table import Seen

_FIREWALL = "the firewall (`block`)"
REFUSED = "took the request for an attack"


@pytest.fixture(scope="module")
def guarded(node: Node) -> Iterator[Newspaper]:
    """A site for these tests alone."""
    new = sites.NewSite.check(
        "guarded.localhost",
        title="The Guarded",
        admin_email="editor@guarded.localhost",
        admin_user="editor",
        aliases=[],
        wordpress="debian",
    )
    site = sites.create(node, new)
    with Newspaper(node, site) as guarded:
        guarded.log_in()
        guarded.await_hit()
        yield guarded
    sites.delete(node, site.domain)


def _set(paper: Newspaper, how: str) -> None:
    """It holds once the command has ended, for each new connection."""
    settings.change_site(paper.node, paper.site.domain, [f"firewall={how}"])
    sites.finish(paper.node, paper.node.state.site(paper.site.domain))
    word = f"set-{time.monotonic_ns()}"
    with paper.client() as visitor:
        assert _is_refusal(visitor.get(f"/?{word}={SCRIPT}")) == (how == "block")
    assert bool(_await_found(paper, word, patience=0.3 if how == "off" else 10.0)) == (how != "off")


def _await(what: Callable[[], bool], patience: float = 10.0) -> None:
    until = time.monotonic() + patience
    while not what():
        assert time.monotonic() < until, "not in time"
        time.sleep(0.05)


def _found(paper: Newspaper) -> list[firewall.Finding]:
    return firewall.findings(paper.node, paper.site.domain, 1000)


def _await_found(paper: Newspaper, word: str, patience: float = 0.3) -> list[firewall.Finding]:
    """What was found in requests with this word. It is written once the answer has gone."""
    until = time.monotonic() + patience
    while not (found := [one for one in _found(paper) if word in one.request]) and time.monotonic() < until:
        time.sleep(0.02)
    return found


def _ask(paper: Newspaper, ask: Ask) -> httpx.Response:
    headers = dict(ask.headers)
    if ask.person and ask.path.startswith("/wp-json/"):
        headers["X-WP-Nonce"] = paper.nonce
    if ask.person:
        headers.setdefault("Referer", f"http://{paper.host}/wp-admin/edit.php?s=select+a+plan")
    given = {"data": ask.data, "json": ask.json, "files": ask.files, "content": ask.content}
    sent = {name: value for name, value in given.items() if value is not None}
    with paper.client() as guest:
        client = paper.editor if ask.person else guest
        return client.request(ask.method, ask.path, headers=headers, **sent)


def _is_refusal(answer: httpx.Response) -> bool:
    return answer.status_code == 403 and REFUSED in answer.text


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.what)
def test_attacks_are_refused_told_or_let_through(guarded: Newspaper, attack: Ask, mode: str, seen: Seen) -> None:
    word = f"w{time.monotonic_ns()}"
    answer = _ask(guarded, replace(attack, path=f"{attack.path}{'&' if '?' in attack.path else '?'}{word}=1"))
    assert _is_refusal(answer) == (mode == "block"), answer.text[:300]
    verdicts = {"block": ["refused"], "detect": ["would be refused"], "off": []}
    assert [one.verdict for one in _await_found(guarded, word)] == verdicts[mode]
    if mode == "block":
        seen.kept_out(attack.what, _FIREWALL)
    elif mode == "off":
        seen.came_through(attack.what, _FIREWALL)


@pytest.fixture(scope="module", params=["block", "detect", "off"])
def mode(request: pytest.FixtureRequest, guarded: Newspaper) -> str:
    how = str(request.param)
    _set(guarded, how)
    return how


@pytest.fixture
def blocking(guarded: Newspaper) -> Newspaper:
    if guarded.node.state.site(guarded.site.domain).settings.firewall != "block":
        _set(guarded, "block")
    return guarded


def test_there_is_enough_that_is_ordinary() -> None:
    assert len({ask.what for ask in ORDINARY}) == len(ORDINARY) >= 40


@pytest.mark.parametrize("ask", ORDINARY, ids=lambda ask: ask.what)
def test_ordinary_work_is_not_refused(blocking: Newspaper, ask: Ask) -> None:
    before = len(_found(blocking))
    answer = _ask(blocking, ask)
    if _is_refusal(answer):
        _await(lambda: len(_found(blocking)) > before)
        pytest.fail(str(_found(blocking)[-1].matches))
    assert answer.status_code != 503, answer.text


def test_a_refusal_is_honest_and_kept_nowhere(blocking: Newspaper) -> None:
    with blocking.client() as visitor:
        answer = visitor.get(f"/?q={SCRIPT}")
        assert answer.status_code == 403 and answer.headers["content-type"] == "text/plain"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-pressroom-cache"] == "bypass; reason=arguments"
        assert f"pressroom site waf log {blocking.site.domain}" in answer.text
        assert visitor.get(f"/wp-login.php?q={SCRIPT}").headers["x-pressroom-cache"] == "bypass; reason=script"
        # PHP's own 403 is PHP's own.
        own = visitor.post("/wp-comments-post.php", data={"comment_post_ID": "999999"})
        assert not _is_refusal(own)
        hit = visitor.get("/", headers={"User-Agent": "sqlmap/1.7"})
    assert hit.headers["x-pressroom-cache"] == "hit", "hits are nobody's business"
    assert not any(SCRIPT in key for key in blocking.stored_keys())


def test_hits_and_renders_need_no_firewall(blocking: Newspaper) -> None:
    blocking.await_hit()
    before = len(_found(blocking))
    blocking.node.engine.stop("firewall")
    try:
        with blocking.client() as visitor:
            assert visitor.get("/").headers["x-pressroom-cache"] == "hit"
            missed = visitor.get("/?not-stored")
            assert (missed.status_code, missed.headers["retry-after"]) == (503, "5"), "nothing goes past the firewall"
        blocking.php("wp_insert_post(['post_title' => 'Anew', 'post_status' => 'publish']);")
        blocking.await_hit("/anew/")
    finally:
        blocking.node.engine.start("firewall")
    with blocking.client() as visitor:
        _await(lambda: visitor.get("/?not-stored").status_code == 200)
    assert len(_found(blocking)) == before


def test_one_sites_setting_is_not_anothers(blocking: Newspaper, paper: Newspaper) -> None:
    word = f"w{time.monotonic_ns()}"
    target = f"/?{word}={SCRIPT}"
    with paper.client() as visitor:
        assert visitor.get(target).status_code == 200
        assert _is_refusal(visitor.get(target, headers={"Host": blocking.host}))
    assert [one.verdict for one in _await_found(blocking, word)] == ["refused"]
    assert _await_found(paper, word) == []


@pytest.mark.parametrize("target", ["/wp-json/wp/v2/posts/../../../", "/wp-admin/post.php/../../wp-login.php"])
def test_an_address_with_dots_lends_nothing(blocking: Newspaper, target: str) -> None:
    """By hand: a browser, and httpx, would resolve the dots themselves."""
    port = blocking.node.state.settings().http.port
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {
        "Host": blocking.host,
        "Content-Type": "application/json",
        "Cookie": f"wordpress_logged_in_{'0' * 32}=x",
    }
    connection.request("POST", target, json.dumps({"x": "<script>alert(1)</script>"}), headers)
    answer = connection.getresponse()
    assert answer.status == 403 and REFUSED in answer.read().decode()
    connection.close()


def test_nobody_chooses_his_own_setting(blocking: Newspaper) -> None:
    told = {"X-Pressroom-Site": "s1 off render own", "X-Pressroom-Client": "192.0.2.9"}
    with blocking.client() as visitor:
        for name, value in told.items():
            assert _is_refusal(visitor.get(f"/?x={SCRIPT}", headers={name: value}))
    assert {one.client for one in _found(blocking)} == {"127.0.0.1"}


def _saved(blocking: Newspaper, name: str) -> int:
    """Size of the newest attachment's file."""
    return int(
        blocking.php(
            f"$p = get_posts(['post_type' => 'attachment', 'title' => '{name}', 'post_status' => 'any']);"
            "echo filesize(get_attached_file($p[0]->ID));"
        )
    )


@pytest.mark.parametrize("megabytes", [0.02, 2, 60])
def test_uploads_arrive_whole(blocking: Newspaper, megabytes: float) -> None:
    body = b"PK\x03\x04" + os.urandom(int(megabytes * 1e6))
    name = f"archive{len(body)}"
    headers = {"X-WP-Nonce": blocking.nonce}
    files = {"file": (f"{name}.zip", body, "application/zip")}
    answer = blocking.editor.post("/wp-json/wp/v2/media", files=files, headers=headers)
    assert answer.status_code == 201, answer.text[:300]
    assert _saved(blocking, name) == len(body)


def test_what_php_sees_is_the_same_by_way_of_the_firewall(guarded: Newspaper) -> None:
    """All that nginx tells PHP of a request, but for its port."""
    script = guarded.place.public / "wp-content" / "plugins" / "seen.php"
    guarded.php(f"file_put_contents('{script}', '<?php ksort($_SERVER); echo json_encode([$_SERVER, $_POST]);');")
    asks = [
        ("GET", "/wp-content/plugins/seen.php?a=%41+b&c[]=%C3%A4", None),
        ("POST", "/wp-content/plugins/seen.php", {"a": "b c", "d": "ä"}),
    ]
    seen = {}
    for how in ("off", "block"):
        _set(guarded, how)
        with guarded.client() as visitor:
            seen[how] = [visitor.request(method, path, data=data).json() for method, path, data in asks]
    changing = {"REMOTE_PORT", "REQUEST_TIME", "REQUEST_TIME_FLOAT", "SERVER_PORT"}
    for ours, theirs in zip(seen["off"], seen["block"], strict=True):
        assert ours[1] == theirs[1]
        names = ours[0].keys() | theirs[0].keys()
        differing = {name for name in names - changing if ours[0].get(name, "") != theirs[0].get(name, "")}
        assert differing <= {"HTTP_CONNECTION"}


def test_the_command(blocking: Newspaper, command: CommandLine) -> None:
    word = f"w{time.monotonic_ns()}"
    with blocking.client() as visitor:
        visitor.get(f"/?{word}=%1B%5B2J{SCRIPT}%FF")
    _await_found(blocking, word)
    (told,) = command.done("site", "waf", "log", blocking.site.domain, "--lines", "1", "--json").json()
    assert set(told) == {"at", "client", "request", "blocked", "verdict", "rules"}
    assert (told["client"], told["blocked"], told["verdict"]) == ("127.0.0.1", True, "refused")
    assert told["request"].startswith(f"GET /?{word}=")
    assert {"id", "message", "data"} == set(told["rules"][0]) and any(r["id"].startswith("941") for r in told["rules"])
    said = command.done("site", "waf", "log", blocking.site.domain, "-n", "5").stdout
    assert word in said and "refused" in said and "\x1b" not in said


def test_the_log_is_root_s_alone(blocking: Newspaper) -> None:
    log = blocking.node.layout.firewall_log
    assert log.parent.stat().st_mode & 0o007 == 0


def test_the_nginx_of_hits_does_not_even_load_it(blocking: Newspaper) -> None:
    layout = blocking.node.layout
    assert "modsecurity" not in layout.nginx_servers.read_text() + layout.nginx_config.read_text()


def test_its_memory_is_jemallocs_and_no_other_nginxs_is(guarded: Newspaper) -> None:
    """Both have run for a while, and by real requests."""
    layout = guarded.node.layout
    for pid_file, wanted in ((layout.firewall_pid, True), (layout.nginx_pid, False)):
        maps = Path(f"/proc/{pid_file.read_text().strip()}/maps").read_text()
        assert ("libjemalloc" in maps) is wanted


_FORGETS = "the firewall keeps nothing of a request"


@pytest.mark.long
def test_scanners_leave_nothing_in_its_memory(blocking: Newspaper, seen: Seen) -> None:
    """The Core Rule Set keeps each scanner's address and name until the program ends; we have that left out."""
    scanners = "scanners of ever new names, for the firewall's memory"
    assert _grows(blocking) < 400
    seen.kept_out(scanners, _FORGETS)
    rules = blocking.node.layout.firewall_rules
    before = rules.read_text()
    left_out = re.findall(r"^SecRuleRemoveById 901318 .*\n", before, re.MULTILINE)
    try:
        rules.write_text(before.replace(left_out[0], ""))
        _start_anew(blocking)
        assert _grows(blocking) > 800
    finally:
        rules.write_text(before)
        _start_anew(blocking)
    seen.came_through(scanners, _FORGETS)


def _start_anew(paper: Newspaper) -> None:
    paper.node.engine.stop(FIREWALL)
    paper.node.engine.start(FIREWALL)


def _grows(paper: Newspaper) -> int:
    """By how many KiB the firewall's workers grow while eight thousand scanners ask, after some that warm it."""
    _scan(paper, 500)
    before = _resident(paper)
    _scan(paper, 8000)
    return _resident(paper) - before


def _scan(paper: Newspaper, times: int) -> None:
    with paper.client() as scanner:
        for number in range(times):
            agent = f"sqlmap/{number}-{time.monotonic_ns()}"
            assert _is_refusal(scanner.get("/?asked=1", headers={"User-Agent": agent}))


def _resident(paper: Newspaper) -> int:
    master = paper.node.layout.firewall_pid.read_text().strip()
    workers = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    told = [Path(f"/proc/{pid}/status").read_text() for pid in workers]
    return sum(int(found[1]) for text in told if (found := re.search(r"VmRSS:\s+(\d+) kB", text)))

"""What nginx lets through to a site's PHP, and as what: methods, headers, addresses, passwords, slow and large ones.

Behind it stands a mirror, which answers with what it was told. Each wall is taken away once (`without`), and the
attempt that it holds up is seen to come through.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from pressroom.pagecache.store import REDIRECT, TYPED
from pressroom.stack.nginx import CLAIMS, HELD
from tests.conftest import until
from tests.pagecache.mirror import answering
from tests.pagecache.webserver import Answer, Changes, WebServer, running_web_server
from tests.wall_table import Seen

_AT_ONCE: Changes = [("const WHILE = 2000;", "const WHILE = 1;")]  # hundreds are refused here
_AFTER_A_WHILE: Changes = [("const WHILE = 1;", "const WHILE = 2000;")]
LIMITS: Changes = [("limit_req zone=tries", "# "), ("limit_req zone=credentials", "# ")]
_EVENTS = "location = /wp-cron.php {\n        default_type text/plain;"
# Attempts and their walls.
_TOLD_OF = "PHP is not told of it"
_PASSWORDS = ("many passwords from one address", "nginx's limit of tries")
_PROGRAMS = ("many application passwords from one address", "nginx's limit of credentials")
_LINES = ("a visitor's lines among an answer's headers", "a redirection has the target as it was sent")
_BYTES = ("a target's bytes in the log, as they came", "nginx writes them as text (`escape=default`)")
_DRIP = ("a header that never ends", "nginx's bound of ten seconds")


@contextlib.contextmanager
def _edge(*, proxies: str | None = None, without: Changes = ()) -> Iterator[WebServer]:
    with running_web_server(proxies=proxies, without=[*_AT_ONCE, *without]) as server:
        places = [server.layout.site(site.name) for site in (server.site, server.neighbour)]
        for place in places:
            (place.public / "wp-admin").mkdir()
            (place.public / "wp-includes" / "css").mkdir(parents=True)
            for name in ("index", "wp-login", "xmlrpc", "wp-cron", "wp-admin/index", "wp-admin/admin-ajax"):
                (place.public / f"{name}.php").touch()
            (place.public / "wp-includes" / "css" / "a.css").write_text("p{}")
            (place.public / "wp-includes" / "a.png").write_bytes(b"png")
            (place.public / "robots.txt").write_text("User-agent: *")
        server.put("/stored/", b"stored")
        server.put(
            "/stored/feed/", b"stored", kind=TYPED, head={"status": 200, "headers": {"Content-Type": "text/xml"}}
        )
        server.put("/stored", b"", kind=REDIRECT, head={"status": 301, "location": "http://news.example.org/stored/"})
        sockets = [socket for place in places for socket in (place.web_socket, place.guests_socket)]
        with answering(*sockets):
            yield server


@pytest.fixture(scope="module")
def edge() -> Iterator[WebServer]:
    with _edge() as server:
        yield server


def _told(answer: Answer) -> dict[str, str]:
    assert answer.status == 200 and "x-mirror" in answer.headers, answer
    return dict(json.loads(answer.body))


# -- headers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/stored/", 200), ("/stored/feed/", 200), ("/stored", 301), ("/not-stored/", 200), ("/stored/?x=1", 200),
        ("/wp-login.php", 200), ("/wp-json/", 200), ("/wp-json/wp/v2/posts", 200), ("/robots.txt", 200),
        ("/wp-includes/css/a.css", 200), ("/wp-includes/css/a.css?ver=1-01234567", 200), ("/wp-includes/a.png", 200),
        ("/wp-content/none.css", 404), ("/.env", 404), ("/xmlrpc.php", 403), ("/wp-cron.php", 200),
    ],
)  # fmt: skip
def test_browsers_are_told_to_guess_nothing_and_say_little(edge: WebServer, target: str, status: int) -> None:
    answer = edge.get(target)
    assert answer.status == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "strict-origin-when-cross-origin"


@pytest.mark.parametrize("name", [*CLAIMS, "PROXY"])
def test_what_a_visitor_claims_of_host_and_address_is_not_told(edge: WebServer, name: str, seen: Seen) -> None:
    header = name.replace("_", "-").title()
    told = _told(edge.get("/x/", f"{header}: 203.0.113.77"))
    assert not told.get(f"HTTP_{name}")
    assert "203.0.113.77" not in told.values()
    underlined = _told(edge.get("/x/", f"{name}: 203.0.113.77"))
    assert "203.0.113.77" not in underlined.values()
    assert (told["HTTP_HOST"], told["SERVER_NAME"]) == (f"news.example.org:{edge.port}", "news.example.org")
    seen.kept_out(f"a claim of host or address by `{header}`", _TOLD_OF)


def test_the_platforms_own_headers_are_not_told(edge: WebServer) -> None:
    told = _told(edge.get("/x/", "X-Pressroom-Ticket: t", "X-Pressroom-Urgent: 1", "Pressroom-Ticket: t"))
    for name in ("HTTP_X_PRESSROOM_TICKET", "HTTP_X_PRESSROOM_URGENT", "PRESSROOM_TICKET"):
        assert not told.get(name)


@pytest.mark.parametrize("target", ["/x/", "/wp-login.php", "/wp-json/"])
def test_without_the_wall_claims_are_told(target: str, seen: Seen) -> None:
    headers = {name: name.replace("_", "-").title() for name in [*CLAIMS, "PROXY"]}
    with _edge(without=[(f"fastcgi_param HTTP_{name} ", "# ") for name in headers]) as edge:
        told = _told(edge.get(target, *(f"{header}: 203.0.113.77" for header in headers.values())))
    for name, header in headers.items():
        assert told[f"HTTP_{name}"] == "203.0.113.77"
        seen.came_through(f"a claim of host or address by `{header}`", _TOLD_OF)


# -- addresses ----------------------------------------------------------------------------------------------------


def test_nobody_is_believed_who_he_is(edge: WebServer) -> None:
    for claim in ("203.0.113.77", "127.0.0.1, 203.0.113.77", "::1"):
        assert _told(edge.get("/x/", f"X-Forwarded-For: {claim}", f"X-Real-IP: {claim}"))["REMOTE_ADDR"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("claim", "address"),
    [
        ("203.0.113.77", "203.0.113.77"),
        ("10.0.0.1, 203.0.113.77", "203.0.113.77"),  # what a visitor has put before it
        ("203.0.113.77, 192.0.2.7", "203.0.113.77"),  # two of the node's own proxies
        ("2001:db8::7", "2001:db8::7"),
        ("nonsense", "127.0.0.1"),
    ],
)
def test_a_proxy_of_the_nodes_owner_is_believed(proxied: WebServer, claim: str, address: str) -> None:
    assert _told(proxied.get("/x/", f"X-Forwarded-For: {claim}"))["REMOTE_ADDR"] == address


@pytest.fixture(scope="module")
def proxied() -> Iterator[WebServer]:
    with _edge(proxies="127.0.0.0/8,192.0.2.0/28") as server:
        yield server


# -- passwords ----------------------------------------------------------------------------------------------------


def _try(edge: WebServer, target: str = "/wp-login.php", *headers: str, host: str = "news.example.org") -> Answer:
    return edge.get(target, "Content-Length: 0", *headers, method="POST", host=host)


def _refused(answers: list[Answer]) -> int:
    later = [answer for answer in answers if answer.status == 429]
    for answer in later:
        assert answer.headers["retry-after"] == "60" and b"too many logins" in answer.body
    assert {answer.status for answer in answers} <= {200, 429}
    return len(later)


def test_logins_by_address_and_site(seen: Seen) -> None:
    with _edge() as edge:
        assert 35 <= _refused([_try(edge) for _ in range(60)]) <= 40
        assert _refused([_try(edge, f"{prefix}/wp-login.php") for prefix in ("/", "/.", "/x/..", "/%2e")]) == 4
        assert _refused([_try(edge, "/wp%2dlogin.php?a=b", f"X-Forwarded-For: 203.0.113.{n}") for n in range(9)]) >= 8
        assert _refused([edge.get("/wp-login.php") for _ in range(60)]) == 0, "who only looks is not counted"
        assert edge.get("/stored/").is_hit
        assert _refused([_try(edge, host="other.example.org") for _ in range(20)]) == 0
    seen.kept_out(*_PASSWORDS)


def test_calls_of_xmlrpc_count_as_passwords_of_programs() -> None:
    with _edge() as edge:
        answers = [_try(edge, "/xmlrpc.php", host="other.example.org") for _ in range(400)]
        assert 150 < _refused(answers) < 300


@pytest.mark.parametrize(
    "target", ["/wp-json/wp/v2/posts", "/?rest_route=/wp/v2/posts", "/stored/", "/wp-admin/admin-ajax.php"]
)
def test_passwords_of_programs(target: str, seen: Seen) -> None:
    with _edge() as edge:
        answers = [edge.get(target, "Authorization: Basic eDp5") for _ in range(400)]
        assert 150 < _refused(answers) < 300
        assert edge.get(target).status == 200
    seen.kept_out(*_PROGRAMS)


def test_who_is_refused_waits_for_that() -> None:
    """A program that asks one after the other has an answer in two seconds."""
    with _edge(without=_AFTER_A_WHILE) as edge, ThreadPoolExecutor(30) as crowd:
        tries = list(crowd.map(lambda _: _timed(edge, "Content-Length: 0"), range(30)))
        for answer, seconds in tries:
            assert (seconds >= 1.9) == (answer.status != 200), (answer, seconds)
        assert _refused([answer for answer, _ in tries]) >= 8
        answer, seconds = _timed(edge, "Content-Length: 1000")
        assert answer.status == 429 and 1.9 <= seconds < 8.0, "nobody waits for the body"
        answer, seconds = _timed(edge, method="HEAD")
        assert answer.status == 200, "who only looks is not counted"


def test_only_so_many_wait_for_it() -> None:
    three = [*_AFTER_A_WHILE, (f"limit_conn refused {HELD}", "limit_conn refused 3")]
    with _edge(without=three) as edge, ThreadPoolExecutor(100) as crowd:
        refused = [one for one in crowd.map(lambda _: _timed(edge), range(100)) if one[0].status == 429]
    waited = sum(seconds >= 1.9 for _, seconds in refused)
    assert 1 <= waited <= 3 * (os.cpu_count() or 1) and len(refused) - waited > 20


def test_a_proxys_connections_wait_for_nobody() -> None:
    with _edge(proxies="127.0.0.0/8", without=_AFTER_A_WHILE) as edge:
        tries = [_timed(edge, "X-Forwarded-For: 203.0.113.5") for _ in range(60)]
        assert _refused([answer for answer, _ in tries]) >= 35
        assert max(seconds for _, seconds in tries) < 1.0
        with ThreadPoolExecutor(30) as crowd:
            own = [seconds for answer, seconds in crowd.map(lambda _: _timed(edge), range(30)) if answer.status == 429]
        assert own and min(own) >= 1.9


def test_xmlrpc_that_is_off_is_refused_at_once_until_it_is_too_often() -> None:
    with _edge(without=_AFTER_A_WHILE) as edge, ThreadPoolExecutor(60) as crowd:
        calls = list(crowd.map(lambda _: _timed(edge, target="/xmlrpc.php"), range(160)))
        assert Counter(answer.status for answer, _ in calls)[403] >= 101
        assert min(seconds for answer, seconds in calls if answer.status == 429) >= 1.9
        assert max(seconds for answer, seconds in calls if answer.status == 403) < 1.9
        assert {answer.status for answer, _ in calls} == {403, 429}


def _timed(edge: WebServer, *headers: str, target: str = "/wp-login.php", method: str = "POST") -> tuple[Answer, float]:
    began = time.monotonic()
    return edge.get(target, *headers, method=method), time.monotonic() - began


def test_a_proxys_visitors_are_counted_one_by_one(proxied: WebServer) -> None:
    answers = [_try(proxied, "/wp-login.php", f"X-Forwarded-For: 203.0.113.{n}") for n in range(60)]
    assert _refused(answers) == 0
    same = [_try(proxied, "/wp-login.php", f"X-Forwarded-For: 2001:db8:0:1:{n:x}::1") for n in range(60)]
    assert 35 <= _refused(same) <= 40, "an IPv6 visitor has a /64 to himself"
    short = [_try(proxied, "/wp-login.php", f"X-Forwarded-For: 2001:db8:7::{n:x}") for n in range(60)]
    assert 35 <= _refused(short) <= 40
    assert _try(proxied, "/wp-login.php", "X-Forwarded-For: 2001:db8:8::1").status == 200


def test_without_limits_all_are_let_through(seen: Seen) -> None:
    with _edge(without=LIMITS) as edge:
        assert _refused([_try(edge) for _ in range(60)]) == 0
        assert _refused([edge.get("/x/", "Authorization: Basic eDp5") for _ in range(400)]) == 0
    seen.came_through(*_PASSWORDS)
    seen.came_through(*_PROGRAMS)


def test_xmlrpc_is_off_where_nobody_has_turned_it_on(edge: WebServer) -> None:
    for target in ("/xmlrpc.php", "//xmlrpc.php", "/./xmlrpc.php", "/xmlrpc.php?rsd", "/%78mlrpc.php", "/xmlrpc%2ephp"):
        answer = edge.get(target)
        assert (answer.status, answer.headers.get("x-mirror")) == (403, None), target
    assert edge.get("/xmlrpc.php/x").status == 404
    assert _told(edge.get("/xmlrpc.php", host="other.example.org"))["SCRIPT_NAME"] == "/xmlrpc.php"


def _begun(edge: WebServer) -> int:
    """How often a flood of strangers begins PHP to run a site's events."""
    targets = ("/wp-cron.php", "/wp-cron.php?doing_wp_cron", "//wp-cron.php", "/wp%2dcron.php", "/./wp-cron.php?x=1")
    with ThreadPoolExecutor(8) as crowd:
        return sum("x-mirror" in answer.headers for answer in crowd.map(edge.get, targets * 20))


def test_events_are_nobodys_to_run(edge: WebServer, seen: Seen) -> None:
    assert _begun(edge) == 0
    with _edge(without=[(_EVENTS, _EVENTS.replace("wp-cron", "nobodys"))]) as open_to_all:
        assert _begun(open_to_all) == 100
    seen.both("a flood of `wp-cron.php`", "events are the platform's to run")


# -- slow and large -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "statuses"),
    [
        (["Cookie: a=" + "x" * 8000], {200}),
        (["Cookie: a=" + "x" * 9000], {400}),
        (["Cookie: wordpress_logged_in_0=" + "x" * 8000], {200}),
        ([f"X-{n}: {'y' * 7900}" for n in range(3)], {200}),
        ([f"X-{n}: {'y' * 7900}" for n in range(5)], {400}),
        (["a:"] * 990, {200}),
        (["a:"] * 1010, {400}),
        ([f"X-{n}: {'y' * 20}" for n in range(990)], {200}),
    ],
    ids=["8 KB", "9 KB", "8 KB of a person", "three", "five", "990 lines", "1,010 lines", "990 longer lines"],
)
def test_large_headers(edge: WebServer, headers: list[str], statuses: set[int]) -> None:
    for target in ("/stored/", "/wp-json/", "/x/", "/wp-login.php"):
        assert edge.get(target, *headers).status in statuses
    assert edge.get("/stored/").body == b"stored"


def test_what_does_not_fit_into_a_record_of_fastcgi_would_be_an_error() -> None:
    with _edge(without=[("large_client_header_buffers 4 8k;", "large_client_header_buffers 8 16k;")]) as edge:
        assert edge.get("/x/", *[f"X-{n}: {'y' * 7900}" for n in range(9)]).status == 500


def test_requests_that_cannot_be_read_fill_no_log(edge: WebServer) -> None:
    log = edge.layout.log / "nginx.log"
    before = log.stat().st_size
    for number in range(20):
        assert edge.send(b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n").status == 400
        assert edge.get("/x/", f"Cookie: {number}={'x' * 9000}").status == 400
    assert log.stat().st_size == before


def test_a_long_target(edge: WebServer) -> None:
    assert edge.get("/" + "x" * 4096).status == 200
    assert edge.get("/" + "x/" * 2048).status == 200
    assert edge.get("/" + "x" * 9000).status == 414
    assert edge.get("/stored/?" + "x" * 7000).status == 200


def _drip(edge: WebServer, begin: bytes, seconds: float) -> float:
    """Sends a byte every half a second; for how long that was suffered."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", edge.port), timeout=0.5) as connection:
        connection.sendall(begin)
        while (passed := time.monotonic() - began) < seconds:
            try:
                connection.sendall(b"x")
                if not connection.recv(1024):
                    return passed
            except TimeoutError:
                continue
            except OSError:
                return passed
    return seconds


_SLOW = b"GET /stored/ HTTP/1.1\r\nHost: news.example.org\r\nX-Slow: "


def test_who_sends_a_header_for_ever_is_let_go(seen: Seen) -> None:
    """And is waited for without that bound, which is of one second here: both at once."""
    bound = "client_header_timeout 10s;"
    with (
        _edge(without=[(bound, "client_header_timeout 1s;")]) as impatient,
        _edge(without=[(bound, "")]) as patient,
        ThreadPoolExecutor(2) as both,
    ):
        here, there = both.map(lambda one: _drip(one, _SLOW, 3), (impatient, patient))
    assert here < 2.5 and there == 3
    seen.both(*_DRIP)


def test_slow_visitors_are_in_nobodys_way(edge: WebServer) -> None:
    """Three hundred that do not come to an end, and one that does."""
    with contextlib.ExitStack() as stack:
        for number in range(300):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", edge.port)))
            connection.sendall(
                _SLOW if number % 2 else b"POST /x/ HTTP/1.1\r\nHost: news.example.org\r\nContent-Length: 9\r\n\r\n"
            )
        began = time.monotonic()
        assert edge.get("/stored/").is_hit
        assert edge.get("/x/").status == 200, "PHP is not asked before a body is whole"
        assert time.monotonic() - began < 1


def test_a_body_that_is_too_large(edge: WebServer) -> None:
    head = b"POST /x/ HTTP/1.1\r\nHost: news.example.org\r\nContent-Length: 70000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", edge.port), timeout=10) as connection:
        connection.sendall(head)
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")  # nginx waits for more, for five seconds


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Length: 5", "Content-Length: 6"], ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: xchunked"], ["Transfer-Encoding: chunked, identity"], ["Content-Length: -1"],
        ["Content-Length: 0x5"], ["Content-Length: 5 5"],
    ],
)  # fmt: skip
def test_bodies_of_two_lengths_are_refused(edge: WebServer, headers: list[str]) -> None:
    lines = ["POST /x/ HTTP/1.1", "Host: news.example.org", *headers, "", "0\r\n\r\nGET /smuggled/ HTTP/1.1", "", ""]
    assert edge.send("\r\n".join(lines).encode()).status in (400, 501)


# -- what becomes of it -------------------------------------------------------------------------------------------


_ASKED = ["/a%0as2", "/a%0d%0as2", "/a?x=%0a", "/\\x0as2", '/"', "/\xff\xfe", "/\x85", "/%1b[2J", "/" + "x" * 4000]


def test_each_visit_is_one_line_of_the_log_whatever_it_asks_for(edge: WebServer, seen: Seen) -> None:
    log = edge.layout.visits
    time.sleep(1.2)  # nginx keeps lines for a second
    before = len(log.read_bytes().splitlines())
    for target in _ASKED:
        assert edge.get(target, "User-Agent: a\tb", "Referer: x").status == 200
    for target in ("/\t", "/\x0b", "/\x1b[2J", "/ s2 1700000000.000 200"):
        assert edge.get(target).status == 400
    time.sleep(1.2)
    lines = log.read_bytes().splitlines()[before:]
    assert [line[:3] for line in lines] == [b"s1 "] * len(_ASKED)
    assert all(line.isascii() and line.count(b" ") >= 7 for line in lines)
    seen.kept_out(*_BYTES)


def test_as_they_come_bytes_of_a_target_would_be_in_the_log(seen: Seen) -> None:
    with _edge(without=[("log_format site ", "log_format site escape=none ")]) as edge:
        for target in _ASKED:
            edge.get(target)

        def is_as_it_came() -> bool:
            log = edge.layout.visits.read_bytes()
            return not log.isascii() and b'/"' in log

        until(is_as_it_came)  # each of nginx's workers keeps its lines for a second
    seen.came_through(*_BYTES)


def _smuggled(edge: WebServer) -> list[str]:
    """The targets whose answer has a header of the visitor's making."""
    line = "%0d%0aX-Smuggled:%201"
    targets = [f"/{line}", f"/a{line}/", f"/?x={line}", f"/wp-json{line}", f"/wp-content{line}", f"/stored{line}"]
    told = {(target, host): edge.get(target, host=host).headers
            for target in targets for host in ("www.news.example.org", "news.example.org")}  # fmt: skip
    return [target for (target, _), headers in told.items() if "x-smuggled" in headers]


def test_lines_of_a_target_are_no_headers(edge: WebServer, seen: Seen) -> None:
    assert _smuggled(edge) == []
    for line in ("X-A: 1\rX-Smuggled: 1", "X-A: 1\0", "X-A\0: 1", "X-A: 1\r\n X-Smuggled: 1"):
        answer = edge.get("/x/", line, host="news.example.org")
        assert answer.status == 400 or "HTTP_X_SMUGGLED" not in _told(answer)
    seen.kept_out(*_LINES)


def test_without_that_they_are(seen: Seen) -> None:
    with _edge(without=[("$request_uri;\n    }", "$uri;\n    }")]) as edge:
        assert _smuggled(edge)
    seen.came_through(*_LINES)


# -- one path -----------------------------------------------------------------------------------------------------

_PIECES = [
    "", ".", "..", "a", "B", "%2e", "%2E%2e", "%2f", "%2F", "%5c", "\\", "%00", "%0a", "%3f", "%23", "%41", "%c3%a9",
    "%C3%A9",
    "\xe9", "%", "%zz", ";x", "a.b", "index.php", "a:b", "@", "wp-json", "wp-admin", "x" * 200, "*", "+", "%20",
    "|", "~", "a=b&c",
]  # fmt: skip
_TAILS = ["", "?", "?a=b", "??", "?a?b", "?a#b", "#b", "?%00", "?a=%2e/../x", "?\xe9", "?a&&b=;", "?x=" + "y" * 500]
_HOSTS = ["", "", "", "http://news.example.org", "HTTP://NEWS.example.org:81", "http://other.example.org"]


def test_php_is_told_the_path_that_was_asked_for(edge: WebServer) -> None:
    """Whatever nginx takes a path for when it chooses a place: what goes on is the target as it was sent."""
    chance = random.Random(20)
    passed = 0
    for _ in range(1500):
        target = "/" + "/".join(chance.choices(_PIECES, k=chance.randint(1, 4))) + chance.choice(_TAILS)
        prefix = chance.choice(_HOSTS)
        answer = edge.get(prefix + target)
        if answer.status != 200 or "x-mirror" not in answer.headers:
            slashed = answer.status == 301 and answer.headers["location"].startswith("/wp-json/")
            assert answer.status in (400, 404) or slashed, (target, answer)
            continue
        told = _told(answer)
        passed += 1
        assert told["REQUEST_URI"] == target, prefix
        assert told["QUERY_STRING"] == target.partition("#")[0].partition("?")[2]
        site = "s2" if "other" in prefix else "s1"
        assert told["HTTP_HOST"] == f"{(edge.neighbour if site == 's2' else edge.site).domain}:{edge.port}"
        assert told["DOCUMENT_ROOT"] == str(edge.layout.site(site).public)
    assert passed > 700


def test_what_has_no_path_has_the_front_pages(edge: WebServer) -> None:
    for target, told_as in (("http://news.example.org", "/"), ("http://news.example.org?a=b", "?a=b")):
        told = _told(edge.get(target, "Authorization: Basic eDp5"))
        assert (told["REQUEST_URI"], told["SCRIPT_NAME"]) == (told_as, "/index.php")

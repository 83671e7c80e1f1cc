"""The Host header chooses a site that there is, and nothing else."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.pagecache.webserver import Changes, WebServer, running_web_server
from tests.wall_table import Seen


@pytest.fixture(scope="module")
def full(web: WebServer) -> WebServer:
    web.put("/hosts/", b"first", site="s1")
    web.put("/hosts/", b"second", site="s2")
    return web


def _request(target: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {target} HTTP/1.1", *headers, "Connection: close", "", ""]).encode("latin-1")


def test_each_site_has_its_own_store(full: WebServer) -> None:
    assert full.get("/hosts/").body == b"first"
    assert full.get("/hosts/", host="other.example.org").body == b"second"


@pytest.mark.parametrize("host", ["news.example.org:1", "news.example.org:80", "NEWS.example.ORG", "news.example.org."])
def test_other_spellings_of_a_domain_get_the_same_page(full: WebServer, host: str) -> None:
    assert full.get("/hosts/", host=host).body == b"first"


@pytest.mark.parametrize(
    "host",
    [
        "", "unknown.example", "..", "../../etc", "../s2", "s1", "s2", "_", "*", "127.0.0.1", "localhost",
        "example.org",
        ".example.org", "x.news.example.org", "news.example.org@evil", "news.example.org/..", "news.example.org\\",
        "news.example.org\x00", "news.example.org evil", "news.example.org,other.example.org", "$host", "[::1]",
        "n" * 300,
    ],
)  # fmt: skip
def test_any_other_host_gets_no_page(full: WebServer, host: str) -> None:
    answer = full.get("/hosts/", host=host)
    assert answer.status in (400, 404)
    assert answer.cache == ""
    assert b"first" not in answer.body and b"second" not in answer.body


# Bits of names and of what means something to somebody on the way; a name that there is, in some of them.
_BITS = [
    "news.example.org", "other.example.org", "www.", "NEWS", ".example", ".org", ".", "..", ":", ":80", ":0", ":99999",
    "@", "/", "\\", "%2e", "%00", "?", "#", ";", ",", " ", "\t", "s1", "s2", "[::1]", "127.0.0.1", "$pr_site", "*", "_",
    "~", "\xe9", "\xff", "xn--", "-", "'", '"', "{", "}", "\x7f", "0x7f.1", "localhost",
]  # fmt: skip
_SITES = {
    b"first": re.compile(r"news\.example\.org\.?(:.*)?", re.I),
    b"second": re.compile(r"other\.example\.org\.?(:.*)?", re.I),
}


@settings(
    max_examples=800, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.sampled_from(_BITS), max_size=6).map("".join) | st.text("news.examplorg:@/%\\ ", max_size=24))
@example("news.example.org:")
@example("news.example.org..")
@example("news.example.org:80:80")
def test_whatever_host_is_asked_for_it_is_that_site_or_none(full: WebServer, host: str) -> None:
    answer = full.get("/hosts/", host=host)
    for body, name in _SITES.items():
        assert answer.body != body or name.fullmatch(host.strip()), host
    if answer.status not in (200, 301):
        assert answer.status in (400, 404) and answer.cache == ""


def test_two_hosts_are_refused(full: WebServer) -> None:
    request = _request("/hosts/", "Host: news.example.org", "Host: other.example.org")
    assert full.send(request).status == 400


def test_no_host_is_refused(full: WebServer) -> None:
    assert full.send(_request("/hosts/")).status == 400
    assert full.send(b"GET /hosts/ HTTP/1.0\r\n\r\n").status == 404


def test_an_absolute_target_speaks_for_itself(full: WebServer) -> None:
    # RFC 9112, 3.2.2: the Host header is ignored then.
    target = "http://other.example.org/hosts/"
    assert full.send(_request(target, "Host: news.example.org")).body == b"second"
    unknown = full.send(_request("http://unknown.example/hosts/", "Host: news.example.org"))
    assert (unknown.status, unknown.cache) == (404, "")


def test_an_alias_leads_to_the_domain_with_the_target_as_it_was(full: WebServer) -> None:
    answer = full.get("/hosts/?a=b%20c", host="www.news.example.org")
    assert answer.status == 301
    assert answer.headers["location"] == f"http://news.example.org:{full.port}/hosts/?a=b%20c"


@pytest.mark.parametrize("target", ["//evil.example/", "/\\evil.example/", "/%0d%0aSet-Cookie:x=1"])
def test_an_alias_leads_nowhere_else(full: WebServer, target: str) -> None:
    answer = full.get(target, host="www.news.example.org")
    assert answer.status == 301
    assert answer.headers["location"].startswith(f"http://news.example.org:{full.port}/")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "header", ["X-Forwarded-Host: other.example.org", "X-Host: other.example.org", "Forwarded: host=other.example.org"]
)
def test_no_other_header_names_a_host(full: WebServer, header: str) -> None:
    assert full.get("/hosts/", header).body == b"first"


_BESIDE = [
    "x.other.example.org", "www.other.example.org", "other.example.org.news.example.org", "xother.example.org",
    "news.example.org.other.example.org", "other.example.org.evil.example", "other-example.org", "otherxexample.org",
    "-other.example.org", "other.example.org..", "x.other.example.org.", "x.other.example.org:80",
    "*.other.example.org",
]  # fmt: skip
_NAMES = "servers' names, the table of sites"
_WALLS: Changes = [
    ("server_name pressroom.invalid;", "server_name pressroom.invalid ~.;"),
    ('map $host $pr_site {\n        default "";', "map $host $pr_site {\n        default s2;"),
]


def _given_a_page(server: WebServer) -> list[str]:
    """By which of these names the second site's page is given."""
    server.put("/hosts/", b"second", site="s2")
    return [host for host in _BESIDE if server.get("/hosts/", host=host).body == b"second"]


def test_a_name_beside_a_sites_is_nobodys(full: WebServer, seen: Seen) -> None:
    """A table of whole names, and a server that answers for these alone: each keeps it out by itself."""
    assert _given_a_page(full) == []
    for wall in _WALLS:
        with running_web_server(without=[wall]) as server:
            assert _given_a_page(server) == []
    with running_web_server(without=_WALLS) as server:
        assert len(_given_a_page(server)) > 8
    seen.both("a page by a name beside its site's (`x.domain`, `domain.another`)", _NAMES)


@pytest.mark.parametrize("host", ["other.example.org:1", "other.example.org:443", "other.example.org.:81"])
def test_another_port_is_no_other_site_and_is_not_told_on(full: WebServer, host: str) -> None:
    assert full.get("/hosts/", host=host).body == b"second"
    port = host.rpartition(":")[2]
    location = full.get("/hosts/", host=f"www.news.example.org:{port}").headers["location"]
    assert location == f"http://news.example.org:{full.port}/hosts/"

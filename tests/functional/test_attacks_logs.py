"""What tells who somebody is (cookies, passwords, an address that he claims) is in none of the node's logs."""

from __future__ import annotations

import secrets
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pressroom.control.desired import FIREWALL
from pressroom.operations import running as nodes
from pressroom.operations import settings, sites
from pressroom.system import files, process
from tests.conftest import until
from tests.functional import poison
from tests.functional.attacker import Attacker
from tests.functional.hostile import SCRIPT
from tests.functional.newspaper import Newspaper
from tests.functional.raw import RawConnection, request
from tests.wall_table import Seen

_LOGGED = 1.3  # seconds; nginx writes its log each second
_LINE = "of a request nginx's log has the line alone"
_CARRIED = ("a cookie", "a password in `Authorization`", "an address in `X-Forwarded-For`")
_TARGETS = (
    "/", "/?x=1", "/nothing-here/", "/wp-login.php", "/wp-json/wp/v2/users/me", "/wp-admin/", "/xmlrpc.php", "/.env",
    "/wp-content/none.css", "/wp-cron.php", "/wp-admin/admin-ajax.php", "/wp-includes/css/buttons.css?ver=1-01234567",
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    """Words that nobody else sends, in the order of `_CARRIED`."""

    cookie: str
    password: str
    address: str

    @classmethod
    def new(cls) -> Person:
        return cls(*(f"sc{secrets.token_hex(8)}" for _ in range(3)))

    def headers(self) -> list[str]:
        return [
            f"Cookie: theme={self.cookie}; wordpress_logged_in_0123456789abcdef={self.cookie}%7C1%7Cx",
            f"Authorization: Basic {self._basic()}",
            f"X-Forwarded-For: {self.address}, 127.0.0.1",
        ]

    def _basic(self) -> str:
        return b64encode(f"columnist:{self.password}".encode()).decode()

    def found_in(self, *folders: Path) -> set[str]:
        """What of it is in files there."""
        forms = ([self.cookie], [self.password, self._basic()], [self.address])
        return {
            carried
            for carried, words in zip(_CARRIED, forms, strict=True)
            if process.run(["grep", "-rlaF", *(f"-e{word}" for word in words), *folders], check=False).stdout
        }


def _come(paper: Newspaper, person: Person) -> None:
    """In all ways that lead into some log: to what is stored, to PHP, to its faults, and to nginx's own refusals."""
    faults = "error_log( 'a fault' ); trigger_error( 'a fault', E_USER_WARNING ); throw new Exception( 'a fault' );"
    ended = "posix_kill( getmypid(), 9 ); sleep( 1 );"
    attacker = Attacker(paper)
    with attacker.laid(faults) as fault, attacker.laid(ended) as end, RawConnection(poison.port(paper)) as connection:

        def ask(target: str, *more: str, method: str = "GET") -> int:
            headers = (*person.headers(), "Content-Length: 0", *more)
            return connection.ask(request(target, *headers, host=paper.host, method=method)).status

        for target in _TARGETS:
            for method in ("GET", "POST", "TRACE"):
                ask(target, method=method)
        ask(fault)
        assert ask(end) == 503
        assert ask("/", f"Cookie: a={'x' * 9000}") == 400 and ask("/", "Host: two.example") == 400
        assert ask("/", "X: \0") == 400 and ask("/" + "x" * 9000) == 414
    assert "a fault" in (paper.place.log / "php.log").read_text()
    time.sleep(_LOGGED)


def _kept(paper: Newspaper, person: Person) -> set[str]:
    layout = paper.node.layout
    return person.found_in(layout.log, *(layout.site(site.name).log for site in paper.node.state.sites()))


def test_who_somebody_is_stands_in_no_log(paper: Newspaper, seen: Seen) -> None:
    person = Person.new()
    _come(paper, person)
    assert _kept(paper, person) == set()
    for carried in _CARRIED:
        seen.kept_out(f"{carried}, in a log", _LINE)


def test_in_another_format_of_nginxs_log_it_does(paper: Newspaper, seen: Seen) -> None:
    config, person = paper.node.layout.nginx_config, Person.new()
    text = config.read_text()
    more = "$request_method $http_cookie $http_authorization $http_x_forwarded_for $request_uri';"
    assert text.count("$request_method $request_uri';") == 1
    with poison.nginx_with(paper, {config: text.replace("$request_method $request_uri';", more)}):
        _come(paper, person)
    assert _kept(paper, person) == set(_CARRIED)
    for carried in _CARRIED:
        seen.came_through(f"{carried}, in a log", _LINE)


# -- the firewall's log ------------------------------------------------------------------------------------------------


@pytest.fixture
def blocking(paper: Newspaper) -> Iterator[Newspaper]:
    _set(paper, "block")
    yield paper
    _set(paper, "off")


def _set(paper: Newspaper, how: str) -> None:
    settings.change_site(paper.node, paper.site.domain, [f"firewall={how}"])
    sites.finish(paper.node, paper.node.state.site(paper.site.domain))
    nodes.up(paper.node)  # with the pause points that other tests need
    with paper.client() as visitor:
        assert (visitor.get(f"/?x={SCRIPT}").status_code == 403) == (how == "block")


def _attack(paper: Newspaper, person: Person) -> None:
    """With what is refused in the address alone, and found in the log by it."""
    log, word = paper.node.layout.firewall_log, f"w{secrets.token_hex(6)}"
    with RawConnection(poison.port(paper)) as connection:
        target = f"/?{word}={SCRIPT}"
        assert connection.ask(request(target, *person.headers(), host=paper.host)).status == 403
    until(lambda: word.encode() in log.read_bytes())


def test_who_somebody_is_stands_not_in_the_firewalls_log(blocking: Newspaper, seen: Seen) -> None:
    """But for what is found in it: an attack in a cookie is told with the cookie."""
    person, rules = Person.new(), blocking.node.layout.firewall_rules
    _attack(blocking, person)
    assert _kept(blocking, person) == set()
    attacker = Person.new()
    with RawConnection(poison.port(blocking)) as connection:
        connection.ask(request("/?x=1", f"Cookie: a={attacker.cookie}{SCRIPT}", host=blocking.host))
    until(lambda: _kept(blocking, attacker) == {_CARRIED[0]})
    text = rules.read_text()
    assert text.count("SecAuditLogParts AHZ") == 1

    def put(wanted: str) -> None:
        files.write(rules, wanted)
        blocking.node.engine.restart(FIREWALL)
        with blocking.client() as visitor:
            until(lambda: visitor.get("/?asked=1").status_code == 200)

    try:
        put(text.replace("SecAuditLogParts AHZ", "SecAuditLogParts ABHZ"))
        _attack(blocking, person)
        assert _kept(blocking, person) == set(_CARRIED)
    finally:
        put(text)
    for carried in _CARRIED:
        seen.both(f"{carried}, in the firewall's log", "it tells of a request what was found, and its line")

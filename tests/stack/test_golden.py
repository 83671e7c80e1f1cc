"""Every rendered file of some nodes, compared with what was looked at and found right (golden/).

After a wanted change: PRESSROOM_WRITE_GOLDEN=1 pytest tests/stack, then read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pressroom.model.layout import Layout
from pressroom.model.site import NodeSettings, Site
from pressroom.stack import firewall, mariadb, nginx, php, walls
from tests.stack import examples

GOLDEN = Path(__file__).parent / "golden"
LAYOUT = Layout(Path("/srv/pressroom"))
SCENARIOS = {
    "plain": (examples.site(), examples.settings()),
    "aliases-port-80-everywhere": (
        examples.site("s2", "paper.example.org", ("www.paper.example.org", "xn--zeitung-5wa.example")),
        examples.settings("*", 80, 443),
    ),
    "one-address": (examples.site("s3", "three.example.org"), examples.settings("192.0.2.7", 8080)),
}


def _rendered(site: Site, settings: NodeSettings) -> dict[str, str]:
    place = LAYOUT.site(site.name)
    return {
        "nginx.conf": nginx.node_config(LAYOUT, settings),
        "servers.conf": nginx.servers_config(LAYOUT, settings),
        "firewall.conf": firewall.config(LAYOUT, settings),
        "walls.nft": walls.network_rules(LAYOUT, settings, ["192.0.2.53"])[0],
        "fastcgi.conf": nginx.fastcgi_config(LAYOUT, settings),
        "site.map": nginx.site_map(site),
        "site.names": nginx.site_names(site),
        "php-fpm.conf": php.fpm_config(site, place, settings),
        "wp-config.php": php.wp_config(site, place, settings, "0123456789abcdef"),
    }


def _compare(file: Path, text: str) -> None:
    if os.environ.get("PRESSROOM_WRITE_GOLDEN"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert text == file.read_text(), f"{file.name} has changed; see the head of this module"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_nodes_and_a_sites_files(scenario: str) -> None:
    rendered = _rendered(*SCENARIOS[scenario])
    for name, text in rendered.items():
        _compare(GOLDEN / scenario / name, text)


def test_mariadbs_file() -> None:
    _compare(GOLDEN / "mariadb.cnf", mariadb.server_config(LAYOUT))


def test_the_firewalls_rules() -> None:
    _compare(GOLDEN / "firewall-rules.conf", firewall.rules(LAYOUT))


def test_the_database_drop_in() -> None:
    _compare(GOLDEN / "db.php", php.db_drop_in())


def test_no_golden_file_is_left_over() -> None:
    wanted = {f"{scenario}/{name}" for scenario, made in SCENARIOS.items() for name in _rendered(*made)}
    there = {str(file.relative_to(GOLDEN)) for file in GOLDEN.rglob("*") if file.is_file()}
    assert there == wanted | {"mariadb.cnf", "db.php", "firewall-rules.conf"}


def test_the_same_values_give_the_same_text() -> None:
    assert _rendered(*SCENARIOS["plain"]) == _rendered(*SCENARIOS["plain"])


def test_pause_points_are_on_when_they_are_asked_for_alone() -> None:
    site, settings = SCENARIOS["plain"]
    place = LAYOUT.site(site.name)
    assert "PRESSROOM_PAUSES" not in php.wp_config(site, place, settings, "0123456789abcdef")
    assert "PRESSROOM_PAUSES" in php.wp_config(site, place, settings, "0123456789abcdef", pauses=True)


def test_two_nodes_differ_in_names_and_numbers() -> None:
    other = Layout(Path("/srv/other"))
    assert mariadb.server_config(LAYOUT).splitlines() != mariadb.server_config(other).splitlines()
    ids = {line for node in (LAYOUT, other) for line in mariadb.server_config(node).splitlines() if "server_id" in line}
    assert len(ids) == 2
    assert LAYOUT.web_user != other.web_user

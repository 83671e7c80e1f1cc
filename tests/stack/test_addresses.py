"""Where nginx listens, and how a site is called."""

from __future__ import annotations

import pytest

from pressroom.stack import nginx
from tests.stack import examples


@pytest.mark.parametrize(
    ("listen", "port", "listens", "loopback"),
    [
        ("127.0.0.1", 8080, ["127.0.0.1:8080", "[::1]:8080"], "127.0.0.1"),
        ("*", 80, ["*:80", "[::]:80"], "127.0.0.1"),
        ("192.0.2.7", 80, ["192.0.2.7:80"], "192.0.2.7"),
    ],
)
def test_listening(listen: str, port: int, listens: list[str], loopback: str) -> None:
    settings = examples.settings(listen, port)
    assert nginx.listens(settings) == listens
    assert nginx.loopback(settings) == loopback


@pytest.mark.parametrize(("port", "host"), [(80, "news.example.org"), (8080, "news.example.org:8080")])
def test_a_port_is_part_of_the_host_unless_it_is_the_schemes_own(port: int, host: str) -> None:
    settings = examples.settings(port=port)
    assert nginx.host(examples.site(), settings) == host
    assert nginx.url(examples.site(), settings) == f"http://{host}"

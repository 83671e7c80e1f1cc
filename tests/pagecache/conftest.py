"""One nginx for all tests of what it does with the store; folders of their own for the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pagecache.cache_world import World
from tests.pagecache.webserver import WebServer, running_web_server


@pytest.fixture(scope="session")
def one_nginx() -> Iterator[WebServer]:
    with running_web_server() as server:
        yield server


@pytest.fixture(scope="module")
def web(one_nginx: WebServer) -> WebServer:
    """nginx over empty stores."""
    one_nginx.clear()
    return one_nginx


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)

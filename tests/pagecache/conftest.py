"""One nginx for all tests of what it does with the store; folders of their own for the others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pagecache.webserver import WebServer, running_web_server


@pytest.fixture(scope="session")
def web() -> Iterator[WebServer]:
    with running_web_server() as server:
        yield server

"""Fixtures that all tests share."""

from __future__ import annotations

import socket

import pytest


@pytest.fixture(scope="session")
def free_port() -> int:
    """A TCP port that nobody listens on."""
    return find_free_port()


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

"""Guests and known people reach the site's PHP by ways of their own: a flood of the first leaves the second alone."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import httpx
import pytest

from tests.functional.newspaper import Newspaper
from tests.functional.poison import nginx_with
from tests.wall_table import Seen

_ATTEMPT = ("a flood of guests, for an editor", "guests' own workers")
_FLOOD = 400  # more than guests' workers and all who may wait for them
_MORE = 50  # as often as the editor asks, so that there is no room that came free meanwhile


def _ask(paper: Newspaper, target: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", httpx.URL(paper.base).port or 80), timeout=60)
    connection.sendall(f"GET {target} HTTP/1.1\r\nHost: {paper.host}\r\nConnection: close\r\n\r\n".encode())
    return connection


def _flooded(paper: Newspaper, target: str) -> tuple[set[int], set[int]]:
    """What the editor is answered beside a flood of guests, and what they are: statuses."""
    with ExitStack() as stack:
        guests: list[socket.socket] = []
        editor: set[int] = set()
        for number in range(5):
            more = _MORE if guests else _FLOOD
            guests += [stack.enter_context(_ask(paper, f"{target}?guest={len(guests) + one}")) for one in range(more)]
            editor.add(paper.editor.get(f"/?editor={number}").status_code)
        return editor, {int(guest.recv(20).split()[1]) for guest in guests}


@pytest.mark.parametrize("target", ["/", "/wp-json/"])
def test_an_editor_is_answered_beside_a_flood_of_guests(target: str, paper: Newspaper, seen: Seen) -> None:
    """With all their workers busy and no room to wait, guests are refused honestly; the editor is answered."""
    assert _flooded(paper, target) == ({200}, {200, 503})
    seen.kept_out(*_ATTEMPT)


def test_by_one_way_for_all_he_would_not_be(paper: Newspaper, seen: Seen) -> None:
    config = paper.node.layout.nginx_config
    text = config.read_text()
    assert text.count("default guests;") == 1
    with nginx_with(paper, {config: text.replace("default guests;", "default web;")}):
        # A busy machine may be slower to flood than to answer.
        assert any(_flooded(paper, "/wp-json/")[0] != {200} for _ in range(4))
    seen.came_through(*_ATTEMPT)

"""Guests and known people reach the site's PHP by ways of their own: a flood of the first leaves the second alone."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import httpx

from tests.functional.newspaper import Newspaper

_FLOOD = 400  # more than guests' workers and all who may wait for them


def _ask(paper: Newspaper, target: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", httpx.URL(paper.base).port or 80), timeout=60)
    connection.sendall(f"GET {target} HTTP/1.1\r\nHost: {paper.host}\r\nConnection: close\r\n\r\n".encode())
    return connection


def test_an_editor_is_answered_beside_a_flood_of_guests(paper: Newspaper) -> None:
    """With all their workers busy and no room to wait, guests are refused honestly; the editor is answered."""
    with ExitStack() as stack:
        guests = [stack.enter_context(_ask(paper, f"/?guest={number}")) for number in range(_FLOOD)]
        editor = [paper.editor.get(f"/?editor={number}") for number in range(5)]
        statuses = {int(guest.recv(20).split()[1]) for guest in guests}
    assert {answer.status_code for answer in editor} == {200}
    assert statuses == {200, 503}

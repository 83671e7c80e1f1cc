"""What visitors ask for, as nginx tells it."""

from __future__ import annotations

import socket
from pathlib import Path

from pressroom.pagecache.renderer import access_log
from pressroom.pagecache.renderer.access_log import Visit
from pressroom.pagecache.renderer.demand import MissSocket, hits


def test_misses_are_read_and_whatever_else_arrives_is_not(tmp_path: Path) -> None:
    misses = MissSocket(tmp_path / "misses")
    nginx = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    nginx.connect(str(tmp_path / "misses"))
    for told in (
        "<190>pressroom: s1 /a/",
        "nonsense",
        "pressroom: root /",
        "pressroom: s1 no-path",
        "pressroom: s2 /b/\n",
    ):
        nginx.send(told.encode())
    nginx.send(b"\xff\x00")
    assert misses.misses() == [("s1", "/a/"), ("s2", "/b/")]
    assert misses.misses() == []


def test_a_page_is_wanted_as_often_as_it_was_asked_for() -> None:
    line = b's1 1.0 200 "hit" 0.000 10 GET /a/\n'
    lines = line * 2 + line.replace(b"GET", b"POST") + line.replace(b"hit", b"asset") + line.replace(b"/a/", b"*")
    assert hits(map(Visit._make, access_log.LINE.findall(lines))) == {"/a/": 2}

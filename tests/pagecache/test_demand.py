"""What visitors ask for, as nginx tells it."""

from __future__ import annotations

import socket
from pathlib import Path

from pressroom.pagecache.demand import AccessLog, MissSocket


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


def test_a_log_is_read_on_from_where_the_last_look_ended(tmp_path: Path) -> None:
    log = tmp_path / "log"
    seen = AccessLog(log)
    assert not seen.hits()
    line = '1.0 200 "hit" 0.000 10 GET /a/\n'
    log.write_text(line * 2)
    assert seen.hits() == {"/a/": 2}
    with log.open("a") as file:
        file.write(line + line.replace("GET", "POST") + line.replace('"hit"', '"asset"') + '1.0 200 "hit" 0.000 10 GE')
    assert seen.hits() == {"/a/": 1}
    log.write_text(line)  # rotated
    assert seen.hits() == {"/a/": 1}

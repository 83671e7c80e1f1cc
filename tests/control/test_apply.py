"""What is told to the daemons when the sites have changed."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

from pressroom.control.actions import Plan, WriteRoster
from pressroom.control.apply import Applier
from pressroom.database.mariadb import MariaDB
from pressroom.engine.embedded import EmbeddedEngine
from pressroom.model.layout import Layout
from pressroom.wordpress.cores import CoreStore


def _write_roster(layout: Layout) -> None:
    applier = Applier(layout, EmbeddedEngine(layout), MariaDB(layout.mariadb_socket), CoreStore(layout.cores), None)
    applier.apply(Plan((WriteRoster(layout.roster, "[]", reason="the sites have changed"),)))


def test_who_listens_for_sites_has_seen_a_new_one_before_it_is_used(tmp_path: Path) -> None:
    """Each has the list when it is asked, and its answer is waited for."""
    layout, heard = Layout(tmp_path), []
    layout.etc.mkdir()
    layout.platform_run.mkdir(parents=True)

    def answer(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as lines:
            heard.append((Path(listener.getsockname()).name, lines.readline(), layout.roster.read_text()))
            connection.sendall(b'{"ok":true}\n')

    with socket.socket(socket.AF_UNIX) as invalidator, socket.socket(socket.AF_UNIX) as mail:
        for listener, path in ((invalidator, layout.invalidator_socket), (mail, layout.mail_requests_socket)):
            listener.bind(str(path))
            listener.listen()
            listener.settimeout(5)
            threading.Thread(target=answer, args=(listener,), daemon=True).start()
        _write_roster(layout)
    assert sorted(heard) == [(name, b'{"op":"attend"}\n', "[]") for name in ("invalidator.sock", "mail.sock")]


def test_one_who_is_down_is_no_failure(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.etc.mkdir()
    _write_roster(layout)
    assert layout.roster.read_text() == "[]"

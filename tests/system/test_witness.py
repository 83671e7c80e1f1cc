"""A file to which lines are only appended, and the machine's log."""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from pathlib import Path

import pytest

from pressroom.model.errors import NoSpace
from pressroom.system import witness


def test_lines_are_appended_and_seen_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "log" / "audit.log"
    with witness.appending(path) as file:
        assert file.end == []
        file.append(["one", "two"])
    with witness.appending(path) as file:
        assert file.end == ["one", "two"]
        file.append(["three"])
    assert path.read_text() == "one\ntwo\nthree\n"
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_line_that_was_cut_short_is_ended_first(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_text("one\ntw")
    with witness.appending(path) as file:
        file.append(["two"])
    assert path.read_text() == "one\ntw\ntwo\n"


def test_of_two_one_waits(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"

    def second() -> None:
        with witness.appending(path) as file:
            file.append(["second"])

    thread = threading.Thread(target=second)
    with witness.appending(path) as file:
        thread.start()
        time.sleep(0.2)
        file.append(["first"])
    thread.join(10)
    assert path.read_text() == "first\nsecond\n"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "audit.log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError), witness.appending(tmp_path / "audit.log"):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int, text: bytes) -> int:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(NoSpace), witness.appending(tmp_path / "audit.log") as file:
        file.append(["one"])


def test_the_machines_log_gets_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(log))
        daemon.settimeout(5)
        witness.tell_machine("audit 1 abc", log)
        assert daemon.recv(1000).decode() == f"<85>pressroom[{os.getpid()}]: audit 1 abc"


def test_without_a_log_or_with_one_that_hangs_nobody_waits(tmp_path: Path) -> None:
    witness.tell_machine("nobody there", tmp_path / "log")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(tmp_path / "log"))
        for _ in range(1000):
            witness.tell_machine("x" * 1000, tmp_path / "log")

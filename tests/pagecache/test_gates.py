"""The gate's marker, in a folder where the site's own PHP may do what it likes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pressroom.pagecache.invalidator.gate import Gates


@pytest.fixture
def gates(tmp_path: Path) -> Gates:
    (tmp_path / "s1").mkdir()
    return Gates(tmp_path)


def test_a_gate_opens_and_closes_and_may_be_so_already(gates: Gates) -> None:
    assert not gates.is_open("s1")
    for _ in range(2):
        assert gates.open("s1")
        assert gates.is_open("s1")
    for _ in range(2):
        gates.close("s1")
        assert not gates.is_open("s1")


def test_a_link_in_the_markers_place_is_not_written_through(gates: Gates, tmp_path: Path) -> None:
    target = tmp_path / "target"
    (tmp_path / "s1" / "open").symlink_to(target)
    gates.open("s1")
    assert not target.exists()
    target.write_text("keep")
    gates.open("s1")
    gates.close("s1")
    assert target.read_text() == "keep"


def test_a_pipe_in_the_markers_place_does_not_hold_us_up(gates: Gates, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "s1" / "open")
    assert not gates.open("s1")


def test_a_folder_that_is_gone_cannot_be_opened(gates: Gates) -> None:
    assert not gates.open("s2")
    assert not gates.is_open("s2")


def test_a_gate_is_renewed_but_not_opened(gates: Gates, tmp_path: Path) -> None:
    gates.renew("s1")
    assert not gates.is_open("s1")
    gates.open("s1")
    os.utime(tmp_path / "s1" / "open", (1, 1))
    gates.renew("s1")
    assert gates.is_open("s1") and time.time() - (tmp_path / "s1" / "open").stat().st_mtime < 5


def test_a_gate_that_cannot_be_renewed_is_closed(gates: Gates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gates.open("s1")

    def not_mine(*arguments: object, **more: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "utime", not_mine)
    gates.renew("s1")
    assert not gates.is_open("s1")

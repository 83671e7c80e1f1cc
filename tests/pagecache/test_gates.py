"""The gate, in a folder where the site's own PHP may do what it likes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
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


def test_a_link_in_its_place_is_no_open_gate_and_is_not_followed(gates: Gates, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "page").write_text("keep")
    os.utime(target, (1, 1))
    (tmp_path / "s1" / "open").symlink_to(target)
    assert not gates.is_open("s1")
    gates.renew("s1")
    assert target.stat().st_mtime == 1
    assert gates.open("s1") and gates.is_open("s1")
    assert (target / "page").read_text() == "keep"


@pytest.mark.parametrize("lay", [Path.touch, os.mkfifo], ids=["a file", "a pipe"])
def test_what_else_lies_in_its_place_makes_room(lay: Callable[[Path], None], gates: Gates, tmp_path: Path) -> None:
    lay(tmp_path / "s1" / "open")
    assert not gates.is_open("s1")
    assert gates.open("s1") and gates.is_open("s1")


def test_one_of_a_wrong_mode_is_closed_and_opens_again(gates: Gates, tmp_path: Path) -> None:
    """The site's PHP cannot set it, but its umask or a restored backup may have."""
    (tmp_path / "s1" / "open").mkdir(mode=0o700)
    assert not gates.is_open("s1")
    assert gates.open("s1")
    assert (tmp_path / "s1" / "open").stat().st_mode & 0o777 == 0o711


def test_a_folder_that_is_gone_cannot_be_opened(gates: Gates) -> None:
    assert not gates.open("s2")
    assert not gates.is_open("s2")


def test_another_hand_may_open_it_at_the_same_time(
    gates: Gates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def first(gate: Path) -> None:
        os.mkdir(gate)  # noqa: PTH102 (which is what is replaced)
        raise FileExistsError

    monkeypatch.setattr(Path, "mkdir", first)
    assert gates.open("s1") is True


def test_a_gate_is_renewed_but_not_opened(gates: Gates, tmp_path: Path) -> None:
    gates.renew("s1")
    assert not gates.is_open("s1")
    gates.open("s1")
    os.utime(tmp_path / "s1" / "open", (1, 1), follow_symlinks=False)
    gates.renew("s1")
    assert gates.is_open("s1") and time.time() - (tmp_path / "s1" / "open").lstat().st_mtime < 5


def test_a_gate_that_cannot_be_renewed_is_closed(gates: Gates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gates.open("s1")

    def not_mine(*arguments: object, **more: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "utime", not_mine)
    gates.renew("s1")
    assert not gates.is_open("s1")

"""Who takes much of the processor goes last: by figures, and by this machine's kernel."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from pressroom.model.walls import Caps
from pressroom.system.cgroups import Cgroups
from pressroom.system.turns import Turns


@pytest.fixture
def unified(tmp_path: Path) -> Path:
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids")
    for name in ("s1", "s2"):
        folder = tmp_path / "prtest00" / name
        folder.mkdir(parents=True)
        (folder / "cpu.idle").write_text("0")
        _used(tmp_path, name, 100.0)
    return tmp_path


def _used(mount: Path, name: str, seconds: float) -> None:
    text = f"usage_usec {int(seconds * 1e6)}\nuser_usec 1\nsystem_usec 1\n"
    (mount / "prtest00" / name / "cpu.stat").write_text(text)


def _is_last(mount: Path, name: str) -> bool:
    return (mount / "prtest00" / name / "cpu.idle").read_text() == "1"


def _take(turns: Turns, mount: Path, rates: list[float], used: float) -> float:
    for rate in rates:
        used += rate
        _used(mount, "s1", used)
        turns.look(1.0)
    return used


def test_it_goes_last_soon_and_comes_back_when_it_has_been_calm(unified: Path) -> None:
    turns = Turns(Cgroups("prtest00", unified))
    used = _take(turns, unified, [0.0, 0.1, 0.4, 0.4], 100.0)
    assert not turns.last()
    used = _take(turns, unified, [1.5, 1.5], used)
    assert turns.last() == {"s1"} and _is_last(unified, "s1") and not _is_last(unified, "s2")
    used = _take(turns, unified, [0.1] * 9, used)
    assert _is_last(unified, "s1")
    used = _take(turns, unified, [0.1] * 6, used)
    assert not turns.last() and not _is_last(unified, "s1")


def test_one_busy_moment_is_not_much(unified: Path) -> None:
    turns = Turns(Cgroups("prtest00", unified))
    _take(turns, unified, [0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0], 100.0)
    assert not turns.last()


def test_another_group_of_the_name_begins_anew(unified: Path) -> None:
    turns = Turns(Cgroups("prtest00", unified))
    _take(turns, unified, [2.0, 2.0, 2.0], 100.0)
    assert turns.last() == {"s1"}
    _used(unified, "s1", 0.01)
    (unified / "prtest00" / "s1" / "cpu.idle").write_text("0")
    turns.look(1.0)
    assert not turns.last()


def test_the_kernels_own() -> None:
    groups = Cgroups("prtest01")
    turns = Turns(groups)
    with subprocess.Popen(["sh", "-c", "while :; do :; done"]) as busy, subprocess.Popen(["sleep", "60"]) as quiet:
        try:
            groups.admit(Caps("s1", 300 * 2**20, 50, 1024), [busy.pid])
            groups.admit(Caps("s2", 300 * 2**20, 50, 1024), [quiet.pid])
            for _ in range(60):  # on a loaded machine it takes a while to take much
                turns.look(0.5)
                if turns.last():
                    break
                time.sleep(0.5)
            assert turns.last() == {"s1"}
            idle = {
                path.parent.name: path.read_text().strip()
                for path in Path("/sys/fs/cgroup").glob("**/prtest01/*/cpu.idle")
            }
            assert idle == {"s1": "1", "s2": "0"}
        finally:
            busy.kill()
            quiet.kill()
    groups.remove("s1")
    groups.remove("s2")
    groups.remove_all()

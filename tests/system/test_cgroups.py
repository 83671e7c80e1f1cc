"""Caps by whichever hierarchy there is: v2 and v1 as folders, and the real one of this machine."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path

import pytest

from pressroom.model.walls import Caps
from pressroom.system.cgroups import MOUNT, Cgroups

CAPS = Caps("s1", 300 * 2**20, 50, 1024)


@pytest.fixture
def unified(tmp_path: Path) -> Path:
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    return tmp_path


@pytest.fixture
def separate(tmp_path: Path) -> Path:
    for name in ("cpu", "memory", "pids", "freezer"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_in_v2_one_group_holds_all(unified: Path) -> None:
    groups = Cgroups("pr012345", unified)
    assert groups.held() == {"cpu", "memory", "pids"}
    folder = unified / "pr012345" / "s1"
    folder.mkdir(parents=True)
    for name in ("memory.max", "memory.swap.max", "pids.max"):
        (folder / name).touch()
    groups.admit(CAPS, [7])
    assert (folder / "memory.max").read_text() == str(300 * 2**20)
    assert (folder / "memory.swap.max").read_text() == "0" and (folder / "pids.max").read_text() == "50"
    assert (folder / "cgroup.procs").read_text() == "7"


def test_in_v2_children_get_the_controllers(unified: Path) -> None:
    (unified / "pr012345").mkdir()
    (unified / "pr012345" / "cgroup.controllers").write_text("cpu memory pids\n")
    (unified / "pr012345" / "cpu.weight").touch()
    Cgroups("pr012345", unified).admit(CAPS, [])
    for parent in (unified, unified / "pr012345"):
        assert (parent / "cgroup.subtree_control").exists()
    assert (unified / "pr012345" / "cpu.weight").read_text() == "100"


def test_in_v1_there_is_a_group_for_each_controller(separate: Path) -> None:
    groups = Cgroups("pr012345", separate)
    assert groups.held() == {"cpu", "memory", "pids"}
    groups.admit(CAPS, [7])
    for name in ("cpu", "memory", "pids"):
        assert (separate / name / "pr012345" / "s1" / "cgroup.procs").read_text() == "7"
    assert not (separate / "freezer" / "pr012345").exists()


def test_where_there_are_none_nothing_is_capped(tmp_path: Path) -> None:
    groups = Cgroups("pr012345", tmp_path)
    groups.admit(CAPS, [7])
    assert groups.held() == frozenset() and not list(tmp_path.iterdir())


def test_the_kernels_own_can_be_raised_and_lowered() -> None:
    groups = Cgroups("prtest00")
    try:
        for memory in (300, 600, 300):
            groups.admit(dataclasses.replace(CAPS, memory=memory * 2**20), [])
            names = ("memory/prtest00/s1/memory.limit_in_bytes", "prtest00/s1/memory.max")
            assert [int(bound.read_text()) for name in names for bound in MOUNT.glob(name)] == [memory * 2**20]
    finally:
        groups.remove("s1")
        groups.remove_all()


def test_the_kernels_own() -> None:
    groups = Cgroups("prtest00")
    assert groups.held(), "this machine lets nobody make groups: a site's memory and processes are not capped here"
    with subprocess.Popen(["sleep", "30"]) as sleeper:
        try:
            groups.admit(CAPS, [sleeper.pid])
            assert "/prtest00/s1" in Path(f"/proc/{sleeper.pid}/cgroup").read_text()
        finally:
            sleeper.kill()
    groups.remove("s1")
    groups.remove_all()
    assert not list(Path("/sys/fs/cgroup").glob("*/prtest00"))

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pressroom.wordpress.swaps import discard, move_in, swap_in, swap_in_two_steps

Swap = Callable[[int, int, str], bool]


@pytest.fixture
def sides(ground: Path) -> Iterator[tuple[int, int]]:
    """Descriptors of two folders, `source` and `target`."""
    for name in ("source", "target"):
        (ground / name).mkdir()
    handles = (os.open(ground / "source", os.O_RDONLY), os.open(ground / "target", os.O_RDONLY))
    yield handles
    for handle in handles:
        os.close(handle)


def make(path: Path, kind: str) -> None:
    if kind == "file":
        path.write_text(str(path.parent.name))
    elif kind == "folder":
        path.mkdir()
        (path / path.parent.name).touch()
    elif kind == "link":
        path.symlink_to(path.parent.name)


def look(path: Path) -> object:
    if path.is_symlink():
        return str(path.readlink())
    return sorted(p.name for p in path.iterdir()) if path.is_dir() else path.read_text()


@pytest.mark.parametrize("swap", [swap_in, swap_in_two_steps])
@pytest.mark.parametrize("ours", ["file", "folder"])
@pytest.mark.parametrize("theirs", ["file", "folder", "link"])
def test_two_names_change_places(ground: Path, sides: tuple[int, int], swap: Swap, ours: str, theirs: str) -> None:
    make(ground / "source/x", ours)
    make(ground / "target/x", theirs)
    before = (look(ground / "source/x"), look(ground / "target/x"))
    assert swap(*sides, "x") is True
    assert (look(ground / "target/x"), look(ground / "source/x")) == before
    assert [p.name for p in ground.glob("*/*")] == ["x", "x"]


@pytest.mark.parametrize("swap", [swap_in, swap_in_two_steps])
@pytest.mark.parametrize("ours", ["file", "folder"])
def test_an_empty_place_is_filled(ground: Path, sides: tuple[int, int], swap: Swap, ours: str) -> None:
    make(ground / "source/x", ours)
    before = look(ground / "source/x")
    assert swap(*sides, "x") is False
    assert look(ground / "target/x") == before
    assert list((ground / "source").iterdir()) == []


@pytest.mark.parametrize("theirs", ["file", "folder", "link"])
def test_a_taken_place_is_not_moved_into(ground: Path, sides: tuple[int, int], theirs: str) -> None:
    make(ground / "source/x", "folder")
    make(ground / "target/x", theirs)
    before = look(ground / "target/x")
    with pytest.raises(FileExistsError):
        move_in(*sides, "x")
    assert look(ground / "target/x") == before
    assert look(ground / "source/x") == ["source"]


def test_what_is_discarded_is_gone_and_what_it_links_to_is_not(ground: Path, sides: tuple[int, int]) -> None:
    make(ground / "target/x", "folder")
    (ground / "source/x/a/b/c").mkdir(parents=True)
    (ground / "source/x/a/b/file").touch()
    (ground / "source/x/a/link").symlink_to(ground / "target")
    (ground / "source/x/a/b/link").symlink_to(ground / "target/x")
    discard(sides[0], "x")
    assert list((ground / "source").iterdir()) == []
    assert look(ground / "target/x") == ["target"]
    (ground / "source/link").symlink_to(ground / "target/x")
    discard(sides[0], "link")
    discard(sides[0], "was never there")
    assert look(ground / "target/x") == ["target"]

"""File systems in files, on this machine: what lies in one ends at its size, and the disk around it has room."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from pressroom.model.walls import Space
from pressroom.system import images, mounts, process, space

MOST = Space(64 * 2**20, 300)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """Of a site, with the folder of its gate elsewhere."""
    home, gate = tmp_path / "sites" / "s1", tmp_path / "gates" / "s1"
    images.make(tmp_path / "s1.img", MOST)
    images.mount_site(tmp_path / "s1.img", home, gate)
    try:
        yield home
    finally:
        for folder in (tmp_path / "gates", tmp_path / "sites"):
            mounts.unmount_below(folder)


def _fill(folder: Path) -> tuple[int, int]:
    """Bytes of one file, and then how many empty ones, until there is no room."""
    written = made = 0
    with pytest.raises(OSError, match="No space left") as full, (folder / "big").open("wb", 0) as file:
        while written < 100_000_000:
            written += file.write(bytes(100_000))
    assert full.value.errno == errno.ENOSPC
    (folder / "big").unlink()
    with pytest.raises(OSError, match="No space left"):
        while made < 10_000:
            (folder / str(made)).touch()
            made += 1
    return written, made


def test_space_and_files_end(home: Path, tmp_path: Path) -> None:
    written, made = _fill(home)
    assert 0 < written < MOST.bytes and 200 < made <= MOST.files + 200
    (tmp_path / "beside").write_bytes(bytes(2 * MOST.bytes))
    assert space.room(home, "root").used == images.used(home)
    assert images.used(home).files == images.bounds(home).files


def test_the_gates_folder_is_bounded_too(home: Path, tmp_path: Path) -> None:
    _fill(tmp_path / "gates" / "s1")
    with pytest.raises(OSError, match="No space left"):
        (home / "one more").touch()


def test_it_takes_of_the_disk_what_is_in_it(home: Path, tmp_path: Path) -> None:
    blocks = (tmp_path / "s1.img").stat().st_blocks * 512
    assert blocks < MOST.bytes / 3


def test_it_comes_back_as_it_was(home: Path, tmp_path: Path) -> None:
    (home / "page").write_text("mine")
    mounts.unmount(home)
    assert not (home / "page").exists() and space.room(home, "root").by != space.IMAGE
    images.mount_site(tmp_path / "s1.img", home, tmp_path / "gates" / "s1")
    images.mount_site(tmp_path / "s1.img", home, tmp_path / "gates" / "s1")
    assert (home / "page").read_text() == "mine" and space.room(home, "root").by == space.IMAGE


def test_nobody_is_made_root_by_what_lies_there(home: Path) -> None:
    options = process.run(["findmnt", "-n", "-o", "OPTIONS", "--target", home]).stdout
    assert {"nosuid", "nodev"} <= set(options.split(","))


def test_what_is_mounted_elsewhere_stays(home: Path, tmp_path: Path) -> None:
    mounts.unmount_below(tmp_path / "sit")
    assert mounts.is_mounted(home)
    mounts.unmount_below(tmp_path / "sites")
    assert not mounts.is_mounted(home) and mounts.is_mounted(tmp_path / "gates" / "s1")

"""What is mounted without links, on this machine's kernel."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from pressroom.system import mounts, process


@pytest.fixture
def bound(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "gates"
    (folder / "s1").mkdir(parents=True)
    (folder / "s1" / "link").symlink_to("/etc")
    mounts.bind_without_links(folder, folder)
    yield folder
    mounts.unmount(folder)


def test_nobody_follows_a_link_there_root_neither(bound: Path) -> None:
    assert mounts.is_mounted(bound) and mounts.follows_no_links(bound)
    with pytest.raises(OSError, match="symbolic links") as refused:
        (bound / "s1" / "link" / "hostname").read_text()
    assert refused.value.errno == errno.ELOOP
    mounts.unmount(bound)
    assert (bound / "s1" / "link" / "hostname").read_text()


def test_it_may_be_so_already(bound: Path) -> None:
    mounts.bind_without_links(bound, bound)
    mounts.unmount(bound)
    assert not mounts.is_mounted(bound)
    mounts.unmount(bound)


def test_what_is_mounted_with_links_is_so_no_more(tmp_path: Path, bound: Path) -> None:
    mounts.unmount(bound)
    process.run(["mount", "--bind", bound, bound])
    assert not mounts.follows_no_links(bound)
    mounts.bind_without_links(bound, bound)
    assert mounts.follows_no_links(bound)


def test_all_below_a_folder_is_unmounted_the_innermost_first(bound: Path) -> None:
    inner = bound / "s1"
    mounts.bind_without_links(inner, inner)
    mounts.unmount_below(bound.parent)
    assert not mounts.is_mounted(inner) and not mounts.is_mounted(bound)

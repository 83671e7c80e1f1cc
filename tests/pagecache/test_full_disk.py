"""A full disk: a page is stored whole or not at all, and those that are stored stay right."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from pressroom.model.errors import NoSpace
from pressroom.pagecache.binlog.positions import Place, Position
from pressroom.pagecache.invalidator.gate import Gates
from pressroom.pagecache.invalidator.index import Index
from pressroom.pagecache.invalidator.invalidator import Invalidator
from pressroom.pagecache.sql.schema import Schema
from pressroom.pagecache.store import PAGE, PageStore
from pressroom.system import process
from tests.pagecache.staging import rendered, staged

FENCE = Position(1, 1000)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 files and 256 KB."""
    folder = tmp_path / "small"
    folder.mkdir()
    process.run(["mount", "-t", "tmpfs", "-o", "size=256k,nr_inodes=64", "tmpfs", folder])
    try:
        yield folder
    finally:
        process.run(["umount", folder])


def _fill(folder: Path) -> None:
    """Take every file that the disk has left."""
    heap = folder / "filling"
    heap.mkdir()
    try:
        for number in range(1000):
            (heap / str(number)).touch()
    except OSError as error:
        assert error.errno == errno.ENOSPC
        return
    raise AssertionError("the disk has no end")


def _names(store: PageStore) -> set[str]:
    root = store.folder / "s1" / "current"
    return {path.name for path in root.resolve().rglob("*") if path.is_file()}


def test_a_page_that_does_not_fit_is_not_stored_and_others_stay(small: Path) -> None:
    store = PageStore(small / "store")
    store.switch("s1", 1)
    store.put("s1", 1, "/a", staged(small, b"right"), 1000)
    late = staged(small, b"late")
    _fill(small)
    with pytest.raises(NoSpace):
        store.put("s1", 1, "/b/c/d/", late, 1000)
    assert _names(store) == {"a.page", "a.page.br", "a.page.gz"}
    assert store.plain_file("s1", 1, "/a", PAGE).read_bytes() == b"right"


def test_the_index_forgets_what_did_not_fit(small: Path, tmp_path: Path) -> None:
    index = Index(tmp_path / "index.db", lambda site: Schema({}))
    store = PageStore(small / "store")
    invalidator = Invalidator(index, store, Gates(tmp_path / "gates"), max_pages=10)
    invalidator.attend(["s1"])
    invalidator.start_at(Place("binlog.000001", 1000, "0-1-1", "boot"), "new")
    first = invalidator.begin("s1", "/a")
    assert invalidator.publish(first, rendered(small, b"right", FENCE)).refused is None
    ticket = invalidator.begin("s1", "/b/c/")
    page = rendered(small, b"late", FENCE)
    _fill(small)
    refused = invalidator.publish(ticket, page).refused
    assert refused is not None and "no space" in refused
    row, is_stored = invalidator.page("s1", "/b/c/")
    assert row is not None and not is_stored
    assert invalidator.sites()["s1"][1] == 1
    assert _names(store) == {"a.page", "a.page.br", "a.page.gz"}

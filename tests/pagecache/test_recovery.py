"""At a start the store is made what the index says, whatever a crash left."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from pressroom.pagecache.store import PAGE
from tests.pagecache.cache_world import BOOT, World


def _page(world: World, key: str = "/a") -> Path:
    return world.store.plain_file("s1", world.store.current("s1") or 0, key, PAGE)


def test_a_clean_end_loses_nothing(world: World) -> None:
    for key in ("/", "/a", "/a/", "/caf%c3%a9/", "/a?query-1-page=2"):
        world.render("s1", key)
    world.write("s2", 5000)
    place = world.cache.place
    world.stop()
    assert world.start() == 0
    assert world.cache.place == place
    assert all(world.is_stored("s1", key) for key in ("/", "/a", "/a/", "/caf%c3%a9/", "/a?query-1-page=2"))
    assert world.stored("s1") == 5


def test_what_was_stored_falls_to_the_first_write_after_a_start(world: World) -> None:
    world.render("s1", "/a", fence=1500)
    world.stop()
    world.start()
    assert world.write("s1", 1400) == [], "read once more: the page has seen it"
    assert world.is_stored("s1", "/a")
    assert world.write("s1", 2000) == ["s1"]


def test_files_that_the_index_does_not_know_go(world: World) -> None:
    world.render("s1", "/a")
    file = _page(world)
    (file.parent / "stray.page").write_bytes(b"?")
    (file.parent / "deep" / "er").mkdir(parents=True)
    (file.parent / "deep" / "er" / ".page.br").write_bytes(b"?")
    (file.parent / "junk").write_bytes(b"?")
    world.stop()
    assert world.start() == 3
    assert world.is_stored("s1", "/a")


def test_a_file_of_an_earlier_version_goes(world: World) -> None:
    """The index row is written first: a crash between leaves the old file under a new row."""
    world.render("s1", "/a", body=b"old")
    old = {form: (_page(world).parent / f"a{form}").read_bytes() for form in (".page", ".page.br", ".page.gz")}
    old_time = _page(world).stat().st_mtime
    world.render("s1", "/a", body=b"new")
    for form, data in old.items():
        file = _page(world).parent / f"a{form}"
        file.write_bytes(data)
        os.utime(file, (old_time, old_time))
    world.stop()
    assert world.start() == 3
    assert not _page(world).exists()


def test_a_page_that_is_unlinked_and_back_goes(world: World) -> None:
    world.render("s1", "/a")
    back = _page(world).read_bytes()
    world.cache.take_out("s1", "/a")
    _page(world).write_bytes(back)
    world.stop()
    assert world.start() == 1
    assert not world.is_stored("s1", "/a")


@pytest.mark.parametrize("now_is", ["nothing", "the generation before", "a file"])
def test_the_link_to_the_generation_is_put_right(world: World, now_is: str) -> None:
    world.render("s1", "/a")
    world.write("s1", 2000)
    world.render("s1", "/b", fence=2000)
    link = world.folder / "store" / "s1" / "current"
    right = link.readlink()
    link.unlink()
    if now_is == "a file":
        link.write_text("?")
    elif now_is != "nothing":
        link.symlink_to("g2")
    world.stop()
    world.start()
    assert link.readlink() == right
    assert world.is_stored("s1", "/b") and not world.is_stored("s1", "/a")


def test_a_store_that_is_gone_is_made_anew(world: World) -> None:
    world.render("s1", "/a")
    world.stop()
    shutil.rmtree(world.folder / "store" / "s1")
    world.start(boot="boot-2")
    assert not world.is_stored("s1", "/a")
    assert world.stored("s1") == 0
    assert world.render("s1", "/a").refused is None
    assert world.is_stored("s1", "/a")


def test_rows_that_are_gone_take_their_files_with_them(world: World) -> None:
    world.render("s1", "/a")
    world.render("s1", "/b")
    world.stop()
    with sqlite3.connect(world.folder / "index.db") as index:
        index.execute("DELETE FROM pages WHERE key='/a'")
    index.close()
    assert world.start() == 3
    assert not world.is_stored("s1", "/a") and world.is_stored("s1", "/b")


@pytest.mark.parametrize("form", ["a.page", "a.page.br", "a.page.gz"])
def test_after_a_new_boot_what_was_never_synced_goes(world: World, form: str) -> None:
    world.render("s1", "/a", body=b"some text " * 50)
    world.render("s1", "/b", body=b"some text " * 50)
    file = _page(world).parent / form
    size, stamp = file.stat().st_size, file.stat().st_mtime
    file.write_bytes(b"\x00" * size)
    os.utime(file, (stamp, stamp))
    world.stop()
    assert world.start(boot="boot-2") == 3
    assert not world.is_stored("s1", "/a") and world.is_stored("s1", "/b")
    assert world.stored("s1") == 1


def test_a_plain_form_that_is_cut_goes_after_any_start(world: World) -> None:
    world.render("s1", "/a", body=b"some text")
    stamp = _page(world).stat().st_mtime
    _page(world).write_bytes(b"some")
    os.utime(_page(world), (stamp, stamp))
    world.stop()
    assert world.start(boot=BOOT) >= 1
    assert not _page(world).exists()


def test_a_second_start_finds_nothing_more_to_do(world: World) -> None:
    world.render("s1", "/a")
    (_page(world).parent / "stray.page").write_bytes(b"?")
    world.stop()
    assert world.start(boot="boot-2") == 1
    world.stop()
    assert world.start(boot="boot-2") == 0
    assert world.is_stored("s1", "/a")

"""Bounds, purges, gates, times: what is taken out, and what may come back."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from pressroom.pagecache.binlog.positions import Place, Position, RowChange, Transaction, Write
from pressroom.pagecache.invalidator.daemon import InvalidatorDaemon
from pressroom.pagecache.invalidator.invalidator import GRACE
from pressroom.pagecache.invalidator.objects import ObjectVersions
from tests.pagecache.cache_world import World
from tests.pagecache.staging import rendered, staged


def test_a_site_has_so_many_pages_and_no_more(tmp_path: Path) -> None:
    world = World(tmp_path, max_pages=2)
    assert world.render("s1", "/a").refused is None
    assert world.render("s1", "/b").refused is None
    refused = world.render("s1", "/c").refused
    assert refused is not None and "as many" in refused
    assert world.render("s1", "/a", body=b"again").refused is None, "a new version of a stored page takes no place"
    assert world.render("s2", "/c").refused is None, "a neighbour's bound is its own"
    assert world.cache.take_out("s1", "/b")
    assert world.render("s1", "/c").refused is None
    assert world.stored("s1") == 2
    world.write("s1", 2000)
    assert world.stored("s1") == 0
    assert world.render("s1", "/b", fence=2000).refused is None


def test_a_new_version_that_cannot_be_put_leaves_none(world: World) -> None:
    world.render("s1", "/a/b")
    folder = world.folder / "store" / "s1" / "current" / "a"
    shutil.rmtree(folder)
    folder.touch()
    refused = world.render("s1", "/a/b").refused
    assert refused is not None and refused.startswith("not stored")
    assert not world.is_stored("s1", "/a/b")
    assert world.stored("s1") == 0


def test_a_purge_takes_all_out_and_refuses_what_is_under_way(world: World) -> None:
    world.render("s1", "/")
    world.render("s2", "/")
    ticket, theirs = world.cache.begin("s1", "/late"), world.cache.begin("s2", "/late")
    world.cache.drop("s1", "asked by hand")
    assert not world.is_stored("s1", "/") and world.is_stored("s2", "/")
    assert world.publish(ticket, fence=9000).refused is not None
    assert world.publish(theirs, fence=1000).refused is None
    assert world.drops == [("s1", "asked by hand")]
    assert world.cache.sites()["s1"][0].dropped_why == "asked by hand"


def test_one_page_is_taken_out_alone(world: World) -> None:
    world.render("s1", "/a")
    world.render("s1", "/b")
    assert world.cache.take_out("s1", "/a")
    assert not world.cache.take_out("s1", "/a")
    assert not world.cache.take_out("s1", "/never")
    assert not world.is_stored("s1", "/a") and world.is_stored("s1", "/b")


def test_a_gate_opens_over_an_empty_store_alone(world: World) -> None:
    world.render("s1", "/")
    generation = world.store.current("s1")
    world.gates.close("s1")
    world.cache.reopen("s1")
    assert world.gates.is_open("s1")
    assert not world.is_stored("s1", "/")
    assert world.store.current("s1") != generation
    assert [site for site, _ in world.drops] == ["s1"]


def test_behind_a_closed_gate_nothing_is_kept_or_made(world: World) -> None:
    world.render("s1", "/")
    world.cache.empty_behind_gate("s1")
    assert world.is_stored("s1", "/") and world.cache.refused("s1", "/") is None
    world.gates.close("s1")
    assert world.cache.refused("s1", "/") == "the gate is closed"
    world.cache.empty_behind_gate("s1")
    assert not world.is_stored("s1", "/") and world.taken == []  # whoever renders is told when the gate opens
    world.cache.reopen("s1")
    assert [taken.keys for taken in world.taken] == [None] and world.cache.refused("s1", "/") is None


def test_the_store_is_empty_before_the_gate_is_open(world: World, tmp_path: Path) -> None:
    world.render("s1", "/")
    world.gates.close("s1")
    (tmp_path / "gates" / "s1").rename(tmp_path / "gates" / "gone")
    world.cache.reopen("s1")  # the gate cannot be opened: its folder is gone
    assert not world.gates.is_open("s1")
    assert not world.is_stored("s1", "/")


def test_before_a_gate_opens_the_sites_objects_are_forgotten(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guard: a writer may give up at the closed gate whose commit came after it was asked what must have passed."""
    (tmp_path / "objects" / "s1").mkdir(parents=True)
    objects = ObjectVersions(tmp_path / "objects", lambda _: True)
    objects.resume_at(Position(1, 1000))
    objects.attend(["s1"])
    daemon = object.__new__(InvalidatorDaemon)
    daemon._invalidator, daemon._gates, daemon._objects = world.cache, world.gates, objects
    daemon._caught_up = threading.Event()
    daemon._caught_up.set()
    daemon._master = SimpleNamespace(newest_sequence=lambda: 0)  # type: ignore[assignment]
    before = (tmp_path / "objects" / "s1" / "versions").read_text()
    opened, then = world.gates.open, []

    def opens(site: str) -> bool:
        then.append((tmp_path / "objects" / "s1" / "versions").read_text())
        return opened(site)

    monkeypatch.setattr(world.gates, "open", opens)
    world.gates.close("s1")
    daemon._reopen(["s1"])
    assert world.gates.is_open("s1") and len(then) == 1 and then != [before]


def test_following_from_another_place_drops_all(world: World) -> None:
    world.render("s1", "/")
    world.render("s2", "/")
    world.cache.start_at(Place("binlog.000009", 4, "0-8-500", ""), "another server")
    assert not world.is_stored("s1", "/") and not world.is_stored("s2", "/")
    assert world.cache.passed == 500
    assert world.cache.sites()["s1"][0].dropped_why == "another server"
    assert world.index.place() == world.cache.place


def test_a_binlog_that_begins_anew_has_pages_stored_again(world: World) -> None:
    """Its places are lower than those that are known; what was changed at those is none of its changes."""
    for end in range(60):
        rows = (RowChange("s1", "wp_posts", None, {"ID": 1}),)
        writes = frozenset({Write("s1", "wp_posts", None)})
        world.cache.apply(Transaction(end, Position(123, 1000 + end), writes, rows), "binlog.000123")
    world.render("s1", "/")
    assert not world.is_stored("s1", "/")
    assert world.cache._parts.dependencies.knows("s1")
    world.cache.start_at(Place("binlog.000001", 500, "0-8-5", ""), "another server")
    assert not world.cache._parts.dependencies.knows("s1"), "its tables may have been made otherwise meanwhile"
    world.render("s1", "/early", fence=400)
    assert not world.is_stored("s1", "/early"), "what changed before its place is not known"
    world.render("s1", "/")
    assert world.is_stored("s1", "/")


def test_a_page_is_due_when_its_time_is_over_and_leaves_after_the_grace(world: World) -> None:
    for key, until in (("/short", world.now + 60), ("/long", world.now + 6000), ("/ever", None)):
        page = rendered(world.folder / "staging", b"text", Position(1, 1000), valid_until=until)
        assert world.cache.publish(world.cache.begin("s1", key), page).refused is None
    due: list[tuple[str, list[str]]] = []
    world.cache.due = lambda site, keys: due.append((site, keys))
    world.now += 59
    world.cache.expire()
    assert due == []
    world.now += 1
    for _ in range(2):
        world.cache.expire()
    assert due == [("s1", ["/short"])] and world.is_stored("s1", "/short")
    world.now += GRACE
    world.cache.expire()
    assert not world.is_stored("s1", "/short")
    assert world.is_stored("s1", "/long") and world.is_stored("s1", "/ever")
    assert world.drops == [("s1", "valid until now")]


def test_a_page_that_is_rendered_anew_in_time_stays(world: World) -> None:
    page = rendered(world.folder / "staging", b"text", Position(1, 1000), valid_until=world.now + 60)
    world.cache.publish(world.cache.begin("s1", "/"), page)
    world.now += 60
    world.cache.expire()
    world.render("s1", "/")
    world.now += GRACE
    world.cache.expire()
    assert world.is_stored("s1", "/")


@pytest.mark.parametrize("gone", [True, False])
def test_a_stored_page_whose_render_says_that_it_is_none_leaves(world: World, gone: bool) -> None:
    world.render("s1", "/")
    world.cache.abandon(world.cache.begin("s1", "/"), gone=gone)
    assert world.is_stored("s1", "/") is not gone


# -- versions --------------------------------------------------------------------------------------------------


def test_each_version_is_later_than_the_one_before(world: World) -> None:
    times = [world.render("s1", "/", body=body).mtime for body in (b"1", b"2", b"3")]
    assert times == [1_700_000_000, 1_700_000_001, 1_700_000_002]
    world.write("s1", 2000)
    assert world.render("s1", "/", fence=2000).mtime == 1_700_000_003
    world.now += 3600
    assert world.render("s1", "/", fence=2000, body=b"4").mtime == 1_700_003_600


def test_a_clock_that_is_set_back_changes_nothing_in_that(world: World) -> None:
    first = world.render("s1", "/").mtime
    world.now -= 86_400
    world.cache.take_out("s1", "/")
    second = world.render("s1", "/").mtime
    world.stop()
    world.start()
    third = world.render("s1", "/", body=b"other").mtime
    assert first is not None and (second, third) == (first + 1, first + 2)
    file = world.store.plain_file("s1", world.store.current("s1") or 0, "/", "page")
    assert int(file.stat().st_mtime) == third


def test_better_compression_is_for_the_same_version_alone(world: World) -> None:
    mtime = world.render("s1", "/").mtime
    assert mtime is not None
    better = staged(world.folder / "staging", b"text")
    assert not world.cache.recompress("s1", "/", mtime + 1, better)
    assert not world.cache.recompress("s1", "/other", mtime, better)
    assert world.cache.recompress("s1", "/", mtime, better)
    world.write("s1", 2000)
    assert not world.cache.recompress("s1", "/", mtime, staged(world.folder / "staging", b"text"))
    assert not world.is_stored("s1", "/")


# -- sites that come and go ------------------------------------------------------------------------------------


def test_a_site_that_is_gone_leaves_nothing(world: World) -> None:
    world.render("s1", "/")
    late = world.cache.begin("s1", "/late")
    world.cache.attend(["s2"])
    assert not (world.folder / "store" / "s1").exists()
    assert world.index.sites() == ["s2"]
    assert world.write("s1", 2000) == []
    world.cache.abandon(late, gone=False)
    assert not (world.folder / "store" / "s1").exists()


def test_a_site_that_is_new_is_served_from_an_empty_store(world: World) -> None:
    world.cache.attend(["s1", "s2", "s3"])
    assert world.store.current("s3") == 1
    assert world.render("s3", "/").refused is None
    assert world.is_stored("s3", "/")


def test_old_generations_are_swept(world: World) -> None:
    for end in (2000, 3000, 4000):
        world.render("s1", "/", fence=end - 100)
        world.write("s1", end)
    world.cache.sweep()
    current = world.store.current("s1")
    assert {entry.name for entry in (world.folder / "store" / "s1").iterdir()} == {"current", f"g{current}"}

"""A writer's change is held until it asks; then the old pages go, and those that were rendered after it stay."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from pressroom.pagecache.binlog.positions import WRITER, Position, Transaction, Write
from tests.pagecache.cache_world import FILE, World


def test_the_old_pages_stay_until_it_is_settled(world: World) -> None:
    world.render("s1", "/")
    assert world.write("s1", 2000, mark=WRITER) == []
    assert world.is_stored("s1", "/") and world.cache.is_held("s1") and world.holds == ["s1"]
    world.cache.settle("s1")
    assert not world.is_stored("s1", "/") and not world.cache.is_held("s1")
    assert world.drops == [("s1", "a write to wp_posts")]


def test_what_was_rendered_after_it_is_kept(world: World) -> None:
    for key in ("/", "/old"):
        world.render("s1", key)
    world.write("s1", 2000, mark=WRITER)
    assert world.render("s1", "/", fence=2000, body=b"new").refused is None
    assert world.render("s1", "/fresh", fence=2100).refused is None
    world.cache.settle("s1")
    assert world.taken[-1].keys == frozenset({"/old"}) and world.stored("s1") == 2
    assert world.is_stored("s1", "/") and world.is_stored("s1", "/fresh") and not world.is_stored("s1", "/old")
    generation = world.store.current("s1")
    assert generation is not None
    assert world.store.plain_file("s1", generation, "/", "page").read_bytes() == b"new"


def test_a_render_from_before_is_refused_meanwhile(world: World) -> None:
    world.render("s1", "/")
    world.write("s1", 2000, mark=WRITER)
    assert world.render("s1", "/", fence=1999).refused is not None


def test_a_second_change_makes_what_was_rendered_between_old(world: World) -> None:
    world.render("s1", "/")
    world.write("s1", 2000, mark=WRITER)
    world.render("s1", "/", fence=2000)
    world.write("s1", 3000, mark=WRITER)
    assert world.holds == ["s1"]
    world.cache.settle("s1")
    assert not world.is_stored("s1", "/")


def test_it_is_held_until_its_pages_are_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guard: who waits for it is answered once it is not, and somebody else may take all pages out at that moment."""
    world.render("s1", "/")
    world.write("s1", 2000, mark=WRITER)
    begin, seen = world.store.begin, []

    def begins(*given: Any) -> Any:
        seen.append(world.cache.is_held("s1"))
        return begin(*given)

    monkeypatch.setattr(world.store, "begin", begins)
    world.cache.drop("s1", "somebody says so")
    assert seen == [True] and not world.cache.is_held("s1")


def test_the_gate_closes_where_it_cannot_be_taken_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guard: its writer may have died, and nobody else would ever ask."""
    world.render("s1", "/")
    world.write("s1", 2000, mark=WRITER)

    def fails(*_: Any) -> Any:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as full:
        full.setattr(world.index, "transaction", fails)
        with pytest.raises(sqlite3.OperationalError):
            world.cache.settle("s1")
    assert not world.gates.is_open("s1") and world.cache.is_held("s1")
    world.cache.reopen("s1")
    assert world.gates.is_open("s1") and not world.cache.is_held("s1") and not world.is_stored("s1", "/")


def test_a_gate_opens_where_nothing_is_held(world: World) -> None:
    world.render("s1", "/")
    world.write("s1", 2000, mark=WRITER)
    world.gates.close("s1")
    world.cache.take_out("s1", "/")
    assert world.cache.is_held("s1") and world.stored("s1") == 0
    world.cache.reopen("s1")
    assert world.gates.is_open("s1") and not world.cache.is_held("s1")


def test_somebody_elses_change_is_not_held(world: World) -> None:
    world.render("s1", "/")
    world.write("s1", 2000, mark=WRITER)
    assert world.write("s1", 3000) == ["s1"]
    assert not world.is_stored("s1", "/") and not world.cache.is_held("s1")


def test_rows_without_the_mark_and_statements_are_not_held(world: World) -> None:
    for end, write in ((2000, Write("s1", "wp_options", None)), (3000, Write("s1", None, WRITER))):
        world.render("s1", "/", fence=end - 500)
        mixed = frozenset({Write("s1", "wp_posts", WRITER), write})
        assert world.cache.apply(Transaction(end, Position(1, end), mixed), FILE) == ["s1"]


def test_nothing_is_held_where_nothing_is_stored(world: World) -> None:
    world.write("s1", 2000, mark=WRITER)
    assert world.holds == [] and not world.cache.is_held("s1")


def test_the_neighbours_pages_stay(world: World) -> None:
    world.render("s2", "/")
    world.render("s1", "/")
    world.write("s1", 2000, mark=WRITER)
    world.cache.settle("s2")
    world.cache.settle("s1")
    assert world.is_stored("s2", "/") and not world.is_stored("s1", "/")


def test_after_a_crash_a_held_change_is_read_once_more(world: World) -> None:
    """What was held is in nobody's memory then: the place that is kept lies before it."""
    world.render("s1", "/")
    world.write("s1", 2000, mark=WRITER)
    world.write("s2", 2500)
    world.render("s2", "/", fence=2500)  # saves the place
    world.cache.save_place()
    world.index.close()
    world.start()
    assert world.cache.place is not None and world.cache.place.offset < 2000
    assert world.is_stored("s1", "/")
    world.write("s1", 2000, mark=WRITER)
    world.cache.settle("s1")
    assert not world.is_stored("s1", "/")
    world.cache.save_place()
    assert world.index.place() == world.cache.place


def test_a_page_that_wrote_itself_is_kept(world: World) -> None:
    world.render("s1", "/old")
    world.write("s1", 2000, mark=WRITER)
    ticket = world.cache.begin("s1", "/counter")
    world.write("s1", 2200, "wp_counter", mark=ticket)
    assert world.publish(ticket, fence=2100).refused is None
    world.cache.settle("s1")
    assert world.is_stored("s1", "/counter") and not world.is_stored("s1", "/old")


def test_a_purge_ends_it(world: World) -> None:
    world.render("s1", "/")
    world.write("s1", 2000, mark=WRITER)
    world.cache.drop("s1", "purged by hand")
    assert not world.cache.is_held("s1") and not world.is_stored("s1", "/")
    world.cache.settle("s1")
    assert world.cache.sites()["s1"][0].dropped_why == "purged by hand"


def test_a_page_that_comes_out_as_it_was_stays_the_version_that_it_was(world: World) -> None:
    first = world.render("s1", "/", body=b"same")
    world.write("s1", 2000, mark=WRITER)
    world.now += 60
    again = world.render("s1", "/", fence=2000, body=b"same")
    assert again.same and not first.same and again.mtime == first.mtime
    world.cache.settle("s1")
    assert world.is_stored("s1", "/")
    assert not world.render("s1", "/", fence=2100, body=b"other").same

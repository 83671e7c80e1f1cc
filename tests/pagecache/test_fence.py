"""No stale fill: a page is published only when no write to its site came after what it read."""

from __future__ import annotations

import pytest

from pressroom.pagecache.binlog.positions import Position, Transaction, Write
from pressroom.pagecache.invalidator.invalidator import CHANGED
from tests.pagecache.cache_world import World


def test_a_page_is_stored_and_served_from_its_generation(world: World) -> None:
    assert world.render("s1", "/").refused is None
    assert world.is_stored("s1", "/")
    assert world.stored("s1") == 1


def test_a_write_after_the_reads_refuses_the_page(world: World) -> None:
    ticket = world.cache.begin("s1", "/")
    world.write("s1", 2000)
    assert world.publish(ticket, fence=1500).refused == CHANGED
    assert not world.is_stored("s1", "/")


def test_a_write_before_the_reads_lets_the_page_in(world: World) -> None:
    ticket = world.cache.begin("s1", "/")
    world.write("s1", 2000)
    assert world.publish(ticket, fence=2000).refused is None
    assert world.is_stored("s1", "/")


def test_a_write_that_the_tailer_reaches_later_takes_the_page_out(world: World) -> None:
    assert world.render("s1", "/", fence=1500).refused is None
    assert world.write("s1", 2000) == ["s1"]
    assert not world.is_stored("s1", "/")


def test_a_write_that_the_page_has_read_already_leaves_it_in(world: World) -> None:
    # The fence is ahead of the tailer: the page was made from what the tailer is about to read.
    assert world.render("s1", "/", fence=2000).refused is None
    assert world.write("s1", 2000) == []
    assert world.is_stored("s1", "/")


@pytest.mark.parametrize("order", [("/new", "/old"), ("/old", "/new")])
def test_the_oldest_fence_counts(world: World, order: tuple[str, str]) -> None:
    for key in order:
        world.render("s1", key, fence=3000 if key == "/new" else 1500)
    assert world.write("s1", 2000) == ["s1"]
    assert not world.is_stored("s1", "/old")


def test_a_fence_in_a_later_file_is_later(world: World) -> None:
    assert Position.parse("binlog.000002", 4) > Position.parse("binlog.000001", 99_999)
    assert Position.parse("binlog.1000000", 4) > Position.parse("binlog.999999", 4)


def test_a_neighbours_write_changes_nothing(world: World) -> None:
    world.render("s1", "/")
    ticket = world.cache.begin("s1", "/under-way")
    assert world.write("s2", 2000) == []
    assert world.publish(ticket, fence=1500).refused is None
    assert world.is_stored("s1", "/") and world.is_stored("s1", "/under-way")


def test_one_transaction_over_two_sites_drops_both(world: World) -> None:
    world.render("s1", "/")
    world.render("s2", "/")
    both = frozenset({Write("s1", "wp_posts", None), Write("s2", None, None), Write("mysql", "user", None)})
    assert sorted(world.cache.apply(Transaction(500, Position(1, 2000), both), "binlog.000001")) == ["s1", "s2"]
    assert not world.is_stored("s1", "/") and not world.is_stored("s2", "/")


@pytest.mark.parametrize("table", ["wp_posts", "wp_options", "anything", None])
def test_any_write_and_any_statement_drops(world: World, table: str | None) -> None:
    world.render("s1", "/")
    assert world.write("s1", 2000, table) == ["s1"]
    assert [site for site, _ in world.drops] == ["s1"]


def test_a_site_that_is_not_in_the_roster_is_ignored(world: World) -> None:
    assert world.write("s9", 2000) == []
    assert "s9" not in world.index.sites()
    assert not (world.folder / "store" / "s9").exists()
    with pytest.raises(KeyError):
        world.cache.begin("s9", "/")


def test_a_ticket_is_good_for_one_page_once(world: World) -> None:
    ticket = world.cache.begin("s1", "/")
    assert world.publish(ticket, 1000).refused is None
    assert world.publish(ticket, 1000).refused == "unknown ticket"
    assert world.publish("made-up", 1000).refused == "unknown ticket"
    given_back = world.cache.begin("s1", "/b")
    world.cache.abandon(given_back, gone=False)
    assert world.publish(given_back, 1000).refused == "unknown ticket"


def test_what_has_been_passed_is_told(world: World) -> None:
    before = world.cache.passed
    world.write("s9", 2000)
    assert world.cache.passed == before + 1
    assert world.cache.place is not None and world.cache.place.offset == 2000

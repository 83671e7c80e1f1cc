"""What a render writes itself throws out the pages that read it, until it is seen to come with each render."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from pressroom.pagecache.binlog.positions import VISITOR, WRITER, Position, RowChange, Transaction, Write
from pressroom.pagecache.invalidator.invalidator import CHANGED
from pressroom.pagecache.invalidator.quiet import OFTEN, OWN_WRITES_QUIET
from pressroom.pagecache.invalidator.renders import TICKET_LIFE
from tests.pagecache.cache_world import World


def test_it_does_not_refuse_its_own_page(world: World) -> None:
    ticket = world.cache.begin("s1", "/")
    world.write("s1", 2000, "wp_options", mark=ticket)
    assert world.publish(ticket, fence=1500).refused is None
    assert world.is_stored("s1", "/")


def _count(world: World, key: str, end: int) -> list[str]:
    """A render of this page that writes to its options; the sites that lost pages by it."""
    ticket = world.cache.begin("s1", key)
    lost = world.write("s1", end, "wp_options", mark=ticket)
    assert world.publish(ticket, fence=end - 500).refused is None
    return lost


@pytest.mark.parametrize("keys", [("/a", "/b", "/c"), ("/a", "/a", "/a")])
def test_what_renders_write_again_and_again_is_quiet(world: World, keys: tuple[str, str, str]) -> None:
    world.render("s1", "/other")
    assert _count(world, keys[0], 2000) == ["s1"]
    world.render("s1", "/other", fence=2100)
    assert _count(world, keys[1], 3000) == ["s1"]
    world.render("s1", "/other", fence=3100)
    assert _count(world, keys[2], 4000) == []
    assert world.is_stored("s1", "/other") and world.is_stored("s1", keys[1])


def test_it_is_told_how_many_pages_renders_took_out_lately(world: World) -> None:
    world.render("s1", "/other")
    _count(world, "/a", 2000)
    count, wrote = world.cache.taken_by_renders("s1", 60)
    assert count == 1 and wrote is not None and wrote.startswith("wp_options")
    world.write("s1", 3000, "wp_options")  # somebody else's
    assert world.cache.taken_by_renders("s1", 60)[0] == 1
    world.now += 61
    assert world.cache.taken_by_renders("s1", 60) == (0, None)


def test_what_a_render_writes_once_in_a_while_is_never_quiet(world: World) -> None:
    """The widgets, when the theme is switched and back."""
    for end in (2000, 3000, 4000, 5000):
        world.render("s1", "/other", fence=end - 400)
        assert _count(world, "/", end) == ["s1"]
        world.render("s1", "/", fence=end)


def test_it_is_loud_again_when_the_quiet_time_is_over(world: World) -> None:
    _count(world, "/a", 2000)
    _count(world, "/b", 2600)
    world.now += OWN_WRITES_QUIET - 1
    assert _count(world, "/early", 3200) == []
    world.now += 1
    world.render("s1", "/other", fence=3500)
    assert _count(world, "/late", 4000) == ["s1"]
    assert not world.is_stored("s1", "/other")


def test_what_each_render_writes_is_loud_less_and_less(world: World) -> None:
    """Else it would take out all pages again and again, for they are rendered because of it."""

    def write(later: float) -> bool:
        world.now += later
        world.render("s1", "/other", fence=end.number)
        ticket = world.cache.begin("s1", "/counter")
        end.number += 100
        lost = world.write("s1", end.number, "wp_options", mark=ticket)
        world.cache.abandon(ticket, gone=False)
        return lost == ["s1"]

    end = Counter(2000)
    assert write(0) and write(0)
    assert [write(1) for _ in range(OFTEN)] == [False] * OFTEN
    assert write(OWN_WRITES_QUIET)
    assert not write(OWN_WRITES_QUIET)  # this time it is quiet for twice as long
    assert write(OWN_WRITES_QUIET)
    assert write(OWN_WRITES_QUIET)  # it was not written often any more


@dataclass
class Counter:
    """The binlog's end."""

    number: int


def test_another_table_is_loud(world: World) -> None:
    first = world.cache.begin("s1", "/counter")
    world.write("s1", 2000, "wp_options", mark=first)
    world.publish(first, fence=1500)
    second = world.cache.begin("s1", "/second")
    assert world.write("s1", 3000, "wp_options", "wp_postmeta", mark=second) == ["s1"]


def test_the_quiet_of_one_site_is_not_its_neighbours(world: World) -> None:
    first = world.cache.begin("s1", "/counter")
    world.write("s1", 2000, "wp_options", mark=first)
    world.render("s2", "/other", fence=2000)
    second = world.cache.begin("s2", "/counter")
    assert world.write("s2", 3000, "wp_options", mark=second) == ["s2"]


def test_a_visitors_write_is_loud_in_the_quiet_time(world: World) -> None:
    first = world.cache.begin("s1", "/counter")
    world.write("s1", 2000, "wp_options", mark=first)
    world.publish(first, fence=1500)
    assert world.write("s1", 3000, "wp_options") == ["s1"]
    assert not world.is_stored("s1", "/counter")


def test_another_render_under_way_is_refused(world: World) -> None:
    writer, reader = world.cache.begin("s1", "/counter"), world.cache.begin("s1", "/reader")
    world.write("s1", 2000, "wp_options", mark=writer)
    assert world.publish(reader, fence=1500).refused == CHANGED
    assert world.publish(writer, fence=1500).refused is None


def test_another_render_is_refused_when_the_writer_has_ended(world: World) -> None:
    for end in ("published", "abandoned", "forgotten"):
        world.cache.drop("s1", "between the rounds")
        writer, reader = world.cache.begin("s1", "/counter"), world.cache.begin("s1", f"/{end}")
        world.write("s1", 2000, "wp_options", mark=writer)
        if end == "published":
            assert world.publish(writer, fence=1500).refused is None
        elif end == "abandoned":
            world.cache.abandon(writer, gone=False)
        else:
            world.now += TICKET_LIFE / 2
            reader = world.cache.begin("s1", f"/{end}")
            world.now += TICKET_LIFE / 2 + 1
            world.cache.begin("s1", "/anything")
        assert world.publish(reader, fence=1500).refused == CHANGED, end


def test_both_writers_of_one_time_do_not_see_each_other(world: World) -> None:
    one, two = world.cache.begin("s1", "/one"), world.cache.begin("s1", "/two")
    world.write("s1", 2000, "wp_options", mark=one)
    world.write("s1", 2100, "wp_postmeta", mark=two)
    assert world.publish(one, fence=1500).refused == CHANGED
    assert world.publish(two, fence=1500).refused == CHANGED


# -- marks that prove nothing ----------------------------------------------------------------------------------


def test_a_made_up_mark_counts_as_anothers(world: World) -> None:
    ticket = world.cache.begin("s1", "/")
    assert world.write("s1", 2000, mark="made-up-ticket") == []
    assert world.publish(ticket, fence=1500).refused == CHANGED


def test_another_sites_ticket_counts_as_anothers(world: World) -> None:
    theirs, ours = world.cache.begin("s2", "/"), world.cache.begin("s1", "/")
    world.write("s1", 2000, mark=theirs)
    assert world.publish(ours, fence=1500).refused == CHANGED
    assert world.publish(theirs, fence=1500).refused is None


def test_a_mark_does_not_cover_a_statement_or_unmarked_rows(world: World) -> None:
    first = world.cache.begin("s1", "/")
    world.write("s1", 2000, None, mark=first)
    assert world.publish(first, fence=1500).refused == CHANGED
    second = world.cache.begin("s1", "/")
    mixed = frozenset({Write("s1", "wp_posts", second), Write("s1", "wp_options", None)})
    rows = tuple(RowChange("s1", table, None, {"ID": 1}) for table in ("wp_posts", "wp_options"))
    world.cache.apply(Transaction(900, Position(1, 3000), mixed, rows), "binlog.000001")
    assert world.publish(second, fence=2500).refused == CHANGED


def test_a_ticket_that_has_ended_marks_nothing(world: World) -> None:
    ticket = world.cache.begin("s1", "/")
    assert world.publish(ticket, fence=1500).refused is None
    assert world.write("s1", 2000, mark=ticket) == ["s1"]
    assert not world.is_stored("s1", "/")


def test_a_ticket_that_nobody_gives_back_is_forgotten(world: World) -> None:
    ticket = world.cache.begin("s1", "/")
    world.now += TICKET_LIFE + 1
    world.cache.begin("s1", "/other")
    assert world.publish(ticket, fence=1500).refused == "unknown ticket"


def test_a_neighbours_render_that_writes_does_not_refuse_ours(world: World) -> None:
    theirs, ours = world.cache.begin("s2", "/counter"), world.cache.begin("s1", "/")
    world.write("s2", 2000, "wp_options", mark=theirs)
    assert world.publish(ours, fence=1500).refused is None


def test_a_page_view_that_writes_what_renders_write_takes_out_nothing(world: World) -> None:
    _count(world, "/counter", 2000)
    world.render("s1", "/other", fence=2000)
    assert world.write("s1", 3000, "wp_options", mark=VISITOR) == []
    assert world.write("s1", 4000, "wp_options", mark=WRITER) == [] and world.cache.is_held("s1")
    world.cache.settle("s1")
    assert not world.is_stored("s1", "/other")


@pytest.mark.parametrize("mark", [VISITOR, None])
def test_what_renders_do_not_write_is_nobodys_noise(world: World, mark: str | None) -> None:
    world.render("s1", "/other")
    assert world.write("s1", 2000, "wp_options", mark=mark) == ["s1"]


def test_what_a_program_writes_is_never_noise(world: World) -> None:
    ticket = world.cache.begin("s1", "/counter")
    world.write("s1", 2000, "wp_options", mark=ticket)
    world.cache.abandon(ticket, gone=False)
    world.render("s1", "/other", fence=2000)
    assert world.write("s1", 3000, "wp_options") == ["s1"]


def test_noise_ends_with_the_quiet_time(world: World) -> None:
    ticket = world.cache.begin("s1", "/counter")
    world.write("s1", 2000, "wp_options", mark=ticket)
    world.cache.abandon(ticket, gone=False)
    world.render("s1", "/other", fence=2000)
    world.now += OWN_WRITES_QUIET
    assert world.write("s1", 3000, "wp_options", mark=VISITOR) == ["s1"]

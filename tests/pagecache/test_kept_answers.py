"""Pages that were made with answers from before their fence: they count as made when their ticket was given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pressroom.model.layout import Layout
from pressroom.pagecache.binlog.positions import Position, Transaction, Write
from pressroom.pagecache.invalidator import daemon
from pressroom.pagecache.invalidator.invalidator import CHANGED
from pressroom.pagecache.invalidator.renders import FRESH
from pressroom.pagecache.invalidator.stock import Outcome
from tests.pagecache.cache_world import FILE, World
from tests.pagecache.staging import rendered


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _publish(world: World, ticket: str, fence: int, *, kept: bool, told: int = 0) -> Outcome:
    """`told`: where the versions were that the answers were found by."""
    page = rendered(world.folder / "staging", b"text", Position(1, fence))
    return world.cache.publish(ticket, replace(page, kept=Position(1, told) if kept else None))


@pytest.mark.parametrize("kept", [False, True])
def test_a_change_between_ticket_and_fence(world: World, kept: bool) -> None:
    """Guard: without kept answers all reads follow the fence, so that the change is in the page."""
    ticket = world.cache.begin("s1", "/")
    world.write("s1", 2000)
    outcome = _publish(world, ticket, 2500, kept=kept)
    assert (outcome.refused == CHANGED) == kept
    assert world.is_stored("s1", "/") != kept


@pytest.mark.parametrize("kept", [False, True])
def test_a_change_before_the_fence_of_which_the_invalidator_hears_later(world: World, kept: bool) -> None:
    _publish(world, world.cache.begin("s1", "/"), 2500, kept=kept)
    assert world.is_stored("s1", "/")
    world.write("s1", 2000)
    assert world.is_stored("s1", "/") != kept


def test_a_change_before_the_ticket_is_in_it(world: World) -> None:
    world.write("s1", 2000)
    assert _publish(world, world.cache.begin("s1", "/"), 2500, kept=True).refused is None


@pytest.mark.parametrize(("told", "is_in_it"), [(1999, False), (2000, True)])
def test_a_change_behind_the_ticket_that_the_answers_know_is_in_it(world: World, told: int, is_in_it: bool) -> None:
    """An editor's save is several transactions; a render begins with the first."""
    ticket = world.cache.begin("s1", "/")
    world.write("s1", 2000)
    assert (_publish(world, ticket, 2500, kept=True, told=told).refused is None) == is_in_it


def test_what_is_thrown_away_is_made_without(world: World) -> None:
    assert world.cache.begin("s1", "", "/").startswith(FRESH)
    assert not world.cache.begin("s1", "/").startswith(FRESH)


def test_versions_are_raised_before_a_change_counts_as_applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guard: a ticket that is given behind a change finds no answers from before it."""
    change = Transaction(1, Position(1, 2000), frozenset({Write("s1", "wp_posts", None)}))
    order: list[str] = []

    class OneChange:
        file = FILE

        def __init__(self, *arguments: Any) -> None:
            pass

        def transactions(self) -> list[Transaction]:
            return [change]

        def close(self) -> None:
            pass

    layout = Layout(tmp_path)
    for folder in (layout.run, layout.index_database.parent, layout.gates, layout.objects):
        folder.mkdir(parents=True, exist_ok=True)
    running = daemon.InvalidatorDaemon(layout, max_pages=10)
    monkeypatch.setattr(daemon, "Tailer", OneChange)
    monkeypatch.setattr(running, "_master", SimpleNamespace(settings={}, tailer_id=1, has=lambda place: True))
    place = SimpleNamespace(file=FILE, offset=1000)
    monkeypatch.setattr(
        running,
        "_invalidator",
        SimpleNamespace(place=place, passed=0, connect=lambda: None, apply=lambda *told: order.append("applied")),
    )
    monkeypatch.setattr(running, "_versions", SimpleNamespace(passed=lambda told: order.append("raised")))
    running._follow()
    assert order == ["raised", "applied"]

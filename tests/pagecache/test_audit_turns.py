"""The audit's turns: whose it is, how much time they take in the long run, and for whom they wait."""

from __future__ import annotations

import asyncio
import random

import pytest

from pressroom.pagecache.renderer.audit import ContinuousAudit, Page
from pressroom.system.budget import Budget

OLD, WANTED, OTHER = ("s1", "/old/"), ("s1", "/wanted/"), ("s2", "/")


class _Over(BaseException):
    """The time of a test."""


class World:
    """An audit whose clock is moved by its own sleeps and checks."""

    def __init__(self, share: float, *, until: float, seconds: tuple[float, float] = (0.03, 0.2)) -> None:
        self.now = 1000.0
        self.until = self.now + until
        self.checked: list[tuple[float, Page]] = []
        self.busy = 0.0
        self.idle = True
        self.unchecked: Page | None = OLD
        self.fails: Exception | None = None
        self._seconds = seconds
        self._chance = random.Random(7)
        self.audit = ContinuousAudit(
            Budget(share, lambda: self.now),
            check=self._check,
            is_idle=lambda: self.idle,
            wanted=lambda: WANTED,
            unchecked=self._unchecked,
            sleep=self._sleep,
            clock=lambda: self.now,
        )

    async def _check(self, page: Page) -> None:
        if self.now >= self.until:
            raise _Over
        self.checked.append((self.now, page))
        if self.fails:
            raise self.fails
        seconds = self._chance.uniform(*self._seconds)
        self.busy += seconds
        self.now += seconds

    async def _unchecked(self, site: str | None) -> Page | None:
        return self.unchecked

    async def _sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds
        if self.now >= self.until:
            raise _Over

    def run(self) -> None:
        with pytest.raises(_Over):
            asyncio.run(self.audit.run())


@pytest.mark.parametrize("percent", [0.5, 2, 25])
def test_the_budget_is_kept_over_an_hour(percent: float) -> None:
    world = World(percent / 100, until=3600)
    world.run()
    assert world.busy / 3600 == pytest.approx(percent / 100, rel=0.1)  # used, and not more


def test_nothing_is_saved_up_while_there_is_no_time() -> None:
    """Or a night of work would be followed by a morning of checks."""
    world = World(0.02, until=7200)
    world.idle = False
    began = world.now

    async def later(seconds: float) -> None:
        world.now += seconds
        if world.now > began + 3600:
            world.idle = True
        if world.now >= world.until:
            raise _Over

    world.audit._sleep = later
    world.run()
    assert world.checked[0][0] > began + 3600
    assert world.busy / 3600 == pytest.approx(0.02, rel=0.1)


def test_the_longest_unchecked_and_the_wanted_take_turns() -> None:
    world = World(0.5, until=60)
    world.run()
    assert [page for _, page in world.checked[:4]] == [OLD, WANTED, OLD, WANTED]


def _take_turns(world: World, turns: dict[Page, float]) -> None:
    """Run it on these pages, each with the time of its last turn."""

    async def unchecked(site: str | None) -> Page:
        page = min((page for page in turns if site in (None, page[0])), key=turns.__getitem__)
        turns[page] = world.now
        return page

    world.audit._unchecked = unchecked
    world.audit._wanted = lambda: None
    world.run()


def test_a_sites_pages_have_their_turns_together() -> None:
    """Each check wakes a site that sleeps: not one here and one there. Nobody is forgotten for it."""
    world = World(0.5, until=3600, seconds=(0.1, 0.1))
    turns: dict[Page, float] = {(f"s{site}", f"/{page}/"): 0.0 for page in range(20) for site in range(3)}
    _take_turns(world, turns)
    sites = [page[0] for _, page in world.checked]
    assert sites[:60] == ["s0"] * 20 + ["s1"] * 20 + ["s2"] * 20
    assert all(world.now - turn < 60 for turn in turns.values())


def test_a_large_site_lets_others_have_their_turn() -> None:
    world = World(0.02, until=3600, seconds=(0.1, 0.1))
    turns: dict[Page, float] = {OLD: 0.0, OTHER: 1.0} | {("s1", f"/{page}/"): 2.0 for page in range(300)}
    _take_turns(world, turns)
    assert OTHER in [page for _, page in world.checked[:30]]


def test_an_origin_that_hangs_does_not_end_the_audit() -> None:
    world = World(0.02, until=3600, seconds=(100.0, 120.0))
    world.run()
    assert len(world.checked) > 4


@pytest.mark.parametrize("why", [ConnectionError("the invalidator is away"), RuntimeError("a fault of ours"), None])
def test_it_rests_and_goes_on_when_nothing_can_be_checked(why: Exception | None) -> None:
    world = World(0.02, until=20)
    world.fails, world.unchecked = why, OLD if why else None
    world.audit._wanted = lambda: None
    world.run()
    assert (2 if why else 0) <= len(world.checked) <= 10


@pytest.mark.parametrize("share", [0.0, -1.0, 1.5])
def test_a_share_that_is_none(share: float) -> None:
    with pytest.raises(ValueError, match="no share"):
        Budget(share)

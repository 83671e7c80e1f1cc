"""The window in which a writer waits for new pages: how long it is, and who shares it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from pressroom.pagecache.invalidator import swap
from pressroom.pagecache.invalidator.swap import Swaps


class Site:
    """A site whose changes are held; the renderer answers after some seconds, or never."""

    def __init__(self, *, renders_for: float | None, there: bool = True) -> None:
        self.held = True
        self.settled: list[float] = []
        self.asked = 0
        self._renders_for = renders_for
        self._there = there
        self.swaps = Swaps(lambda site: self.held, self._settle, self._ask)

    def _settle(self, site: str) -> None:
        self.held = False
        self.settled.append(time.monotonic())

    async def _ask(self, site: str, seconds: float) -> bool:
        self.asked += 1
        if self._renders_for is not None:
            asyncio.get_running_loop().call_later(self._renders_for, self.swaps.rendered, site)
        return self._there

    async def wait(self) -> float:
        began = time.monotonic()
        await self.swaps.settled("s1")
        return time.monotonic() - began


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 10))


def test_it_ends_when_the_pages_are_made() -> None:
    async def test() -> None:
        site = Site(renders_for=0.02)
        assert 0.02 <= await site.wait() < swap.WINDOW
        assert len(site.settled) == 1

    run(test)


def test_it_ends_when_its_time_is_over() -> None:
    async def test() -> None:
        site = Site(renders_for=None)
        assert await site.wait() >= swap.WINDOW
        assert len(site.settled) == 1

    run(test)


def test_without_a_renderer_nobody_waits() -> None:
    async def test() -> None:
        site = Site(renders_for=None, there=False)
        assert await site.wait() < swap.WINDOW
        assert len(site.settled) == 1

    run(test)


def test_where_nothing_is_held_nobody_waits() -> None:
    async def test() -> None:
        site = Site(renders_for=None)
        site.held = False
        assert await site.wait() < swap.WINDOW
        assert (site.asked, site.settled) == (0, [])

    run(test)


def test_all_share_one_window() -> None:
    """Otherwise the last of many writers would wait longer than its patience, and close the gate."""

    async def test() -> None:
        site = Site(renders_for=None)
        waits = await asyncio.gather(*(site.wait() for _ in range(5)))
        assert max(waits) < swap.WINDOW * 2
        assert (site.asked, len(site.settled)) == (1, 1)

    run(test)


def test_what_comes_while_the_window_closes_is_settled_too() -> None:
    async def test() -> None:
        site = Site(renders_for=0.01)
        settle = site._settle

        def one_more(name: str) -> None:
            settle(name)
            site.held = len(site.settled) == 1  # the next change is there already

        site.swaps = Swaps(lambda name: site.held, one_more, site._ask)
        await site.wait()
        assert (site.held, site.asked, len(site.settled)) == (False, 1, 2)

    run(test)


def test_a_writer_that_hangs_up_leaves_the_others_waiting() -> None:
    async def test() -> None:
        site = Site(renders_for=0.1)
        first = asyncio.create_task(site.wait())
        await asyncio.sleep(0.01)
        second = asyncio.create_task(site.wait())
        await asyncio.sleep(0.01)
        first.cancel()
        await second
        assert len(site.settled) == 1

    run(test)


def test_what_came_while_the_window_closed_is_settled_whoever_hangs_up() -> None:
    """Its limit is over then: were it not settled, its pages would stay out of the store, and held, for ever."""

    async def test() -> None:
        loop, goes_on = asyncio.get_running_loop(), threading.Event()
        loop.set_default_executor(ThreadPoolExecutor(1))
        site = Site(renders_for=0.01)
        settle = site._settle

        def one_more(name: str) -> None:
            settle(name)
            if len(site.settled) == 1:
                site.held = True  # the next change is there already, and whatever works has its hands full
                loop.call_soon_threadsafe(lambda: loop.run_in_executor(None, goes_on.wait))

        site.swaps = Swaps(lambda name: site.held, one_more, site._ask)
        writer = asyncio.create_task(site.wait())
        await asyncio.sleep(0.2)
        writer.cancel()
        await asyncio.sleep(0.05)
        assert (site.held, len(site.settled)) == (True, 1)
        goes_on.set()
        while site.held:
            await asyncio.sleep(0.01)
        assert len(site.settled) == 2

    run(test)


def test_what_nobody_asks_about_is_settled_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swap, "HELD_AT_MOST", 0.05)

    async def test() -> None:
        site = Site(renders_for=None)
        site.swaps.was_held("s1")
        await asyncio.sleep(0.02)
        assert site.settled == []
        await asyncio.sleep(0.1)
        assert len(site.settled) == 1

    run(test)


def test_the_time_of_one_change_is_not_the_next_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor who saves once a second."""
    monkeypatch.setattr(swap, "HELD_AT_MOST", 0.2)

    async def test() -> None:
        site = Site(renders_for=0.01)
        site.swaps.was_held("s1")
        await site.wait()
        await asyncio.sleep(0.12)
        site.held = True
        await asyncio.sleep(0.12)
        assert (site.held, len(site.settled)) == (True, 1), "nobody has been told yet that it is held"
        site.swaps.was_held("s1")
        await asyncio.sleep(0.12)
        assert (site.held, len(site.settled)) == (True, 1)
        await asyncio.sleep(0.15)
        assert (site.held, len(site.settled)) == (False, 2)

    run(test)

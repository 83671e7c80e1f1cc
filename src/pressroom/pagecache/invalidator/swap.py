"""The pages wanted most are made anew while a writer waits, and take the old ones' place in one step.

A request that changed something is answered once its change is settled: the old pages are out. Until then they are
right, so the wait is used: the renderer makes the pages that are wanted most, and what it has made when the window
closes is in the store from the first request on (contract point 5).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

WINDOW = 0.3  # seconds that a writer waits for renders at the most
# A change that nobody asked about is settled after this time: its writer has died, or is long at work. Seconds.
HELD_AT_MOST = 1.0


class Swaps:
    """One window a site at a time; who comes later shares it. For one event loop."""

    def __init__(
        self,
        is_held: Callable[[str], bool],
        settle: Callable[[str], None],
        ask_renderer: Callable[[str, float], Awaitable[bool]],
    ) -> None:
        """`settle` may block; `ask_renderer` (site, seconds) is False when there is none to be asked."""
        self._is_held = is_held
        self._settle = settle
        self._ask_renderer = ask_renderer
        self._windows: dict[str, asyncio.Task[None]] = {}
        self._rendered: dict[str, asyncio.Event] = {}
        self._limits: dict[str, asyncio.TimerHandle] = {}

    async def settled(self, site: str) -> None:
        """Return when no change of the site that came before this call is held any more."""
        window = self._windows.get(site)
        if window is None:
            if not self._is_held(site):
                return
            window = asyncio.create_task(self._window(site))
            self._windows[site] = window
            window.add_done_callback(lambda done: self._windows.pop(site, None))
        await asyncio.shield(window)
        if self._is_held(site):  # it came while the window closed: no second one, for somebody has waited already
            await asyncio.shield(self._settled(site))  # its limit is over, whoever hangs up

    def rendered(self, site: str) -> None:
        """The renderer has made what is wanted most."""
        if site in self._rendered:
            self._rendered[site].set()

    def was_held(self, site: str) -> None:
        """A change is held from now on; it shall not be for ever."""
        self._end_limit(site)
        self._limits[site] = asyncio.get_running_loop().call_later(HELD_AT_MOST, self._settle_soon, site)

    def _end_limit(self, site: str) -> None:
        if (limit := self._limits.pop(site, None)) is not None:
            limit.cancel()

    async def _settled(self, site: str) -> None:
        """With its limit, which is not the next change's."""
        self._end_limit(site)
        await asyncio.to_thread(self._settle, site)

    def _settle_soon(self, site: str) -> None:
        del self._limits[site]
        if self._is_held(site):
            asyncio.get_running_loop().run_in_executor(None, self._settle, site)

    async def _window(self, site: str) -> None:
        done = self._rendered[site] = asyncio.Event()
        try:
            if await self._ask_renderer(site, WINDOW):
                async with asyncio.timeout(WINDOW):
                    await done.wait()
        except TimeoutError:
            pass
        finally:
            del self._rendered[site]
            await self._settled(site)

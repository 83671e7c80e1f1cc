"""Looks at the log of visits now and then: which pages are wanted, and how long answers took."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from pressroom.pagecache.renderer.access_log import AccessLog, Look, Visit
from pressroom.pagecache.renderer.demand import hits
from pressroom.pagecache.renderer.latency import LatencyHistory
from pressroom.system.messages import Message

_log = structlog.get_logger("renderer")
_TICK = 5.0  # seconds between looks
_MINUTE, _HOUR = 60.0, 3600.0


class Visits:
    """`demand` is told how often a page (site, key) was asked for since the last look.

    All work is done in a thread, one piece at a time. What cannot be saved (the disk is full) is told in the log and
    tried again; pages are rendered all the same.
    """

    def __init__(self, log: Path, history: LatencyHistory, demand: Callable[[str, str, int], None]) -> None:
        self._history = history
        self._demand = demand
        self._sites: tuple[str, ...] = ()
        self._visits = AccessLog(log, history.place())
        self._lock = asyncio.Lock()

    def attend(self, sites: Sequence[str]) -> None:
        """These are the sites there are."""
        self._sites = tuple(sites)

    async def run(self) -> None:
        saved = tidied = time.monotonic()
        while True:
            await asyncio.sleep(_TICK)
            now = time.monotonic()
            await self.look(save=now - saved >= _MINUTE, tidy=now - tidied >= _HOUR)
            saved = now if now - saved >= _MINUTE else saved
            tidied = now if now - tidied >= _HOUR else tidied

    async def told(self, site: str, since: float, until: float) -> Message:
        """What is known of a site between these times (Unix seconds), the last look included."""
        await self.look(save=True)
        async with self._lock:
            return await asyncio.to_thread(self._history.told, site, since, until)

    async def look(self, *, save: bool, tidy: bool = False) -> None:
        """Read what came since the last look."""
        wanted: dict[str, Counter[str]] = {}
        async with self._lock:
            try:
                wanted = await asyncio.to_thread(self._look, self._sites)
                if save:
                    await asyncio.to_thread(self._save)
                if tidy:
                    await asyncio.to_thread(self._history.tidy, self._sites, time.time())
            except sqlite3.Error as error:
                _log.warning("visits_not_saved", error=str(error))
        for site, keys in wanted.items():
            for key, count in keys.items():
                self._demand(site, key, count)

    def _look(self, sites: Sequence[str]) -> dict[str, Counter[str]]:
        load = os.getloadavg()[0] / (os.cpu_count() or 1)
        look = self._visits.look()
        by_site: dict[str, list[Visit]] = {site: [] for site in sites}
        for visit in look.visits:
            if (mine := by_site.get(visit.site.decode())) is not None:
                mine.append(visit)
        wanted = {}
        for site, visits in by_site.items():
            if visits:
                wanted[site] = hits(visits)
                self._history.add(site, Look(visits, look.weight), load)
        return wanted

    def _save(self) -> None:
        for breach in self._history.save(time.time(), self._visits.place):
            _log.warning("promise_broken", **vars(breach))

"""Looks at the sites' access logs now and then: which pages are wanted, and how long answers took."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from pressroom.pagecache.access_log import AccessLog, Look
from pressroom.pagecache.demand import hits
from pressroom.pagecache.latency import LatencyHistory

_log = structlog.get_logger("renderer")
_TICK = 5.0  # seconds between looks
_MINUTE, _HOUR = 60.0, 3600.0


class Visits:
    """`demand` is told how often a page (site, key) was asked for since the last look."""

    def __init__(self, logs: Path, history: LatencyHistory, demand: Callable[[str, str, int], None]) -> None:
        self._folder = logs
        self._history = history
        self._demand = demand
        self._logs: dict[str, AccessLog] = {}
        self._lock = asyncio.Lock()

    def attend(self, sites: Sequence[str]) -> None:
        """These are the sites there are."""
        self._logs = {site: self._logs.get(site) or AccessLog(self._folder / f"{site}.log") for site in sites}

    async def run(self) -> None:
        saved = tidied = time.monotonic()
        while True:
            await asyncio.sleep(_TICK)
            now = time.monotonic()
            is_save, is_tidy = now - saved >= _MINUTE, now - tidied >= _HOUR
            await self.look(save=is_save)
            saved = now if is_save else saved
            if is_tidy:
                async with self._lock:
                    await asyncio.to_thread(self._history.tidy, list(self._logs), time.time())
                tidied = now

    async def look(self, *, save: bool) -> None:
        """Read what came since the last look; with `save`, what is known is in the database afterwards."""
        async with self._lock:
            wanted = await asyncio.to_thread(self._look, dict(self._logs), save=save)
        for site, keys in wanted.items():
            for key, count in keys.items():
                self._demand(site, key, count)

    def _look(self, logs: dict[str, AccessLog], *, save: bool) -> dict[str, Counter[str]]:
        load = os.getloadavg()[0] / (os.cpu_count() or 1)
        wanted = {}
        for site, log in logs.items():
            look: Look = log.look()
            if look.visits:
                wanted[site] = hits(look.visits)
                self._history.add(site, look, load)
        for breach in self._history.save(time.time()) if save else ():
            _log.warning("promise_broken", **vars(breach))
        return wanted

"""The cron daemon: ``python -m pressroom.cron.daemon --root ROOT``, as the platform user."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import time
from pathlib import Path

import structlog

from pressroom.cron.options import DatabaseDown, OptionReader
from pressroom.cron.request import CronRequests
from pressroom.cron.roster import CronRoster, CronSite
from pressroom.cron.schedule import CronSchedule, Outcome, Sight
from pressroom.model.layout import Layout
from pressroom.system.daemon import log_as_json

_log = structlog.get_logger("cron")
SHORTEST_WAIT, LONGEST_WAIT = 0.25, 1.0  # seconds between two cycles; looks are gathered in between
DATABASE_AGAIN = 2.0  # seconds until a database that is down is tried again


class CronDaemon:
    """Joins the schedule (which decides) to the database, to nginx and to the clocks."""

    def __init__(self, layout: Layout) -> None:
        self._roster = CronRoster(layout.roster)
        self._schedule = CronSchedule()
        self._options = OptionReader(layout.mariadb_socket, layout.platform_user)
        self._requests = CronRequests(layout.internal_http_socket)
        self._sites: dict[str, CronSite] = {}
        self._runs: set[asyncio.Task[None]] = set()
        self._finished: dict[str, str] = {}
        self._unreadable: set[str] = set()
        self._unseen: set[str] = set()
        self._woken = asyncio.Event()
        self._database_from = 0.0
        self._database_down = self._nginx_down = False

    async def run(self, stop: asyncio.Event) -> None:
        """Cycle until `stop`."""
        _log.info("started", sites=len(self._roster.sites()))
        while not stop.is_set():
            self._woken.clear()
            await self._cycle()
            pause = self._schedule.seconds_until_next(time.time(), time.monotonic())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), min(max(pause, SHORTEST_WAIT), LONGEST_WAIT))
        for run in self._runs:
            run.cancel()
        _log.info("stopped", running=self._schedule.running())

    def wake(self) -> None:
        """End the wait between two cycles."""
        self._woken.set()

    async def _cycle(self) -> None:
        for run in [run for run in self._runs if run.done()]:
            self._runs.discard(run)
            run.result()  # A fault of ours: end loudly, the engine starts us again.
        sites = self._roster.sites()
        if sites is not self._sites:
            self._sites = sites
            self._schedule.attend(sites, time.monotonic())
            self._options.forget_all_but(sites)
        await self._look()
        started = [] if self._database_down else self._schedule.to_start(time.time(), time.monotonic())
        for name in started:
            run = asyncio.create_task(self._run(self._sites[name]))
            self._runs.add(run)
        finished, self._finished = self._finished, {}
        if started or finished:
            _log.info("cycle", started=started, ended=finished, running=self._schedule.running())

    async def _look(self) -> None:
        """Read the options of the sites whose turn it is."""
        if time.monotonic() < self._database_from:
            return
        names = [name for name in self._schedule.to_poll(time.monotonic()) if name in self._sites]
        seen: dict[str, Sight | None] = {}
        try:
            await asyncio.to_thread(self._read, [self._sites[name] for name in names], seen)
        except DatabaseDown as error:
            self._database_from = time.monotonic() + DATABASE_AGAIN
            if not self._database_down:  # Said once, not at every try.
                _log.warning("database_down", error=str(error))
            self._database_down = True
        else:
            if self._database_down and names:
                _log.info("database_up")
                self._database_down = False
        for name, sight in seen.items():
            self._note(name, sight)

    def _read(self, sites: list[CronSite], seen: dict[str, Sight | None]) -> None:
        seen.update(self._options.look(sites))

    def _note(self, name: str, sight: Sight | None) -> None:
        if sight is None:
            if name not in self._unseen:
                self._unseen.add(name)
                _log.warning("options_unseen", site=name, why="no such table, or it is locked or too slow")
            self._schedule.unseen(name, time.monotonic())
            return
        self._unseen.discard(name)
        if sight.unreadable and name not in self._unreadable:
            self._unreadable.add(name)
            _log.warning("schedule_unreadable", site=name, then="its wp-cron.php is run every five minutes")
        elif not sight.unreadable:
            self._unreadable.discard(name)
        self._schedule.observed(name, sight, time.time(), time.monotonic())

    async def _run(self, site: CronSite) -> None:
        began = time.monotonic()
        lock = self._schedule.lock_to_take_over(site.name, time.time())
        outcome, words = await self._requests.run(site, lock)
        self._schedule.answered(site.name, outcome, time.time(), time.monotonic())
        if outcome is Outcome.UNREACHABLE:
            if not self._nginx_down:
                _log.warning("nginx_down", error=words)
            self._nginx_down = True
        else:
            if self._nginx_down:
                _log.info("nginx_up")
            self._nginx_down = False
            self._finished[site.name] = f"{words} after {time.monotonic() - began:.1f} s"
        self._woken.set()


async def serve(layout: Layout) -> None:
    """Run until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    daemon = CronDaemon(layout)

    def end() -> None:
        stop.set()
        daemon.wake()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end)
    await daemon.run(stop)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    arguments = parser.parse_args()
    log_as_json()
    asyncio.new_event_loop().run_until_complete(serve(Layout(arguments.root)))
    sys.stderr.flush()
    os._exit(0)  # A thread that waits for a database that hangs must not hold up the end; it only reads.


if __name__ == "__main__":
    main()

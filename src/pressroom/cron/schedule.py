"""Decides which site is looked at and which is run, and when. Pure: it is told the time and does nothing itself.

Two clocks: `now` is Unix time, by which events are due and which may be set back or forward; `tick` is monotonic
seconds, by which we wait. Nothing waits for a point of `now`: what is due is decided afresh at every look.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

POLL_EVERY = 5.0  # seconds; an event that a visitor schedules for "now" is seen within this
LONGEST_POLL = 60.0  # for a site whose option cannot be read
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 900.0  # after a failed run; doubled
AT_LEAST_BETWEEN = 5.0  # from start to start of one site
UNREADABLE_EVERY = 300.0  # a site whose schedule only PHP can read is run as a plain crontab would
LONGEST_RUN = 300.0
SETTLES_WITHIN = 4.0  # after an early answer WordPress is loaded, then the lock is taken
LOCK_HOLDS = 60.0  # WP_CRON_LOCK_TIMEOUT: so long wp-cron.php refuses a second run
LONG_AFTER = 30.0  # a run that takes longer frees its place, else two slow sites would stop all others' events
LONG_RUNS = 4


@dataclass(frozen=True)
class Sight:
    """What a look at a site's options showed. `lock` is ``_transient_doing_cron`` (Unix time), and as it is written."""

    due: int | None
    lock: float | None = None
    lock_text: str = ""
    unreadable: bool = False


class Outcome(Enum):
    """How a request to wp-cron.php ended. With UNREACHABLE nginx did not answer: no fault of the site."""

    ANSWERED = "answered"
    FAILED = "failed"
    UNREACHABLE = "unreachable"


@dataclass
class _Run:
    due: int | None
    started_tick: float
    answered_at: float | None = None  # Unix time
    answered_tick: float = 0.0


@dataclass
class _Site:
    poll_at: float
    sight: Sight | None = None  # None: not to be acted on before the next look
    run: _Run | None = None
    not_before: float = 0.0
    last_start: float = -1e9
    pause: float = 0.0
    poll_pause: float = POLL_EVERY
    was_stuck: bool = False


class CronSchedule:
    """The state of all sites."""

    def __init__(self, *, at_once: int = 2) -> None:
        self._at_once = at_once
        self._sites: dict[str, _Site] = {}
        self._gone: set[str] = set()
        self._starts_from = 0.0

    def attend(self, names: Iterable[str], tick: float) -> None:
        """These are the sites now. New ones are looked at spread over the first interval, not all at once."""
        wanted = set(names)
        new = sorted(wanted - self._sites.keys())
        for number, name in enumerate(new):
            self._sites[name] = _Site(poll_at=tick + POLL_EVERY * number / len(new))
        self._gone = self._sites.keys() - wanted
        for name in [name for name in self._gone if self._sites[name].run is None]:
            self._forget(name)

    def to_poll(self, tick: float) -> list[str]:
        """The sites to look at now; each is then due for the next look."""
        names = [name for name, site in self._sites.items() if site.poll_at <= tick]
        for name in names:
            site = self._sites[name]
            site.poll_at = tick + site.poll_pause
        return names

    def observed(self, name: str, sight: Sight, now: float, tick: float) -> None:
        site = self._sites.get(name)
        if site is None:
            return
        site.poll_pause = POLL_EVERY
        site.poll_at = min(site.poll_at, tick + POLL_EVERY)
        site.sight = sight
        if site.run is not None and site.run.answered_at is not None:
            self._judge(name, site, site.run, sight, now, tick)

    def unseen(self, name: str, tick: float) -> None:
        """The site's option could not be read (no table yet, locked, too slow). Looked at less and less often."""
        site = self._sites.get(name)
        if site is None:
            return
        site.poll_pause = min(site.poll_pause * 2, LONGEST_POLL)
        site.poll_at = tick + site.poll_pause
        site.sight = None
        if site.run is not None and site.run.answered_at is not None:
            self._end(name, site, site.run, tick, failed=False)

    def to_start(self, now: float, tick: float) -> list[str]:
        """The sites to run now, marked as running. Who has waited longest since its last start comes first."""
        if tick < self._starts_from:
            return []
        ages = [tick - site.run.started_tick for site in self._sites.values() if site.run is not None]
        long_runs = min(sum(age >= LONG_AFTER for age in ages), LONG_RUNS)
        places = max(0, self._at_once - (len(ages) - long_runs))
        ready = [(site.last_start, name) for name, site in self._sites.items() if _is_ready(site, now, tick)]
        names = [name for _, name in sorted(ready) if name not in self._gone][:places]
        for name in names:
            site = self._sites[name]
            assert site.sight is not None
            site.run = _Run(site.sight.due, tick)
            site.last_start = tick
            site.not_before = tick + AT_LEAST_BETWEEN
        return names

    def lock_to_take_over(self, name: str, now: float) -> str:
        """A lock from the future (the clock was set back): wp-cron.php would refuse until then, unless it is named."""
        site = self._sites.get(name)
        sight = site.sight if site is not None else None
        if sight is None or sight.lock is None or sight.lock <= now + LOCK_HOLDS:
            return ""
        return sight.lock_text

    def answered(self, name: str, outcome: Outcome, now: float, tick: float) -> None:
        """The request has ended. Whether the run has, the next look shows: PHP may answer first and work then."""
        site = self._sites[name]
        assert site.run is not None
        site.sight = None
        site.poll_at = tick
        if outcome is Outcome.UNREACHABLE:
            self._starts_from = tick + 2.0
        if outcome is Outcome.ANSWERED and name not in self._gone:
            site.run.answered_at, site.run.answered_tick = now, tick
        else:
            self._end(name, site, site.run, tick, failed=outcome is Outcome.FAILED)

    def running(self) -> list[str]:
        return sorted(name for name, site in self._sites.items() if site.run is not None)

    def seconds_until_next(self, now: float, tick: float) -> float:
        """How long nothing can be to do, by what is known; may be infinite."""
        waits = [float("inf")]
        for site in self._sites.values():
            waits.append(site.poll_at - tick)
            if site.run is None and site.sight is not None and site.sight.due is not None:
                waits.append(max(site.sight.due - now, site.not_before - tick, self._starts_from - tick))
        return max(0.0, min(waits))

    def _judge(self, name: str, site: _Site, run: _Run, sight: Sight, now: float, tick: float) -> None:
        """After the answer: still at work, no further than before, or done?"""
        assert run.answered_at is not None
        # wp-cron.php answers before it loads WordPress (fastcgi_finish_request), and takes its lock after that.
        at_work = sight.lock is not None and run.answered_at < sight.lock <= now
        stuck = sight.due is not None and sight.due == run.due and sight.due <= now and not sight.unreadable
        settling = stuck and tick - run.answered_tick < SETTLES_WITHIN
        if settling or (at_work and tick - run.started_tick < LONGEST_RUN):
            site.poll_at = tick + (0.5 if settling else 1.0)
            return
        # Once may be chance: another event of the same second, scheduled while we ran.
        self._end(name, site, run, tick, failed=stuck and site.was_stuck)
        site.was_stuck = stuck

    def _end(self, name: str, site: _Site, run: _Run, tick: float, *, failed: bool) -> None:
        site.run = None
        site.pause = min(max(FIRST_PAUSE, site.pause * 2), LONGEST_PAUSE) if failed else 0.0
        # After a long run a site rests as long as it has run: it gets half of a place at the most.
        took = tick - run.started_tick
        rest = max(site.pause, took if took >= LONG_AFTER else 0.0)
        site.not_before = max(site.not_before, tick + rest)
        if name in self._gone:
            self._forget(name)

    def _forget(self, name: str) -> None:
        del self._sites[name]
        self._gone.discard(name)


def _is_ready(site: _Site, now: float, tick: float) -> bool:
    sight = site.sight
    if site.run is not None or sight is None or tick < site.not_before:
        return False
    if sight.lock is not None and now - LOCK_HOLDS < sight.lock <= now + LOCK_HOLDS:
        return False  # Someone runs it already; wp-cron.php would refuse.
    if sight.unreadable:
        return tick - site.last_start >= UNREADABLE_EVERY
    return sight.due is not None and sight.due <= now

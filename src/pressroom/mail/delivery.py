"""Takes accepted mail where it belongs: into the site's box, or through the spool to the relay."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace

import structlog

from pressroom.mail.box import Letter, catch
from pressroom.mail.rate import HourlyLimit
from pressroom.mail.relay import Outcome, RelayDown, send
from pressroom.mail.settings import Relay, SettingsFile
from pressroom.mail.spool import Spool, Waiting
from pressroom.model.errors import NoRights, NoSpace
from pressroom.model.layout import Layout

_log = structlog.get_logger("mail")
GIVE_UP_AFTER = 24 * 3600.0  # seconds
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 600.0  # seconds; doubled with each failure
CAUGHT_AN_HOUR = 10_000  # recipients of caught mail: a wall against floods, not a limit anyone should meet


class Delivery:
    """Accepts letters (`accept`) and works the queue off (`run`)."""

    def __init__(self, layout: Layout, settings: SettingsFile, *, first_pause: float = FIRST_PAUSE) -> None:
        self._layout = layout
        self._settings = settings
        self._first_pause = first_pause
        self._limit = HourlyLimit()
        self._spool = Spool(layout)
        self._disk = asyncio.Lock()  # The spool and the boxes are touched by one thread at a time.
        self._arrived = asyncio.Event()
        self._stopping = asyncio.Event()
        self._relay: Relay | None = None
        self._down_since: float | None = None
        self._down_pause = first_pause
        self._down_until = 0.0

    def open(self) -> int:
        return self._spool.open()

    async def accept(self, letter: Letter) -> str:
        """Keep the letter and return the SMTP answer. "250" means that it is on disk."""
        settings = self._settings.current()
        limit = settings.hourly_limit if settings.relay is not None else CAUGHT_AN_HOUR
        if not self._limit.take(letter.site, len(letter.recipients), limit):
            _log.warning("over_the_limit", site=letter.site, hourly_limit=limit)
            return f"451 4.7.1 This site has sent to {limit} recipients within the hour; try again later"
        try:
            async with self._disk:
                return await asyncio.to_thread(self._keep, letter, settings.relay)
        except (NoSpace, NoRights, OSError) as error:
            _log.error("mail_not_kept", site=letter.site, error=str(error))
            return "452 4.3.1 The message could not be stored; try again later"

    def _keep(self, letter: Letter, relay: Relay | None) -> str:
        if relay is None:
            catch(self._layout, letter, why="no relay is set up; mail is kept here")
            _log.info("caught", site=letter.site, recipients=len(letter.recipients), size=len(letter.content))
            return "250 2.0.0 Caught"
        if not self._spool.has_room(letter.site, len(letter.content)):
            return "452 4.3.1 Too much mail of this site waits for the relay; try again later"
        self._spool.add(letter)
        self._arrived.set()
        return "250 2.0.0 Queued"

    # -- the queue -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work the queue off until `stop`."""
        while not self._stopping.is_set():
            self._arrived.clear()
            try:
                worked = await self._one()
            except (NoSpace, NoRights, OSError) as error:
                _log.error("queue_stuck", error=str(error), again_in=self._first_pause)
                await asyncio.sleep(self._first_pause)
                continue
            if not worked:
                await self._pause()

    def stop(self) -> None:
        """Let `run` end once the message that is under way is settled."""
        self._stopping.set()
        self._arrived.set()

    async def _pause(self) -> None:
        """Until a letter arrives, the next one is due, or (something waits) the settings may have changed."""
        due = self._spool.next_time()
        seconds = None if due is None else min(5.0, max(due, self._down_until) - time.monotonic())
        with contextlib.suppress(TimeoutError):
            if self._down_until > time.monotonic():  # New arrivals must not wake us: the relay is down.
                await asyncio.wait_for(self._stopping.wait(), max(0.05, seconds or 0.05))
            else:
                await asyncio.wait_for(self._arrived.wait(), None if seconds is None else max(0.05, seconds))

    async def _one(self) -> bool:
        """Try one message. False when there is nothing to do now."""
        relay = self._settings.current().relay
        if relay != self._relay:
            self._relay, self._down_until = relay, 0.0  # Other settings deserve a try at once.
        now = time.monotonic()
        if relay is None:
            return await self._catch_all() > 0
        if now < self._down_until or (waiting := self._spool.next_ready(now)) is None:
            return False
        async with self._disk:
            letter = await asyncio.to_thread(self._spool.read, waiting)
        if letter is None:
            return True
        try:
            outcome = await asyncio.to_thread(send, relay, letter)
        except RelayDown as error:
            self._relay_is_down(str(error))
            async with self._disk:
                await asyncio.to_thread(self._wait_or_give_up, waiting, letter, str(error))
            return True
        self._relay_is_up()
        async with self._disk:
            await asyncio.to_thread(self._settle, waiting, letter, outcome)
        return True

    def _wait_or_give_up(self, tried: Waiting, letter: Letter, error: str) -> None:
        """The relay is down: all that is too old is given up now, for only one message is tried at a time."""
        self._settle(tried, letter, _all_later(letter, error))
        for waiting in self._spool.all():
            if _is_old(waiting) and (old := self._spool.read(waiting)) is not None:
                self._settle(waiting, old, _all_later(old, error))

    async def _catch_all(self) -> int:
        """The relay was taken out of the settings: what waits for it goes into the boxes."""
        moved = 0
        for waiting in self._spool.all():
            async with self._disk:
                letter = await asyncio.to_thread(self._spool.read, waiting)
                if letter is not None:
                    await asyncio.to_thread(catch, self._layout, letter, why="the relay was removed before it was sent")
                    self._spool.remove(waiting)
                    moved += 1
        if moved:
            _log.info("queue_caught", messages=moved, why="no relay is set up any more")
        return moved

    def _settle(self, waiting: Waiting, letter: Letter, outcome: Outcome) -> None:
        """Bounce what is refused for good (or too old), keep what may go later. The bounce is on disk first."""
        never, later = dict(outcome.never), dict(outcome.later)
        if later and _is_old(waiting):
            never |= {one: f"given up after 24 hours: {words}" for one, words in later.items()}
            later = {}
        if never:
            reasons = "; ".join(sorted(set(never.values())))[:600]
            catch(self._layout, replace(letter, recipients=tuple(never)), why=f"not delivered: {reasons}")
        if not later:
            self._spool.remove(waiting)
        else:
            if set(later) != set(letter.recipients):
                self._spool.keep_for(waiting, replace(letter, recipients=tuple(later)))
            waiting.attempts += 1
            pause = min(self._first_pause * 2 ** min(waiting.attempts - 1, 16), LONGEST_PAUSE)
            waiting.not_before = time.monotonic() + (0.0 if self._down_since is not None else pause)
        sent = len(letter.recipients) - len(never) - len(later)
        if sent or never or self._down_since is None:
            _log.info("delivery", site=letter.site, sent=sent, bounced=len(never), waiting=len(later))

    def _relay_is_down(self, why: str) -> None:
        if self._down_since is None:  # Said once, not at every try.
            self._down_since = time.monotonic()
            self._down_pause = self._first_pause
            _log.warning("relay_down", error=why, waiting=len(self._spool))
        self._down_until = time.monotonic() + self._down_pause
        self._down_pause = min(self._down_pause * 2, LONGEST_PAUSE)

    def _relay_is_up(self) -> None:
        if self._down_since is not None:
            _log.info("relay_up", down_seconds=round(time.monotonic() - self._down_since, 1))
        self._down_since, self._down_until, self._down_pause = None, 0.0, self._first_pause


def _is_old(waiting: Waiting) -> bool:
    return time.time() - waiting.accepted_at >= GIVE_UP_AFTER


def _all_later(letter: Letter, error: str) -> Outcome:
    return Outcome(later=dict.fromkeys(letter.recipients, f"the relay cannot be used: {error}"))

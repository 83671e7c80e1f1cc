"""Renders under way: each has a ticket, by which its page is published and its own writes are known in the binlog."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from pressroom.pagecache.binlog.positions import Position, Write
from pressroom.pagecache.invalidator.quiet import Identity

# A ticket that nobody gave back is forgotten after this time; its render's own writes count as others' then. Seconds.
TICKET_LIFE = 120.0


@dataclass
class Render:
    """One render of a ``page``, to be stored by its ``key`` (empty for one that is thrown away).

    ``place`` is where the tailer was when it began, ``changes`` how many transactions it wrote itself, ``wrote`` what
    (rows, and their tables), ``wrote_to`` where the last of these writes ends.
    """

    ticket: str
    site: str
    key: str
    began: float
    place: Position | None
    page: str
    changes: int = 0
    wrote: set[Identity] = field(default_factory=set)
    wrote_to: Position | None = None


class Renders:
    """The tickets. Not thread-safe: the invalidator holds its lock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._renders: dict[str, Render] = {}

    def begin(self, site: str, key: str, place: Position | None, page: str) -> Render:
        render = Render(secrets.token_urlsafe(18), site, key, self._clock(), place, page)
        self._renders[render.ticket] = render
        return render

    def get(self, ticket: str) -> Render | None:
        return self._renders.get(ticket)

    def end(self, ticket: str) -> Render | None:
        return self._renders.pop(ticket, None)

    def end_all(self, site: str) -> int:
        """Forget those of a site, so that none is published. Returns how many there were."""
        tickets = [ticket for ticket, render in self._renders.items() if render.site == site]
        for ticket in tickets:
            del self._renders[ticket]
        return len(tickets)

    def any_of(self, site: str) -> bool:
        return any(render.site == site for render in self._renders.values())

    def oldest_place(self, site: str) -> Position | None:
        """Where the tailer was when the oldest render of the site began; None when none is under way."""
        places = [render.place for render in self._renders.values() if render.site == site and render.place]
        return min(places, default=None)

    def overdue(self) -> list[str]:
        """Tickets that should have come back long ago."""
        limit = self._clock() - TICKET_LIFE
        return [ticket for ticket, render in self._renders.items() if render.began < limit]

    def author(self, site: str, writes: Collection[Write]) -> Render | None:
        """The render that wrote all of it, if one did."""
        marks = {write.author for write in writes}
        mark = marks.pop() if len(marks) == 1 else None
        render = self._renders.get(mark) if mark else None
        if render is None or render.site != site or any(write.table is None for write in writes):
            return None
        return render

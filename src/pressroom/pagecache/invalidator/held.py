"""A change that is held: the old pages stay until its writer asks at the barrier (see `swap`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pressroom.pagecache.binlog.positions import Place, Position
from pressroom.pagecache.invalidator.index import PageRow


@dataclass(frozen=True)
class Touch:
    """What a change did to one page: the end of the last that touched it, why in words, and the reads it touched."""

    end: Position
    why: str
    reads: frozenset[int]


@dataclass
class Held:
    """Changes whose writers have not asked yet; ``before`` is the tailer's place that includes none of them.

    ``pages`` are those that rows touched, by key; ``all_until`` is the end of what touched all pages, if anything did.
    A page that is rendered between the two can be older than either.
    """

    before: Place | None
    end: Position
    why: str
    all_until: Position | None = None
    pages: dict[str, Touch] = field(default_factory=dict)

    def add(self, pages: Mapping[str, Touch]) -> None:
        for key, touch in pages.items():
            before = self.pages.get(key)
            reads = touch.reads | before.reads if before else touch.reads
            self.pages[key] = Touch(touch.end, touch.why, reads)

    def touch_of(self, page: PageRow) -> Touch | None:
        """By what rows the page was touched, unless it was rendered after them."""
        touch = self.pages.get(page.key)
        return touch if touch is not None and page.fence < touch.end else None

    def is_right(self, page: PageRow) -> bool:
        """Whether the page was rendered after all that touched it."""
        return self.touch_of(page) is None and (self.all_until is None or page.fence >= self.all_until)

"""Which pages a change touches: those whose reads its rows may have changed, less what is proven to be as it was."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from pressroom.pagecache.binlog.positions import Position, RowChange
from pressroom.pagecache.matching.dependencies import Dependencies
from pressroom.pagecache.matching.history import described
from pressroom.pagecache.matching.neighbours import Neighbours, may_be_later
from pressroom.pagecache.matching.reads import Statement
from pressroom.pagecache.matching.rerun import Question, Rerun

_LONGEST_READ = 200  # characters
# Seconds from when a change came until nothing more is asked: there are 50 ms in all (ADR 10), and others are in line.
_BUDGET = 0.022
_SETTLED = 0.03  # the same, where the change's author waits
_LEAST_BUDGET = 0.008  # seconds that there are for asking, however long the looking took
_MOST_ASKED = 500  # reads; there is no time to ask for more
_FEW_READS = 4  # these are asked again at once
_MOST_LOOKED_AT = 2_000  # reads; others wait meanwhile
_SHARED = 50  # different values; what pages have in common is asked with few
_MOST_ROWS = 10  # of a transaction whose rows' neighbours are looked for; WordPress changes one at a time


@dataclass(frozen=True)
class Touched:
    """``rows``: by the number of each read that is not as it was, the row that says so. ``pages``: by number, which of
    these reads each page made. ``unchanged`` more reads gave what they gave when they were asked again. ``nearly_all``:
    these reads concern nearly all pages of the site, or are too many to be told apart in time; no page is named.
    """

    rows: Mapping[int, RowChange]
    pages: Mapping[int, frozenset[int]]
    unchanged: int
    nearly_all: bool = False


class Touches:
    """Not thread-safe: the invalidator holds its lock."""

    def __init__(self, dependencies: Dependencies, rerun: Rerun | None) -> None:
        """`rerun` asks MariaDB again what a change may have changed; without it, it counts as changed."""
        self._dependencies = dependencies
        self._rerun = rerun

    def connect(self) -> None:
        """Raises pymysql's errors."""
        if self._rerun is not None:
            self._rerun.connect()

    def find(
        self,
        site: str,
        rows: Sequence[RowChange],
        end: Position,
        is_nearly_all: Callable[[int], bool] | None = None,
        *,
        came: float | None = None,
        ask: bool = True,
        at_once: Callable[[Touched], None] = lambda touched: None,
    ) -> Touched:
        """What these rows touch; their transaction ends at `end`, and `came` (now) is its own. Raises pymysql's errors
        for an unknown schema.

        `ask` MariaDB whether a read gives what it gave; without it, what may have changed counts as changed. What is
        certain before that is told `at_once`; it is part of the answer too.

        `is_nearly_all` tells whether nearly all pages made this read. It is asked where many more would have to be
        looked at: a change of what each page shows must not wait for them. Without it they are looked at, however many.
        """
        with nullcontext() if self._rerun is None else self._rerun.one_snapshot():
            now = time.monotonic()
            until = max((now if came is None else came) + _BUDGET, now + _LEAST_BUDGET)
            return self._find(site, rows, end, is_nearly_all, until, ask=ask, at_once=at_once)

    def _find(
        self,
        site: str,
        rows: Sequence[RowChange],
        end: Position,
        is_nearly_all: Callable[[int], bool] | None,
        until: float,
        *,
        ask: bool,
        at_once: Callable[[Touched], None],
    ) -> Touched:
        found, is_all = self._dependencies.touched(site, rows, most=_SHARED)
        same: set[int] = set()
        if not is_all and is_nearly_all is not None:
            for read in self._dependencies.by_share(found)[:_FEW_READS]:
                if not is_nearly_all(read):
                    break
                if not ask or not self._unchanged(site, [read], end, until):
                    return Touched({read: found[read]}, {}, len(same), nearly_all=True)
                same.add(read)
        if not is_all or len(found) >= _FEW_READS:
            with self._neighbours(site, rows, end, until, ask=ask) as near:
                if not is_all:
                    most = None if is_nearly_all is None else _MOST_LOOKED_AT
                    found, is_all = self._dependencies.touched(
                        site, rows, most=most, meets=near.meets if near else None
                    )
                if not is_all:
                    return Touched(found, {}, 0, nearly_all=True)
                if near is not None and len(found) <= _MOST_LOOKED_AT:
                    for read in near.unmet(self._dependencies.statements(found)):
                        del found[read]
        if ask:
            certain = self._certain(site, rows, found)
            if certain:
                at_once(Touched({read: found[read] for read in certain}, self._dependencies.pages(certain), 0))
            asked = found.keys() - same - certain
            same |= self._unchanged(site, asked, end, max(until, time.monotonic() + _LEAST_BUDGET))
        changed = {read: row for read, row in found.items() if read not in same}
        return Touched(changed, self._dependencies.pages(changed), len(same & found.keys()))

    def _certain(self, site: str, rows: Sequence[RowChange], found: Mapping[int, RowChange]) -> set[int]:
        """Those that a row has changed beyond doubt. Of two rows of a table one may make up for the other."""
        if len(found) > _MOST_ASKED:
            return set()
        tables = Counter(row.table for row in rows)
        analyst = self._dependencies.analyst(site)
        alone = {read: row for read, row in found.items() if tables[row.table] == 1}
        reads = self._dependencies.statements(alone)
        return {number for number, read in reads.items() if analyst.surely_touches(read, alone[number])}

    @contextmanager
    def _neighbours(
        self, site: str, rows: Sequence[RowChange], end: Position, until: float, *, ask: bool
    ) -> Iterator[Neighbours | None]:
        """None when they cannot be told."""
        if not ask or self._rerun is None or len(rows) > _MOST_ROWS or any(row.is_unknown for row in rows):
            yield None
            return
        with self._rerun.neighbours(site, end, until, may_be_later(rows)) as look:
            yield Neighbours(self._dependencies.analyst(site), rows, look) if look else None

    def unchanged(self, site: str, reads: Collection[int], end: Position) -> set[int]:
        """Of these reads, those that give what they gave, in a state that includes what ends at `end`."""
        return self._unchanged(site, reads, end, time.monotonic() + _SETTLED)

    def _unchanged(self, site: str, reads: Collection[int], end: Position, until: float) -> set[int]:
        if self._rerun is None or not reads or len(reads) > _MOST_ASKED:
            return set()
        # There may be no time for all of them.
        questions = self._dependencies.questions(site, self._dependencies.by_share(reads))
        return self._rerun.unchanged(site, questions, end, until) if questions else set()

    def still_give(self, site: str, reads: Sequence[Statement], end: Position) -> bool:
        """Whether all of these, of a page that is not stored yet, give what they gave."""
        analyst = self._dependencies.analyst(site)
        questions = [Question(number, read) for number, read in enumerate(reads) if analyst.can_be_asked(read)]
        if self._rerun is None or len(questions) < len(reads):
            return False
        until = time.monotonic() + _SETTLED
        return len(self._rerun.unchanged(site, questions, end, until)) == len(reads)

    def why(self, site: str, touched: Touched, page: int) -> str:
        """In words, by one row and one read of the page: "wp_posts ID=12: post_title; read by SELECT …"."""
        return self.why_read(site, touched, min(touched.pages[page]))

    def why_read(self, site: str, touched: Touched, read: int) -> str:
        """The same of one of its reads."""
        row = described(touched.rows[read], self._dependencies.analyst(site).schema)
        return f"{row}; read by {self._dependencies.text(read)[:_LONGEST_READ]}"

"""Which pages a change touches: those whose reads its rows may have changed, less what is proven to be as it was."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pressroom.pagecache.dependencies import Dependencies
from pressroom.pagecache.history import described
from pressroom.pagecache.neighbours import Neighbours
from pressroom.pagecache.positions import Position, RowChange
from pressroom.pagecache.rerun import Rerun

_LONGEST_READ = 200  # characters
_MOST_ASKED = 500  # reads; there is no time to ask for more
_FEW_READS = 4  # these are asked again at once
_MOST_LOOKED_AT = 5_000  # reads; others wait meanwhile
_MOST_ROWS = 10  # of a transaction whose rows' neighbours are looked for; WordPress changes one at a time


@dataclass(frozen=True)
class Touched:
    """``rows``: by the number of each read that is not as it was, the row that says so. ``pages``: by number, which of
    these reads each page made. ``unchanged`` more reads gave what they gave when they were asked again.
    """

    rows: Mapping[int, RowChange]
    pages: Mapping[int, frozenset[int]]
    unchanged: int


class Touches:
    """Not thread-safe: the invalidator holds its lock."""

    def __init__(self, dependencies: Dependencies, rerun: Rerun | None) -> None:
        """`rerun` asks MariaDB again what a change may have changed; without it, it counts as changed."""
        self._dependencies = dependencies
        self._rerun = rerun

    def find(self, site: str, rows: Sequence[RowChange], end: Position) -> Touched:
        """What these rows touch; their transaction ends at `end`. Raises pymysql's errors for an unknown schema."""
        found = self._dependencies.touched(site, rows)
        for read in self._unmet(site, found, rows, end):
            del found[read]
        same = self.unchanged(site, found, end)
        changed = {read: row for read, row in found.items() if read not in same}
        return Touched(changed, self._dependencies.pages(changed), len(same))

    def _unmet(self, site: str, reads: Collection[int], rows: Sequence[RowChange], end: Position) -> set[int]:
        """Of these reads, those that join nothing with the changed rows."""
        not_worth_it = len(reads) < _FEW_READS or len(reads) > _MOST_LOOKED_AT or len(rows) > _MOST_ROWS
        if self._rerun is None or not_worth_it or any(row.is_unknown for row in rows):
            return set()
        with self._rerun.neighbours(site, end) as look:
            if look is None:
                return set()
            neighbours = Neighbours(self._dependencies.analyst(site), rows, look)
            return neighbours.unmet(self._dependencies.statements(reads))

    def unchanged(self, site: str, reads: Collection[int], end: Position) -> set[int]:
        """Of these reads, those that give what they gave, in a state that includes what ends at `end`."""
        if self._rerun is None or not reads or len(reads) > _MOST_ASKED:
            return set()
        questions = self._dependencies.questions(site, reads)
        return self._rerun.unchanged(site, questions, end) if questions else set()

    def why(self, site: str, touched: Touched, page: int) -> str:
        """In words, by one row and one read of the page: "wp_posts ID=12: post_title; read by SELECT …"."""
        read = min(touched.pages[page])
        row = described(touched.rows[read], self._dependencies.analyst(site).schema)
        return f"{row}; read by {self._dependencies.text(read)[:_LONGEST_READ]}"

"""How long answers took: histograms by site, minute, and hit, miss or bypass, in SQLite; an hour each after two days.

The promise: 99 of 100 hits within 37 ms of server time. A minute in which it was broken is kept with its cause.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from hdrh.histogram import HdrHistogram

from pressroom.pagecache import sqlite
from pressroom.pagecache.renderer.access_log import Look, Place, Visit
from pressroom.system.messages import Message

_log = structlog.get_logger("renderer")
PROMISE = 37  # milliseconds
HIT, MISS, BYPASS = STATES = ("hit", "miss", "bypass")
_PERCENTILE = 99.0
_FEWEST = 100  # hits of a minute that make a breach of the promise
_MINUTE, _HOUR = 60, 3600  # seconds
_LINES_COME_LATE = 10  # for nginx writes them in blocks, and they are looked at now and then
_MINUTES_KEPT, _HOURS_KEPT = 2 * 86400, 35 * 86400
_LONGEST = 600_000  # milliseconds
_SLOWEST = 10  # paths of a minute, of an hour, or told of
_BREACHES_TOLD = 20
_LARGE = 64 * 1024  # bytes that fit a connection's buffers, so that their receiver is not waited for
_VERSION = 2
_SCHEMA = """
CREATE TABLE spans (
    site TEXT NOT NULL, start INTEGER NOT NULL, seconds INTEGER NOT NULL,
    state TEXT NOT NULL, reason TEXT NOT NULL, histogram BLOB NOT NULL,
    PRIMARY KEY (site, start, seconds, state, reason)
) WITHOUT ROWID;
CREATE TABLE slow (
    site TEXT NOT NULL, start INTEGER NOT NULL, seconds INTEGER NOT NULL,
    state TEXT NOT NULL, path TEXT NOT NULL, requests INTEGER NOT NULL, worst INTEGER NOT NULL, -- milliseconds
    PRIMARY KEY (site, start, seconds, state, path)
) WITHOUT ROWID;
CREATE TABLE breaches (
    site TEXT NOT NULL, start INTEGER NOT NULL, hits INTEGER NOT NULL, late INTEGER NOT NULL, p99 INTEGER NOT NULL,
    cause TEXT NOT NULL, PRIMARY KEY (site, start)
) WITHOUT ROWID;
CREATE TABLE place (inode INTEGER NOT NULL, offset INTEGER NOT NULL); -- up to where the log is in it
"""


def histogram() -> HdrHistogram:
    """Of milliseconds, exact up to 255, above that to 1 %."""
    return HdrHistogram(1, _LONGEST, 2)


def within(answers: HdrHistogram, milliseconds: int = PROMISE) -> int:
    """How many took that long at the most."""
    return sum(answers.get_count_at_value(value) for value in range(milliseconds + 1))


@dataclass
class Slow:
    """Answers of one path that took longer than promised."""

    requests: int = 0
    worst: int = 0

    def add(self, requests: int, worst: int) -> None:
        self.requests += requests
        self.worst = max(self.worst, worst)


@dataclass
class Span:
    """A site's minute, or a longer time. ``answers`` by state and reason, ``slow`` by state and path."""

    answers: dict[tuple[str, str], HdrHistogram] = field(default_factory=dict)
    slow: dict[tuple[str, str], Slow] = field(default_factory=dict)
    load: float = 0.0  # the machine's, for each processor
    late_and_large: int = 0

    def of(self, state: str, reason: str) -> HdrHistogram:
        return self.answers.setdefault((state, reason), histogram())

    def all_of(self, *states: str) -> HdrHistogram:
        """Those of some states, with whatever reason."""
        merged = histogram()
        for (state, _), answers in self.answers.items():
            if state in states:
                merged.add(answers)
        return merged


@dataclass(frozen=True)
class Breach:
    """A minute (from ``start``, Unix seconds) in which the promise was broken: ``late`` of ``hits``; p99 in ms."""

    site: str
    start: int
    hits: int
    late: int
    p99: int
    cause: str


class LatencyHistory:
    """All sites'. Not thread-safe."""

    def __init__(self, path: Path) -> None:
        """Where it cannot be kept (the disk is full), it is remembered until the process ends."""
        try:
            self._open_database(path)
        except sqlite3.Error as error:
            _log.warning("latency_not_kept", error=str(error))
            self._open_database(Path(":memory:"))
        self._open: dict[tuple[str, int], Span] = {}

    def _open_database(self, path: Path) -> None:
        self._db = sqlite.opened(path)
        if sqlite.version(self._db) != _VERSION:
            sqlite.create_anew(self._db, _SCHEMA, _VERSION)

    def close(self) -> None:
        self._db.close()

    # -- writing -------------------------------------------------------------------------------------------

    def add(self, site: str, look: Look, load: float) -> None:
        """`load`: how many processes wait for, or have, each processor of the machine."""
        counted: Counter[tuple[int, str, str, int]] = Counter()
        for visit in look.visits:
            if visit.state.decode() in STATES:
                minute = int(visit.at) // _MINUTE * _MINUTE
                took = int(visit.seconds.replace(b".", b""))
                counted[(minute, visit.state.decode(), visit.reason.decode(), took)] += 1
                if took > PROMISE:
                    self._late(self._span(site, minute), visit, took, max(1, round(look.weight)))
        for (minute, state, reason, took), count in counted.items():
            span = self._span(site, minute)
            span.load = max(span.load, load)
            span.of(state, reason).record_value(min(took, _LONGEST), max(1, round(count * look.weight)))

    def _span(self, site: str, minute: int) -> Span:
        return self._open.setdefault((site, minute), Span())

    @staticmethod
    def _late(span: Span, visit: Visit, took: int, count: int) -> None:
        path = visit.target.partition(b"?")[0].decode(errors="replace")
        span.slow.setdefault((visit.state.decode(), path), Slow()).add(count, took)
        if visit.state == b"hit" and int(visit.size) > _LARGE:
            span.late_and_large += count

    def place(self) -> Place | None:
        """Up to where the log was saved."""
        row = self._db.execute("SELECT inode, offset FROM place").fetchone()
        return Place(*row) if row else None

    def save(self, now: float, place: Place | None) -> list[Breach]:
        """Write down what was added, and where the log was then; returns the breaches of minutes that are over."""
        over = int(now) - _LINES_COME_LATE - _MINUTE
        breaches, left = [], {}
        with sqlite.transaction(self._db):
            for (site, minute), span in self._open.items():
                self._merge(site, minute, _MINUTE, span)
                if minute > over:
                    # What it held is in the database by now; the rest of the minute is added to that.
                    left[site, minute] = Span(load=span.load, late_and_large=span.late_and_large)
                    continue
                self._keep_slowest(site, minute)
                breach = self._breach(site, minute, span)
                if breach is not None:
                    breaches.append(breach)
                    self._db.execute(
                        "INSERT OR REPLACE INTO breaches VALUES (?, ?, ?, ?, ?, ?)", tuple(vars(breach).values())
                    )
            if place is not None:
                self._db.execute("DELETE FROM place")
                self._db.execute("INSERT INTO place VALUES (?, ?)", place)
        self._open = left
        return breaches

    def _merge(self, site: str, start: int, seconds: int, span: Span) -> None:
        for (state, reason), answers in span.answers.items():
            where = (site, start, seconds, state, reason)
            row = self._db.execute(
                "SELECT histogram FROM spans WHERE site=? AND start=? AND seconds=? AND state=? AND reason=?", where
            ).fetchone()
            merged = HdrHistogram.decode(row[0]) if row else histogram()
            merged.add(answers)
            self._db.execute("INSERT OR REPLACE INTO spans VALUES (?, ?, ?, ?, ?, ?)", (*where, merged.encode()))
        slowest = sorted(span.slow.items(), key=lambda item: -item[1].worst)[:_SLOWEST]
        for (state, path), slow in slowest:
            self._db.execute(
                "INSERT INTO slow VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                " requests = requests + excluded.requests, worst = max(worst, excluded.worst)",
                (site, start, seconds, state, path, slow.requests, slow.worst),
            )

    def _keep_slowest(self, site: str, minute: int) -> None:
        where = (site, minute, _MINUTE)
        self._db.execute(
            "DELETE FROM slow WHERE site=? AND start=? AND seconds=? AND (state, path) NOT IN (SELECT state, path"
            " FROM slow WHERE site=? AND start=? AND seconds=? ORDER BY worst DESC LIMIT ?)",
            (*where, *where, _SLOWEST),
        )

    def _breach(self, site: str, minute: int, last: Span) -> Breach | None:
        whole = self.read(site, minute, minute + _MINUTE)
        hits = whole.all_of(HIT)
        count, p99 = hits.get_total_count(), hits.get_value_at_percentile(_PERCENTILE)
        if count < _FEWEST or p99 <= PROMISE:
            return None
        late = count - within(hits)
        worst = max(((slow.worst, path) for (state, path), slow in whole.slow.items() if state == HIT), default=None)
        if last.late_and_large * 2 > late:
            cause = "large answers to visitors who received them slowly"
        elif last.load > 1:
            cause = f"the machine was busy: load {last.load:.1f} for each processor"
        else:
            cause = "not known" + (f"; the latest was {worst[1]}, {worst[0]} ms" if worst else "")
        return Breach(site, minute, count, late, p99, cause)

    def tidy(self, sites: Collection[str], now: float) -> None:
        """Put old minutes together to hours, and forget what is very old, or of sites that are gone."""
        old = int(now - _MINUTES_KEPT) // _HOUR * _HOUR
        with sqlite.transaction(self._db):
            hours = self._db.execute(
                f"SELECT DISTINCT site, start / {_HOUR} * {_HOUR} FROM spans WHERE seconds=? AND start<?",
                (_MINUTE, old),
            )
            for site, hour in hours.fetchall():
                span = self.read(site, hour, hour + _HOUR, seconds=_MINUTE)
                for table in ("spans", "slow"):
                    self._db.execute(
                        f"DELETE FROM {table} WHERE site=? AND start>=? AND start<? AND seconds=?",
                        (site, hour, hour + _HOUR, _MINUTE),
                    )
                self._merge(site, hour, _HOUR, span)
            for table in ("spans", "slow", "breaches"):
                self._db.execute(f"DELETE FROM {table} WHERE start<?", (int(now) - _HOURS_KEPT,))
            gone = {site for (site,) in self._db.execute("SELECT DISTINCT site FROM spans")} - set(sites)
            for table in ("spans", "slow", "breaches"):
                self._db.executemany(f"DELETE FROM {table} WHERE site=?", [(site,) for site in gone])

    # -- reading -------------------------------------------------------------------------------------------

    def read(self, site: str, since: float, until: float, *, seconds: int | None = None) -> Span:
        """What was saved of the minutes and hours that began between these times; `seconds`: of such spans alone."""
        found = Span()
        which: tuple[str, Iterable[object]] = ("site=? AND start>=? AND start<?", (site, since, until))
        if seconds is not None:
            which = (f"{which[0]} AND seconds=?", (*which[1], seconds))
        rows = self._db.execute(f"SELECT state, reason, histogram FROM spans WHERE {which[0]}", tuple(which[1]))
        for state, reason, encoded in rows:
            found.of(state, reason).add(HdrHistogram.decode(encoded))
        rows = self._db.execute(f"SELECT state, path, requests, worst FROM slow WHERE {which[0]}", tuple(which[1]))
        for state, path, requests, worst in rows:
            found.slow.setdefault((state, path), Slow()).add(requests, worst)
        return found

    def breaches(self, site: str, since: float, until: float) -> list[Breach]:
        """The newest first."""
        rows = self._db.execute(
            "SELECT * FROM breaches WHERE site=? AND start>=? AND start<? ORDER BY start DESC", (site, since, until)
        )
        return [Breach(*row) for row in rows]

    def told(self, site: str, since: float, until: float) -> Message:
        """For a message: histograms as text, the slowest paths, the newest breaches. The first minute counts whole."""
        span = self.read(site, since - _MINUTE, until)
        slowest = sorted(span.slow.items(), key=lambda item: (-item[1].worst, item[0]))[:_SLOWEST]
        breaches = self.breaches(site, since - _MINUTE, until)
        return {
            "answers": [[*which, answers.encode().decode()] for which, answers in span.answers.items()],
            "slow": [[*which, slow.requests, slow.worst] for which, slow in slowest],
            "breaches": [vars(breach) for breach in breaches[:_BREACHES_TOLD]],
            "breach_count": len(breaches),
        }


def span_of(told: Message) -> Span:
    """What `LatencyHistory.told` says of answers and slow paths."""
    span = Span()
    for state, reason, encoded in told["answers"]:
        span.answers[state, reason] = HdrHistogram.decode(encoded.encode())
    for state, path, requests, worst in told["slow"]:
        span.slow[state, path] = Slow(requests, worst)
    return span

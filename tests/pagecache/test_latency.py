"""How long answers took, by minute; what broke the promise, and why."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from pressroom.pagecache.renderer.access_log import Look, Place, Visit
from pressroom.pagecache.renderer.latency import BYPASS, HIT, MISS, STATES, LatencyHistory, span_of, within

MINUTE = 1_795_667_400  # a whole one


@pytest.fixture
def history(tmp_path: Path) -> Iterator[LatencyHistory]:
    history = LatencyHistory(tmp_path / "latency.db")
    yield history
    history.close()


def visit(
    milliseconds: int, *, at: int = MINUTE, state: str = HIT, reason: str = "", size: int = 9000, path: str = "/"
) -> Visit:
    seconds = f"{milliseconds / 1000:.3f}"
    words = ("s1", str(at), "200", state, reason, seconds, str(size), "GET", path)
    return Visit(*(word.encode() for word in words))


def test_answers_are_told_apart_by_state_and_reason(history: LatencyHistory) -> None:
    visits = [visit(0)] * 98 + [visit(37), visit(38)]
    visits += [visit(200, state=MISS)] * 2 + [visit(90, state=BYPASS, reason="cookie"), visit(5, state="asset")]
    history.add("s1", Look(visits, 1.0), 0.1)
    history.save(MINUTE + 30, None)
    span = history.read("s1", MINUTE, MINUTE + 60)
    hits = span.all_of(HIT)
    assert (hits.get_total_count(), within(hits), hits.get_value_at_percentile(50)) == (100, 99, 0)
    assert span.of(MISS, "").get_total_count() == 2 and span.of(BYPASS, "cookie").get_total_count() == 1
    assert span.all_of(*STATES).get_total_count() == 103
    assert not history.read("s2", MINUTE, MINUTE + 60).answers


def test_what_comes_later_in_a_minute_is_added_and_outlives_a_restart(history: LatencyHistory, tmp_path: Path) -> None:
    history.add("s1", Look([visit(3, path="/?a=1")], 1.0), 0.1)
    history.save(MINUTE + 1, None)
    history.add("s1", Look([visit(50, path="/slow/?a=2"), visit(70, path="/slow/")], 1.0), 0.1)
    history.save(MINUTE + 61, None)
    history.close()
    again = LatencyHistory(tmp_path / "latency.db")
    again.add("s1", Look([visit(4)], 1.0), 0.1)
    again.save(MINUTE + 62, None)
    span = again.read("s1", MINUTE, MINUTE + 60)
    assert span.all_of(HIT).get_total_count() == 4
    assert {key: (slow.requests, slow.worst) for key, slow in span.slow.items()} == {(HIT, "/slow/"): (2, 70)}


def test_of_a_part_each_counts_for_more(history: LatencyHistory) -> None:
    history.add("s1", Look([visit(3)] * 10, 7.0), 0.1)
    history.save(MINUTE, None)
    assert history.read("s1", MINUTE, MINUTE + 60).all_of(HIT).get_total_count() == 70


@pytest.mark.parametrize(
    ("late", "load", "size", "cause"),
    [
        (1, 0.1, 9000, None),
        (2, 0.1, 9000, "not known; the latest was /a/, 90 ms"),
        (2, 4.5, 9000, "the machine was busy: load 4.5 for each processor"),
        (2, 4.5, 900_000, "large answers to visitors who received them slowly"),
    ],
)
def test_a_minute_that_broke_the_promise_is_told_with_its_cause(
    history: LatencyHistory, late: int, load: float, size: int, cause: str | None
) -> None:
    history.add("s1", Look([visit(0)] * 100, 1.0), load)
    history.add("s1", Look([visit(90, size=size, path="/a/")] * late, 1.0), 0.1)
    assert history.save(MINUTE + 69, None) == []  # lines of this minute may still come
    found = history.save(MINUTE + 70, None)
    assert [(breach.hits, breach.late, breach.p99, breach.cause) for breach in found] == (
        [(100 + late, late, 90, cause)] if cause else []
    )
    assert history.breaches("s1", MINUTE, MINUTE + 60) == found and history.save(MINUTE + 180, None) == []


def test_of_a_part_the_late_ones_count_for_more_too(history: LatencyHistory) -> None:
    history.add("s1", Look([visit(0)] * 50 + [visit(90, size=900_000)] * 3, 10.0), 0.1)
    (breach,) = history.save(MINUTE + 70, None)
    assert (breach.hits, breach.late) == (530, 30) and breach.cause.startswith("large answers")
    assert history.read("s1", MINUTE, MINUTE + 60).slow[HIT, "/"].requests == 30


def test_what_is_told_is_what_was_read(history: LatencyHistory) -> None:
    history.add("s1", Look([visit(0)] * 100 + [visit(90, path="/a/")] * 2 + [visit(50, state=MISS)], 1.0), 0.1)
    breaches = history.save(MINUTE + 70, None)
    told = json.loads(json.dumps(history.told("s1", MINUTE + 30, MINUTE + 60)))
    span = span_of(told)
    assert span.all_of(HIT).get_total_count() == 102 and span.all_of(MISS).get_value_at_percentile(50) == 50
    assert {which: (slow.requests, slow.worst) for which, slow in span.slow.items()} == {
        (HIT, "/a/"): (2, 90),
        (MISS, "/"): (1, 50),
    }
    assert told["breaches"] == [vars(breach) for breach in breaches] and told["breach_count"] == 1


def test_it_is_known_up_to_where_the_log_was_read(history: LatencyHistory, tmp_path: Path) -> None:
    assert history.place() is None
    history.save(MINUTE, Place(5, 100))
    history.save(MINUTE, Place(5, 200))
    assert LatencyHistory(tmp_path / "latency.db").place() == Place(5, 200)


def test_what_could_not_be_saved_is_saved_the_next_time(history: LatencyHistory, tmp_path: Path) -> None:
    history.add("s1", Look([visit(3)] * 4, 1.0), 0.1)
    other = sqlite3.connect(tmp_path / "latency.db")
    other.execute("ALTER TABLE place RENAME TO away")
    with pytest.raises(sqlite3.Error):
        history.save(MINUTE + 120, Place(5, 100))
    other.execute("ALTER TABLE away RENAME TO place")
    history.save(MINUTE + 120, Place(5, 100))
    assert history.read("s1", MINUTE, MINUTE + 60).all_of(HIT).get_total_count() == 4


def test_without_a_place_on_disk_it_is_remembered(tmp_path: Path) -> None:
    history = LatencyHistory(tmp_path / "nowhere" / "latency.db")
    history.add("s1", Look([visit(3)], 1.0), 0.1)
    history.save(MINUTE, None)
    assert history.read("s1", MINUTE, MINUTE + 60).all_of(HIT).get_total_count() == 1


def test_few_hits_break_no_promise(history: LatencyHistory) -> None:
    history.add("s1", Look([visit(90)] * 99, 1.0), 0.1)
    assert history.save(MINUTE + 120, None) == []


def test_paths_are_bounded(history: LatencyHistory) -> None:
    for batch in range(3):
        history.add("s1", Look([visit(50 + n, state=MISS, path=f"/{batch}/{n}") for n in range(50)], 1.0), 0.1)
        history.save(MINUTE, None)
    history.save(MINUTE + 120, None)
    slow = history.read("s1", MINUTE, MINUTE + 60).slow
    assert len(slow) == 10 and all(path.endswith(("49", "48", "47", "46")) for _, path in slow)


def test_old_minutes_become_hours_and_very_old_ones_go(history: LatencyHistory) -> None:
    hour = MINUTE // 3600 * 3600
    for minute in (0, 60, 3540, 3600):
        history.add("s1", Look([visit(50, at=hour + minute, path="/a/")], 1.0), 0.1)
    history.add("gone", Look([visit(1, at=hour)], 1.0), 0.1)
    history.save(hour + 7200, Place(5, 100))
    history.tidy(["s1"], hour + 3600 + 2 * 86400)
    assert not history.read("gone", 0, 2 * hour).answers
    whole = history.read("s1", hour, hour + 60)
    assert whole.all_of(HIT).get_total_count() == 3 and whole.slow[HIT, "/a/"].requests == 3
    assert history.read("s1", hour + 3600, hour + 3660).all_of(HIT).get_total_count() == 1
    history.tidy(["s1"], hour + 3600 + 36 * 86400)
    assert not history.read("s1", 0, 2 * hour).answers

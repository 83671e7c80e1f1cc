"""A site that is written to, or whose origin fails, is left alone for a while: how long, and what ends it."""

from __future__ import annotations

import pytest

from pressroom.pagecache.renderer.frontier import LINKED, Frontier, Job


def _frontier(*sites: str, max_pages: int = 100) -> Frontier:
    frontier = Frontier(max_pages)
    frontier.attend(list(sites or ("s1",)))
    return frontier


def _next(frontier: Frontier, now: float = 0.0) -> Job:
    job = frontier.next(now)
    assert job is not None
    return job


def test_a_site_that_is_written_to_is_left_alone_for_a_moment() -> None:
    frontier = _frontier()
    frontier.stored_already("s1", "/a", LINKED)
    frontier.taken("s1", now=100.0)
    assert frontier.next(100.0) is None
    assert frontier.wake_at() == pytest.approx(100.05)
    assert frontier.next(100.06) is not None


def test_a_change_of_few_pages_is_no_reason() -> None:
    frontier = _frontier()
    for number in range(5):
        frontier.stored_already("s1", f"/{number}", LINKED)
    frontier.taken("s1", now=100.0, keys=["/0", "/1", "/2"])
    assert _next(frontier, 100.0).key == "/0"
    frontier.taken("s1", now=100.0, keys=["/1", "/2", "/3", "/4"])
    assert frontier.next(100.0) is None


def test_one_whose_writer_is_done_is_not_left_alone() -> None:
    frontier = _frontier()
    frontier.stored_already("s1", "/a", LINKED)
    frontier.taken("s1", now=100.0, settled=True)
    assert _next(frontier, 100.0).key == "/a"


@pytest.mark.parametrize(("end", "pauses"), [
    ("overtaken", [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]),
    ("failed", [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]),
])  # fmt: skip
def test_pauses_double_up_to_a_bound_and_begin_anew_after_a_success(end: str, pauses: list[float]) -> None:
    frontier = _frontier()
    frontier.want("s1", "/a", LINKED)
    now = 100.0
    for _ in range(2):
        for pause in pauses:
            getattr(frontier, end)(_next(frontier, now), now)
            assert not pause or frontier.next(now + pause - 0.001) is None
            assert not pause or frontier.wake_at() == pytest.approx(now + pause)
            now += pause + 0.001
        frontier.stored(_next(frontier, now))
        frontier.taken("s1", now)
        now += 1


def test_a_pause_has_no_end_in_numbers() -> None:
    frontier = _frontier()
    frontier.want("s1", "/a", LINKED)
    now = 0.0
    for _ in range(1000):
        frontier.overtaken(_next(frontier, now), now)
        now += 2.001
    assert frontier.next(now) is not None


def test_a_visitors_miss_ends_a_pause() -> None:
    frontier = _frontier()
    frontier.want("s1", "/a", LINKED)
    frontier.failed(_next(frontier), now=100.0)
    frontier.want("s1", "/a", LINKED, urgent=True)
    assert _next(frontier, 100.0).key == "/a"


def test_who_waits_for_a_page_ends_the_pause_after_a_change_but_not_the_one_after_a_failure() -> None:
    frontier = _frontier()
    frontier.stored_already("s1", "/a", LINKED)
    frontier.taken("s1", now=100.0)
    assert frontier.hasten("s1", "/a", 100.0)
    for _ in range(2):
        frontier.overtaken(_next(frontier, 100.0), now=100.0)
    assert frontier.hasten("s1", "/a", 100.01)
    assert frontier.next(100.01) is None


def test_a_visitor_does_not_wait_for_an_editors_window() -> None:
    frontier = _frontier()
    frontier.stored_already("s1", "/a", LINKED)
    frontier.want("s1", "/b", LINKED)
    frontier.want("s1", "/c", LINKED)
    assert [job.key for job in frontier.most_wanted("s1", 1, until=100.3, keys=["/a"])] == ["/a"]
    assert frontier.next(100.0) is None and frontier.wake_at(urgent=True) is None
    assert frontier.hasten("s1", "/c", 100.0)
    assert frontier.wake_at(urgent=True) == 0.0
    assert _next(frontier, 100.0).key == "/c"
    assert frontier.next(100.0) is None and frontier.wake_at() == pytest.approx(100.3)


def test_after_a_miss_pauses_are_short_again() -> None:
    """As for a site that has just been made: its renders failed until nginx knew it."""
    frontier = _frontier()
    frontier.want("s1", "/", LINKED)
    now = 100.0
    for _ in range(6):
        frontier.failed(_next(frontier, now), now)
        now += 10.0
    frontier.want("s1", "/", LINKED, urgent=True)
    frontier.failed(_next(frontier, now), now)
    assert frontier.wake_at() == pytest.approx(now + 0.1)


def test_a_sites_pause_is_not_its_neighbours() -> None:
    frontier = _frontier("s1", "s2")
    frontier.want("s1", "/a", LINKED)
    frontier.want("s2", "/b", LINKED)
    first = _next(frontier)
    frontier.failed(first, now=0.0)
    assert _next(frontier).site != first.site


def test_nothing_to_do_is_nothing_to_wake_for() -> None:
    frontier = _frontier()
    assert frontier.wake_at() is None
    frontier.stored_already("s1", "/a", LINKED)
    assert frontier.wake_at() is None

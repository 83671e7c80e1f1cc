"""Whose turn it is, with a clock of the test's own."""

from __future__ import annotations

import pytest

from pressroom.integrity.turns import DAY, Turn, Turns


class _Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def turns(clock: _Clock) -> Turns:
    return Turns(0.05, clock)


def test_a_new_site_is_looked_at_soon_and_then_daily(turns: Turns, clock: _Clock) -> None:
    turns.attend({"s1": None})
    assert turns.next(is_idle=True) is None
    clock.now += 61
    turn = turns.next(is_idle=True)
    assert turn == Turn("s1", None)
    turns.looked(turn, 1.0, failed=False)
    clock.now += DAY - 7201
    assert turns.next(is_idle=True) is None
    clock.now += 7202
    assert turns.next(is_idle=True) == Turn("s1", None)


def test_a_change_is_looked_at_once_it_is_calm(turns: Turns, clock: _Clock) -> None:
    turns.attend({"s1": 0.0})
    turns.changed("s1", "b")
    turns.changed("s1", "a")
    turns.changed("gone", "a")
    clock.now += 2
    turns.changed("s1", "a")
    clock.now += 2
    assert turns.next(is_idle=False) is None
    clock.now += 2
    assert turns.next(is_idle=False) == Turn("s1", ("a", "b"))
    assert turns.next(is_idle=False) is None


def test_changes_without_end_wait_half_a_minute_and_no_longer(turns: Turns, clock: _Clock) -> None:
    turns.attend({"s1": 0.0})
    found = None
    for _ in range(40):
        turns.changed("s1", "a")
        clock.now += 1
        found = found or turns.next(is_idle=True)
    assert found == Turn("s1", ("a",))


def test_a_site_that_writes_all_the_time_has_a_bound(turns: Turns, clock: _Clock) -> None:
    """Guard: the rest. It uses a twentieth of one core."""
    turns.attend({"s1": 0.0})
    spent, began = 0.0, clock.now
    for _ in range(3600):
        turns.changed("s1", "a")
        clock.now += 1
        if turn := turns.next(is_idle=True):
            turns.looked(turn, 10.0, failed=False)
            spent += 10.0
    assert 0 < spent / (clock.now - began) < 0.06


def test_too_many_changes_are_all(turns: Turns, clock: _Clock) -> None:
    turns.attend({"s1": 0.0})
    for number in range(10_000):
        turns.changed("s1", f"{number}.php")
    clock.now += 4
    assert turns.next(is_idle=True) == Turn("s1", None)


def test_daily_looks_have_a_budget_and_wait_for_an_idle_machine(turns: Turns, clock: _Clock) -> None:
    """Guards: the budget, the look at the load."""
    turns.attend({"s1": None, "s2": None})
    clock.now += 61
    assert turns.next(is_idle=False) is None
    turn = turns.next(is_idle=True)
    assert turn is not None
    turns.looked(turn, 5.0, failed=False)
    clock.now += 90
    assert turns.next(is_idle=True) is None, "5 s of 5 % are 100 s"
    clock.now += 10
    assert turns.next(is_idle=True) is not None
    clock.now += 6 * 3600
    assert turns.next(is_idle=False) is not None, "a machine that is never idle is looked at all the same"


def test_one_that_failed_is_tried_again_soon(turns: Turns, clock: _Clock) -> None:
    turns.attend({"s1": 0.0})
    turns.changed("s1", "a")
    clock.now += 4
    turn = turns.next(is_idle=True)
    assert turn is not None
    turns.looked(turn, 0.0, failed=True)
    clock.now += 601
    assert turns.next(is_idle=True) == Turn("s1", None)


def test_a_site_that_is_gone(turns: Turns, clock: _Clock) -> None:
    turns.attend({"s1": None})
    turns.attend({})
    clock.now += DAY
    assert turns.next(is_idle=True) is None

"""The scheduling core, told the time by the test."""

from __future__ import annotations

import itertools

import pytest

from pressroom.cron.schedule import (
    LONGEST_PAUSE,
    LONGEST_POLL,
    LONGEST_RUN,
    POLL_EVERY,
    UNREADABLE_EVERY,
    CronSchedule,
    Outcome,
    Sight,
)

START = 1_700_000_000.0


class World:
    """Both clocks, and what the sites' options say."""

    def __init__(self, **due: int | None) -> None:
        self.now, self.tick = START, 100.0
        self.sights: dict[str, Sight | None] = {name: Sight(when) for name, when in due.items()}
        self.schedule = CronSchedule()
        self.schedule.attend(self.sights, self.tick)
        self.polled: list[str] = []

    def pass_(self, seconds: float) -> None:
        self.now += seconds
        self.tick += seconds

    def look(self) -> None:
        for name in self.schedule.to_poll(self.tick):
            self.polled.append(name)
            sight = self.sights[name]
            if sight is None:
                self.schedule.unseen(name, self.tick)
            else:
                self.schedule.observed(name, sight, self.now, self.tick)

    def started(self) -> list[str]:
        self.look()
        return self.schedule.to_start(self.now, self.tick)

    def starts_within(self, seconds: float, step: float = 0.5) -> list[tuple[float, str]]:
        """What is started over a time, no run ever ending."""
        began, starts = self.tick, []
        while self.tick <= began + seconds:
            starts += [(self.tick - began, name) for name in self.started()]
            self.pass_(step)
        return starts

    def end(self, name: str, *, due: int | None, outcome: Outcome = Outcome.ANSWERED) -> None:
        """The request has ended, and the option says this now."""
        self.sights[name] = Sight(due)
        self.schedule.answered(name, outcome, self.now, self.tick)
        self.look()


def test_an_event_is_run_when_it_is_due_and_not_before() -> None:
    world = World(s1=int(START) + 7)
    assert world.starts_within(6.5) == []
    assert [name for _, name in world.starts_within(0.5)] == ["s1"]


def test_nothing_is_run_without_an_event() -> None:
    assert World(s1=None).starts_within(100) == []


def test_late_events_are_run_once() -> None:
    world = World(s1=int(START) - 86_400)
    assert world.started() == ["s1"]
    assert world.started() == []
    world.end("s1", due=int(START) + 3600)
    assert world.starts_within(600) == []


def test_an_event_for_now_is_run_within_ten_seconds_though_the_next_was_far_away() -> None:
    world = World(s1=int(START) + 86_400)
    assert world.started() == []
    world.pass_(1)
    world.sights["s1"] = Sight(int(world.now))
    ((after, _),) = world.starts_within(10)
    assert after <= POLL_EVERY


def test_two_at_once_and_no_site_twice() -> None:
    world = World(s1=1, s2=1, s3=1)
    world.pass_(POLL_EVERY)
    assert world.started() == ["s1", "s2"]
    world.pass_(10)
    assert world.started() == []
    world.end("s1", due=1 + int(START))
    assert world.started() == ["s3"]
    assert world.schedule.running() == ["s2", "s3"]


def test_a_site_with_more_events_is_run_again_after_the_others() -> None:
    world = World(s1=1, s2=1, s3=1)
    world.pass_(POLL_EVERY)
    world.started()
    world.pass_(6)
    world.end("s1", due=2)
    assert world.started() == ["s3"]
    world.end("s3", due=None)
    assert world.started() == ["s1"]


@pytest.mark.parametrize("failing", ["refused", "no progress"])
def test_a_failing_site_is_tried_less_and_less_often(failing: str) -> None:
    world = World(s1=1)
    starts: list[float] = []
    while len(starts) < 8:
        if world.started():
            starts.append(world.tick)
            world.end("s1", due=1, outcome=Outcome.FAILED if failing == "refused" else Outcome.ANSWERED)
        world.pass_(0.5)
    pauses = [later - earlier for earlier, later in itertools.pairwise(starts)]
    first = [30.0] if failing == "refused" else [5.0, 30.0]
    assert pauses == pytest.approx([*first, 60, 120, 240, 480, 900, 900][:7], abs=POLL_EVERY)
    assert [name for _, name in world.starts_within(LONGEST_PAUSE + POLL_EVERY)] == ["s1"]
    world.end("s1", due=2)
    world.pass_(6)
    assert world.started() == ["s1"], "a run that got on ends the back-off"


def test_nginx_down_is_no_site_s_fault() -> None:
    world = World(s1=1, s2=1, s3=1)
    world.pass_(POLL_EVERY)
    first = world.started()
    for name in first:
        world.end(name, due=1, outcome=Outcome.UNREACHABLE)
    assert world.started() == []
    world.pass_(2)
    assert world.started() == ["s3"]
    world.pass_(3)
    assert world.started() == ["s1"]


def test_a_run_that_goes_on_after_the_answer_keeps_its_place() -> None:
    world = World(s1=1, s2=None)
    assert world.started() == ["s1"]
    world.schedule.answered("s1", Outcome.ANSWERED, world.now, world.tick)
    world.pass_(0.5)
    world.sights["s1"] = Sight(2, lock=world.now)
    assert [name for _, name in world.starts_within(LONGEST_RUN - 10)] == []
    assert world.schedule.running() == ["s1"]
    world.sights["s1"] = Sight(int(START) + 7200)
    world.starts_within(2)
    assert world.schedule.running() == []


def test_an_answer_before_the_lock_is_taken_frees_no_place_and_starts_no_second_run() -> None:
    """As WordPress on PHP-FPM really does: the answer first, WordPress loads, then the lock, then the events."""
    world = World(s1=1, s2=1, s3=1)
    world.pass_(POLL_EVERY)
    assert world.started() == ["s1", "s2"]
    for name in ("s1", "s2"):
        world.end(name, due=1)  # Looked at at once: nothing has changed yet.
    assert world.schedule.running() == ["s1", "s2"]
    assert world.starts_within(2.0) == []
    for name in ("s1", "s2"):
        world.sights[name] = Sight(1, lock=world.now - 0.5)
    assert world.starts_within(20.0) == []
    for name in ("s1", "s2"):
        world.sights[name] = Sight(int(START) + 7200)
    assert [name for _, name in world.starts_within(20.0)] == ["s3"]


def test_a_lock_that_stays_for_ever_holds_the_place_for_the_longest_run() -> None:
    world = World(s1=1)
    world.started()
    world.schedule.answered("s1", Outcome.ANSWERED, world.now, world.tick)
    world.pass_(0.5)
    world.sights["s1"] = Sight(2, lock=world.now)
    world.starts_within(LONGEST_RUN + 2)
    assert world.schedule.running() == []


def test_a_young_lock_of_another_run_is_waited_for() -> None:
    world = World(s1=1)
    world.sights["s1"] = Sight(1, lock=START - 5)
    ((after, _),) = world.starts_within(70)
    assert 55 <= after <= 56


def test_a_schedule_that_cannot_be_read_is_run_now_and_then() -> None:
    world = World(s1=None)
    world.sights["s1"] = Sight(None, unreadable=True)
    starts = []
    for _ in range(1300):
        for name in world.started():
            starts.append(world.tick)
            world.schedule.answered(name, Outcome.ANSWERED, world.now, world.tick)
        world.pass_(0.5)
    assert len(starts) == 3
    assert starts[1] - starts[0] >= UNREADABLE_EVERY


def test_a_site_whose_table_is_missing_is_looked_at_less_often() -> None:
    world = World(s1=None)
    world.sights["s1"] = None
    world.starts_within(600)
    assert 10 <= len(world.polled) <= 16
    world.sights["s1"] = Sight(1)
    assert [name for _, name in world.starts_within(LONGEST_POLL)] == ["s1"]


@pytest.mark.parametrize("jump", [-86_400.0, -61.0, 86_400.0, 10 * 365 * 86_400.0])
def test_a_clock_that_is_set_makes_no_storm_and_no_standstill(jump: float) -> None:
    due = {f"s{number}": int(START) + 60 * number for number in range(1, 21)}
    world = World(**due)
    world.starts_within(POLL_EVERY)
    world.now += jump
    starts: list[str] = []
    for _ in range(240):
        for name in world.started():
            starts.append(name)
            world.end(name, due=int(world.now) + 3600)
        world.pass_(0.5)
        assert len(world.schedule.running()) <= 2
    # What is due by the clock as it is now (wp-cron.php goes by it, too), and each once.
    assert sorted(starts) == sorted(name for name, when in due.items() if when < world.now)
    world.sights["s7"] = Sight(int(world.now))
    assert "s7" in [name for _, name in world.starts_within(10)]


def test_a_lock_from_the_future_is_taken_over_by_its_name() -> None:
    world = World(s1=1)
    world.sights["s1"] = Sight(1, lock=START + 7200.5, lock_text="1700007200.50")
    world.look()
    assert world.schedule.lock_to_take_over("s1", world.now) == "1700007200.50"
    assert world.started() == ["s1"]
    assert World(s1=1).schedule.lock_to_take_over("s1", START) == ""


def test_a_long_run_frees_its_place_and_rests_after() -> None:
    world = World(s1=1, s2=1, s3=1)
    world.pass_(POLL_EVERY)
    assert world.started() == ["s1", "s2"]
    ((after, name),) = world.starts_within(40)
    assert (name, after) == ("s3", 30)
    world.end("s1", due=2)
    assert "s1" not in [name for _, name in world.starts_within(39)]
    assert "s1" in [name for _, name in world.starts_within(10)]


def test_long_runs_are_bounded_too() -> None:
    world = World(**{f"s{number}": 1 for number in range(1, 21)})
    assert len(world.starts_within(280)) == 6
    assert len(world.schedule.running()) == 6


def test_looks_are_spread_and_every_site_is_looked_at_in_each_interval() -> None:
    world = World(**{f"s{number}": None for number in range(1, 101)})
    sizes = []
    for _ in range(21):
        before = len(world.polled)
        world.look()
        sizes.append(len(world.polled) - before)
        world.pass_(0.25)
    assert max(sizes) <= 6
    assert len(set(world.polled)) == 100


def test_a_site_that_is_removed_while_it_runs_gives_its_place_back() -> None:
    world = World(s1=1, s2=1, s3=1)
    world.pass_(POLL_EVERY)
    assert world.started() == ["s1", "s2"]
    world.schedule.attend(["s2", "s3"], world.tick)
    assert world.schedule.running() == ["s1", "s2"]
    world.schedule.answered("s1", Outcome.ANSWERED, world.now, world.tick)
    assert world.schedule.running() == ["s2"]
    assert world.started() == ["s3"]


@pytest.mark.parametrize(("due", "seconds"), [(None, 5.0), (3, 3.0), (60, 5.0), (-5, 0.0)])
def test_how_long_to_wait(due: int | None, seconds: float) -> None:
    world = World(s1=None if due is None else int(START) + due)
    world.look()
    assert world.schedule.seconds_until_next(world.now, world.tick) == pytest.approx(seconds)

"""WordPress's cron option: its next time, whatever the bytes."""

from __future__ import annotations

import time
from typing import Any

import phpserialize
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pressroom.cron.options import sight_of
from pressroom.cron.schedule import Sight
from pressroom.cron.serialized import LARGEST_VALUE, UnreadableSchedule, next_due

EVENT = {b"wp_version_check": {b"40cd750bba9870f18aada2478b24840a": {b"schedule": b"twicedaily", b"args": {}}}}


def php(value: Any) -> bytes:
    return bytes(phpserialize.dumps(value))


def entry(time_: int, argument: bytes) -> bytes:
    """One event whose one argument is written as PHP would."""
    hook = b'a:1:{s:1:"h";a:1:{s:1:"k";a:2:{s:8:"schedule";b:0;s:4:"args";a:1:{i:0;' + argument + b"}}}}"
    return b"i:%d;" % time_ + hook


@pytest.mark.parametrize(
    ("value", "due"),
    [
        (php({1700000000: EVENT, 1700000600: EVENT, b"version": 2}), 1700000000),
        (php({1700000600: EVENT, 1700000000: EVENT}), 1700000000),
        (php({b"version": 2}), None),
        (php({}), None),
        (php({1700000000: {}, 1700000600: EVENT, b"version": 2}), 1700000600),
        (php({-5: EVENT}), -5),
        (php({b"1700000000": EVENT}), 1700000000),
        (php({b"017": EVENT, b"1.5": EVENT, b"": EVENT}), None),
        (b"a:1:{" + entry(7, b'O:8:"stdClass":1:{s:1:"a";a:1:{i:0;O:1:"B":0:{}}}') + b"}", 7),
        (b"a:1:{" + entry(7, b'C:11:"ArrayObject":9:{x:i:0;};}}') + b"}", 7),
        (b"a:1:{" + entry(7, b"R:2;") + b"}", 7),
        (b"a:1:{" + entry(7, b'E:7:"Suit:UP";') + b"}", 7),
        (b"a:1:{" + entry(7, b"d:1.5E-7;") + b"}", 7),
        (b"a:1:{" + entry(7, b"d:-INF;") + b"}", 7),
        (b"a:1:{" + entry(7, b's:12:"";}i:1;a:0:{";') + b"}", 7),
        (b"a:1:{" + entry(7, 's:6:"Grüß";'.encode()) + b"}", 7),
        (php({7: EVENT}) + b"trailing", 7),
    ],
)
def test_next_due(value: bytes, due: int | None) -> None:
    assert next_due(value) == due


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"N;",
        b"b:0;",
        b"a:1:{",
        b"a:0:{",
        b"a:1:{i:7;}",
        b"a:-1:{}",
        b"a:99999999:{}",
        b"a:1:{a:0:{}i:1;}",
        b"a:1:{N;i:1;}",
        b"a:1:{i:7;" + b"a:1:{i:0;" * 100_000,
        b'a:1:{i:7;s:99999999:"x";}',
        b'a:1:{i:7;s:-1:"x";}',
        b"a:1:{i:" + b"9" * 5000 + b";i:1;}",
        b"a:1:{i:7;i:1;",
        b'a:1:{i:7;O:99:"A":0:{}}',
        b'a:1:{i:7;C:1:"A":99999999:{}}',
        "a:1:{i:٣;i:1;}".encode(),
        b"a:0:{}" + b" " * LARGEST_VALUE,
    ],
)
def test_what_php_did_not_write_is_unreadable(value: bytes) -> None:
    with pytest.raises(UnreadableSchedule):
        next_due(value)
    assert sight_of(value, None) == Sight(None, unreadable=True)


@pytest.mark.parametrize(
    "value",
    [
        b"a:2:{" + entry(7, b"a:900000:{" + b"i:1;" * 900_000) + b"}",
        b"a:1:{i:7;" + b"a:1:{i:0;" * 400_000,
        b"a:900000:{" + b"i:7;i:1;" * 450_000,
    ],
    ids=["wide", "deep", "many"],
)
def test_four_hostile_megabytes_cost_little(value: bytes) -> None:
    began = time.process_time()
    sight_of(value[:LARGEST_VALUE], None)
    assert time.process_time() - began < 0.2


def test_a_very_long_schedule_gives_its_first_time() -> None:
    value = php({1700000000 + number: EVENT for number in range(20_000)})
    assert len(value) < LARGEST_VALUE
    assert next_due(value) == 1700000000


PHP_VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.binary(max_size=30),
    ),
    lambda inner: st.dictionaries(st.integers(0, 99) | st.binary(max_size=9), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=500, deadline=None)
@given(st.dictionaries(st.integers(-(2**63), 2**63 - 1), PHP_VALUES, max_size=6))
def test_it_agrees_with_the_array_that_was_written(crons: dict[int, Any]) -> None:
    assert next_due(php(crons)) == min((time_ for time_, hooks in crons.items() if hooks != {}), default=None)


SPLINTERS = st.lists(
    st.sampled_from([b"a:1:{", b"a:2:{", b"i:7;", b"i:", b's:1:"x";', b"}", b'O:1:"A":1:{', b"N;", b"R:1;"])
    | st.sampled_from([b'C:1:"A":2:{', b'E:3:"A:B";', b"d:1;", b"b:1;"])
    | st.binary(max_size=6),
    max_size=40,
).map(b"".join)


@settings(max_examples=1500, deadline=None)
@given(SPLINTERS | SPLINTERS.map(lambda tail: b"a:1:{" + tail))
def test_any_bytes_give_a_time_or_are_unreadable(value: bytes) -> None:
    sight = sight_of(value, value)
    assert sight.unreadable or sight.due is None or isinstance(sight.due, int)


@pytest.mark.parametrize(
    ("lock", "held"),
    [
        (b"1700000000.1234560012817382812500", 1700000000.123456),
        (b"1700000000", 1700000000.0),
        (b"", None),
        (b"1e9", None),
        (b"nan", None),
        (b"1700000000.1&x=y", None),
        (b"9" * 400, None),
        (None, None),
    ],
)
def test_the_lock_is_a_plain_number_or_none(lock: bytes | None, held: float | None) -> None:
    sight = sight_of(b"a:0:{}", lock)
    assert sight.lock == held
    assert sight.lock_text == ("" if held is None or lock is None else lock.decode())

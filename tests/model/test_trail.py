"""The chain: whatever is done to one of its lines is found, and the line is named."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressroom.model.trail import GENESIS, Actor, Line, Sealed, hash_of, sealed, verify

TEXT = st.text(max_size=12)
ACTORS = st.builds(Actor, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT)
LINES = st.builds(
    Line, TEXT, st.sampled_from(["began", "done"]), ACTORS, TEXT, TEXT, TEXT, st.none() | st.integers(1, 99)
)


def chained(lines: Sequence[Line]) -> list[Sealed]:
    rows: list[Sealed] = []
    for number, line in enumerate(lines, start=1):
        rows.append(sealed(line, number, rows[-1].hash if rows else GENESIS))
    return rows


CHAINS = st.lists(LINES, min_size=2, max_size=12).map(chained)
ACTOR = Actor("ada")
THREE = chained([Line(f"2026-11-0{day}", "done", ACTOR, f"site create {day}.example") for day in (1, 2, 3)])


def named(rows: Sequence[Sealed], copy: Sequence[str] = (), noted: str = "") -> int | None:
    fault = verify(rows, copy, noted).fault
    return None if fault is None else fault.number


def copied(rows: Sequence[Sealed]) -> list[str]:
    return [row.as_copied() for row in rows]


@given(CHAINS)
def test_an_untouched_chain_is_right(rows: list[Sealed]) -> None:
    verdict = verify(rows, copied(rows), rows[-1].hash)
    assert verdict.fault is None
    assert (verdict.number, verdict.head, verdict.copied, verdict.noted) == (
        len(rows), rows[-1].hash, len(rows), len(rows),
    )  # fmt: skip
    assert [Line.read(row.text).number for row in rows] == list(range(1, len(rows) + 1))


@given(CHAINS, st.data())
def test_any_changed_field_is_found(rows: list[Sealed], data: st.DataObject) -> None:
    """Even where its hash is made to fit; of the last line then by the copy, or by the head that was noted."""
    place = data.draw(st.integers(0, len(rows) - 1))
    plain = json.loads(rows[place].text)
    where = data.draw(st.sampled_from([plain, plain["actor"]]))
    field = data.draw(st.sampled_from(sorted(where)))
    value = data.draw((TEXT | st.integers() | st.none()).filter(lambda value: value != where[field]))
    if field == "actor":
        plain["actor"] = {**plain["actor"], "person": plain["actor"]["person"] + "x"}
    else:
        where[field] = value
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    changed = rows.copy()
    changed[place] = dataclasses.replace(rows[place], text=text)
    assert named(changed) == place + 1
    changed[place] = Sealed(place + 1, text, hash_of(text))
    assert named(changed, copied(rows)) == place + 1
    if place < len(rows) - 1:
        assert named(changed) in (place + 1, place + 2)
    assert named(changed, noted=rows[-1].hash) is not None


@given(CHAINS, st.data())
def test_a_line_that_was_taken_out_is_found(rows: list[Sealed], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(rows) - 2))
    left = [row for row in rows if row.number != place + 1]
    assert named(left) == place + 1
    # As if it had never been: those behind it get its number.
    moved = [dataclasses.replace(row, number=number) for number, row in enumerate(left, start=1)]
    assert named(moved) == place + 1


@given(CHAINS, st.data())
def test_swapped_lines_are_found(rows: list[Sealed], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(rows) - 2))
    second = data.draw(st.integers(first + 1, len(rows) - 1))
    swapped = rows.copy()
    swapped[first] = dataclasses.replace(rows[second], number=first + 1)
    swapped[second] = dataclasses.replace(rows[first], number=second + 1)
    assert named(swapped) == first + 1


@given(CHAINS, LINES, st.data())
def test_a_line_that_was_put_in_is_found(rows: list[Sealed], line: Line, data: st.DataObject) -> None:
    """It is made as ours are, with its number and the hash before; those behind it get numbers one higher."""
    place = data.draw(st.integers(0, len(rows) - 1))
    before = rows[place - 1].hash if place else GENESIS
    behind = [dataclasses.replace(row, number=row.number + 1) for row in rows[place:]]
    more = [*rows[:place], sealed(line, place + 1, before), *behind]
    assert named(more) in (place + 1, place + 2)
    assert named(more, copied(rows)) == place + 1 or sealed(line, place + 1, before) == rows[place]


@given(CHAINS, st.data())
def test_a_tail_that_was_cut_off_is_found_by_the_copy_and_by_the_noted_head(
    rows: list[Sealed], data: st.DataObject
) -> None:
    kept = data.draw(st.integers(0, len(rows) - 1))
    assert named(rows[:kept]) is None  # what is left is a chain
    assert named(rows[:kept], copied(rows)) == kept + 1
    assert named(rows[:kept], noted=rows[-1].hash) is not None


@given(CHAINS, LINES, st.data())
def test_a_chain_written_anew_is_found_by_the_copy(rows: list[Sealed], line: Line, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(rows) - 1))
    lines = [Line.read(row.text) for row in rows]
    anew = chained([*lines[:place], line, *lines[place + 1 :]])
    if anew != rows:
        assert named(anew) is None
        assert named(anew, copied(rows)) == place + 1
        assert named(anew, noted=rows[-1].hash) is not None


def test_what_is_wrong_is_said() -> None:
    def said(rows: Sequence[Sealed], copy: Sequence[str] = (), noted: str = "") -> str:
        fault = verify(rows, copy, noted).fault
        assert fault is not None
        return fault.what

    one, two, three = THREE
    assert said([one, three]) == "line 2 is missing"
    assert said([one, dataclasses.replace(two, text="{}"), three]) == "line 2 was changed: it cannot be read"
    renumbered = dataclasses.replace(sealed(Line.read(three.text), 7, two.hash), number=3)
    assert "line 3 was changed" in said([one, two, renumbered])
    assert "line 2 was changed" in said([one, dataclasses.replace(two, hash="0" * 64), three])
    assert "end was cut off" in said([one, two], copied(THREE))
    assert said(THREE, copied([one, three])) == "line 2 is missing in the copy"
    assert said(THREE, [f"{'0' * 64} {two.text}"]) == "line 2 of the copy was changed"
    assert "cannot be read" in said(THREE, ["nonsense"])
    assert "no line has the hash" in said(THREE, noted="f" * 64)


def test_a_copy_that_is_behind_or_was_cut_short_by_a_loss_of_power_is_no_fault() -> None:
    one, two, three = copied(THREE)
    assert verify(THREE, [one, two]).copied == 2
    assert named(THREE, [one, two]) is None
    assert named(THREE, [one, two[:100], two, three]) is None


@pytest.mark.parametrize("noted", [THREE[1].hash, THREE[1].hash[:12], THREE[1].hash.upper()])
def test_a_noted_hash_vouches_for_all_up_to_its_line(noted: str) -> None:
    assert verify(THREE, [], noted).noted == 2


def test_nothing_was_changed_yet() -> None:
    assert verify([], []).fault is None
    assert named([], copied(THREE)) == 1

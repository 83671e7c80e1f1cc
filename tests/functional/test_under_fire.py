"""Many at once, and things that break meanwhile: nobody sees a page from before an answered change."""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.functional.newspaper import Newspaper
from tests.truth import figures
from tests.truth.faults import FAULTS, Fault
from tests.truth.traffic import Traffic, counting
from tests.truth.truth import fresh_renders, stale_pages, stored_now

# After a fault all pages are hits again within this. Seconds.
BACK = 30.0
_SHORT = {"the invalidator is killed", "the binlog is rotated"}


def _compare_all(paper: Newspaper) -> int:
    paper.warm()
    stored = stored_now(paper)
    assert stale_pages(paper, stored, fresh_renders(paper, stored)) == []
    return len(stored)


def _writers_and_readers(paper: Newspaper, seconds: float) -> None:
    with counting(paper) as traffic:
        with traffic:
            time.sleep(seconds)
        compared = _compare_all(paper)
        _told("all at once", traffic, compared)
        assert traffic.checks > 10 * seconds
        assert all(len(writer.times) >= seconds / 4 for writer in traffic.writers), traffic.figures()


def _told(what: str, traffic: Traffic, compared: int, **more: object) -> None:
    line = {**traffic.figures(), "compared": compared, **more}
    print(f"\n{what}: {line}", end="")
    figures.note({"group": what, **line})
    traffic.check()


def test_writers_and_readers_at_once_in_short(paper: Newspaper) -> None:
    _writers_and_readers(paper, 3)


@pytest.mark.long
def test_writers_and_readers_at_once(paper: Newspaper) -> None:
    _writers_and_readers(paper, 60)


def _under_fire(paper: Newspaper, faults: list[Fault], seed: int) -> None:
    """One fault after the other, each at a random moment of the same traffic."""
    chance = random.Random(seed)
    print(f"\nPRESSROOM_SEED={seed}: {[fault.name for fault in faults]}", end="")
    back: dict[str, float] = {}
    with counting(paper) as traffic:
        with traffic:
            for fault in faults:
                time.sleep(chance.uniform(0.5, 2.0))
                fault.strike(paper, traffic, chance)
                with traffic.without_writers():
                    back[fault.name] = max(back.get(fault.name, 0.0), round(traffic.back(BACK), 2))
        compared = _compare_all(paper)
        _told("under fire", traffic, compared, back_seconds=back)


def _seed() -> int:
    return int(os.environ.get("PRESSROOM_SEED") or random.randrange(1_000_000))


@pytest.mark.long
def test_under_fire_in_short(paper: Newspaper) -> None:
    _under_fire(paper, [fault for fault in FAULTS if fault.name in _SHORT], _seed())


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_under_fire(paper: Newspaper) -> None:
    seed = _seed()
    _under_fire(paper, random.Random(seed).sample(FAULTS, len(FAULTS)), seed)

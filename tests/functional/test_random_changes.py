"""Random sequences of changes, shrunk by hypothesis to the shortest that shows a stale page.

One that failed can be pasted: ``PRESSROOM_WALK='[("rest title", 1)]' make test-freshness``; a run is repeated by its
seed: ``PRESSROOM_SEED=1``.
"""

from __future__ import annotations

import ast
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.functional.newspaper import Newspaper
from tests.truth import figures
from tests.truth.random_walk import MOST, STEPS, Beginning, Step, walk, walks

SECONDS = 240


@pytest.fixture
def beginning(paper: Newspaper, tmp_path: Path) -> Iterator[Beginning]:
    paper.node.engine.stop("cron")  # WordPress's own events would come between the steps
    beginning = Beginning(paper, tmp_path / "beginning.sql")
    beginning.keep()
    yield beginning
    beginning.bring_back()
    paper.node.engine.start("cron")


def _seed() -> int:
    number = int(os.environ.get("PRESSROOM_SEED") or random.randrange(1_000_000))
    print(f"\nPRESSROOM_SEED={number}", end="")
    return number


def _walk(beginning: Beginning, steps: list[Step]) -> int:
    try:
        return walk(beginning.paper, steps)
    except AssertionError:
        print(f'\nPRESSROOM_WALK="{steps!r}"', end="")
        raise


def test_random_changes_in_short(beginning: Beginning) -> None:
    """One walk; if it fails, `make test-freshness` with its seed or steps tells more."""
    chance = random.Random(_seed())
    steps = [(chance.choice(list(STEPS)), chance.randrange(MOST)) for _ in range(8)]
    print(f"\n{_walk(beginning, steps)} comparisons", end="")


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_random_changes(beginning: Beginning) -> None:
    """For some minutes; once a walk has failed it is shrunk, however long that takes."""
    until = time.monotonic() + SECONDS
    totals = {"walks": 0, "steps": 0, "compared": 0}
    failed = False

    @seed(_seed())
    @settings(
        max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink), report_multiple_bugs=False,
    )  # fmt: skip
    @given(walks(longest=14))
    def go(steps: list[Step]) -> None:
        nonlocal failed
        if time.monotonic() > until and not failed:
            return
        beginning.bring_back()
        try:
            totals["compared"] += _walk(beginning, steps)
        except AssertionError:
            failed = True
            raise
        totals["walks"] += 1
        totals["steps"] += len(steps)

    given_walk = os.environ.get("PRESSROOM_WALK")
    if given_walk:
        beginning.bring_back()
        _walk(beginning, ast.literal_eval(given_walk))
        return
    go()
    print(f"\n{totals}", end="")
    figures.note({"group": "random walks", **totals})
    assert totals["walks"] > 1

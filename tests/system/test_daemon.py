"""A daemon ends when it is told to, and loudly when a part of it fails."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Iterator

import pytest

from pressroom.system.daemon import collect_garbage_every, run_until_stopped


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def _fails() -> None:
    raise LookupError("a fault of ours")


async def _ends() -> None:
    return


async def _end_this_process() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.Event().wait()


def test_it_ends_by_a_signal_and_its_parts_with_it() -> None:
    cancelled = []

    async def part() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(True)

    asyncio.run(run_until_stopped(part(), _end_this_process()))
    assert cancelled == [True]


def test_a_part_that_fails_ends_it_with_its_error() -> None:
    with pytest.raises(LookupError):
        asyncio.run(run_until_stopped(_for_ever(), _fails()))


def test_no_part_ends_by_itself() -> None:
    with pytest.raises(RuntimeError):
        asyncio.run(run_until_stopped(_for_ever(), _ends()))


@pytest.fixture
def full_collections() -> Iterator[list[int]]:
    """A line for each time that all objects are looked through; Python's settings come back."""
    seen: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "stop" and info["generation"] == 2:
            seen.append(info["collected"])

    thresholds = gc.get_threshold()
    gc.callbacks.append(note)
    yield seen
    gc.callbacks.remove(note)
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def test_all_objects_are_looked_through_when_their_time_has_come_and_not_before(full_collections: list[int]) -> None:
    async def come_and_go() -> None:
        collecting = asyncio.create_task(collect_garbage_every(0.5))
        await asyncio.sleep(0)
        full_collections.clear()
        kept = [[number] for number in range(500_000)]  # Python would look at them several times
        assert full_collections == []
        del kept
        loop: list[object] = []
        loop.append(loop)
        del loop
        async with asyncio.timeout(20):
            while not full_collections:
                await asyncio.sleep(0.01)
        collecting.cancel()

    asyncio.run(come_and_go())
    assert len(full_collections) == 1 and full_collections[0] >= 1

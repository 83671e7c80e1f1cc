"""A daemon ends when it is told to, and loudly when a part of it fails."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from pressroom.system.daemon import run_until_stopped


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

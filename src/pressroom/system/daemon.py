"""What the platform's daemons have in common: how they are started, how they log, and how they end."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import structlog

# Of a young generation's collections, after how many Python looks through all objects by itself: never.
_NEVER = 1_000_000_000


def environment(code: Path | None) -> tuple[tuple[str, str], ...]:
    """With which a daemon finds this package (`code` is Layout.code), and says at once what it says."""
    path = () if code is None else (("PYTHONPATH", str(code)),)
    return (("PYTHONDONTWRITEBYTECODE", "1"), *path, ("PYTHONUNBUFFERED", "1"))


def log_as_json() -> None:
    """One JSON object a line on standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def collect_young_garbage_alone() -> None:
    """Python looks no more through all objects whenever it would: all threads stand still meanwhile.

    What stands already is never looked at again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*gc.get_threshold()[:2], _NEVER)


async def collect_garbage_every(seconds: float) -> None:
    """Look through all objects for garbage this often alone."""
    collect_young_garbage_alone()
    while True:
        await asyncio.sleep(seconds)
        gc.collect()


async def run_until_stopped(*parts: Coroutine[Any, Any, None]) -> None:
    """Run all until SIGTERM or SIGINT comes, then cancel them.

    None of them ends by itself but by a fault of ours. It is raised, so that the process ends loudly and the engine
    starts it anew: a daemon without one of its parts would look alive and break its promise in silence.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stopping = asyncio.create_task(stop.wait())
    running = [asyncio.create_task(part) for part in parts]
    await asyncio.wait({stopping, *running}, return_when=asyncio.FIRST_COMPLETED)
    ended = [task for task in running if task.done()]
    for task in {stopping, *running}:
        task.cancel()
    for task in ended:
        task.result()
        raise RuntimeError("a part of the daemon has ended")

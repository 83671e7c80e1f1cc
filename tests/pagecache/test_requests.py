"""What the renderer asks keeps nobody at the barrier from hearing that it is worked on."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from pressroom.pagecache.invalidator.barrier import PassedCommits
from pressroom.pagecache.invalidator.requests import Requests
from pressroom.pagecache.invalidator.swap import Swaps
from tests.pagecache.cache_world import World


@pytest.mark.parametrize(
    "request_",
    [
        {"op": "begin", "site": "s1", "key": "/"},
        {"op": "refused", "site": "s1", "key": "/"},
        {"op": "stands", "site": "s1", "key": "/"},
    ],
)
def test_the_event_loop_goes_on_while_the_disk_takes_nothing(world: World, request_: dict[str, Any]) -> None:
    """Whoever holds the invalidator's lock waits for the disk, and so does who asks for it."""
    nothing: Any = None

    async def ask_renderer(site: str, seconds: float) -> bool:
        return False

    async def test() -> None:
        swaps = Swaps(world.cache.is_held, world.cache.settle, ask_renderer)
        requests = Requests(
            world.cache, swaps, PassedCommits(), nothing, caught_up=nothing, look=nothing, figures=nothing
        )
        held, gone = threading.Event(), threading.Event()

        def hold() -> None:
            with world.cache._lock:
                held.set()
                gone.wait(5.0)

        holder = threading.Thread(target=hold)
        holder.start()
        held.wait()
        answer = asyncio.create_task(requests.answer(request_))
        began = time.monotonic()
        await asyncio.sleep(0.1)
        await swaps.settled("s1")  # so does what is asked for each who waits
        took, was_answered = time.monotonic() - began, answer.done()
        gone.set()
        assert (await answer)["ok"]
        holder.join()
        assert took < 1.0 and not was_answered

    asyncio.run(test())

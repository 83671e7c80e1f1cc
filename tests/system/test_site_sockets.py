"""A socket for each site: how many of one's connections are taken, and what becomes of the others meanwhile."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pressroom.system import site_sockets
from pressroom.system.site_sockets import SiteSockets
from tests.wall_table import Seen

_FLOOD = ("connections to the platform's sockets without end, for the processor", "so many are taken in a second")
_TAKEN, _KNOCKS = 20, 100


class Taken:
    """How many of each site; they are closed at once."""

    def __init__(self) -> None:
        self.of: Counter[str] = Counter()
        self.fault: Exception | None = None

    async def take(self, site: str, connection: socket.socket) -> None:
        connection.close()
        self.of[site] += 1
        if self.fault is not None:
            raise self.fault


@pytest.fixture
def knocked(tmp_path: Path) -> Iterator[tuple[SiteSockets, Taken, dict[str, Path]]]:
    taken = Taken()
    yield SiteSockets(taken.take, queue=2 * _KNOCKS), taken, {site: tmp_path / f"{site}.sock" for site in ("s1", "s2")}


async def _knock(path: Path, times: int = 1) -> None:
    """Each is in the queue when this returns; who takes them has not been asked yet."""
    for _ in range(times):
        with socket.socket(socket.AF_UNIX) as visitor:
            visitor.setblocking(False)
            visitor.connect(str(path))


async def _until(taken: Taken, site: str, many: int) -> None:
    async with asyncio.timeout(5):
        while taken.of[site] < many:
            await asyncio.sleep(0.005)
    assert taken.of[site] == many


async def _taken_in(seconds: float, knocked: tuple[SiteSockets, Taken, dict[str, Path]]) -> Counter[str]:
    sockets, taken, paths = knocked
    sockets.attend(paths)
    await _knock(paths["s1"], _KNOCKS)
    await asyncio.sleep(seconds)
    before = Counter(taken.of)
    await _knock(paths["s2"])
    await _until(taken, "s2", 1)
    sockets.attend({})
    return before


def test_of_a_flood_so_many_are_taken_in_a_second(
    knocked: tuple[SiteSockets, Taken, dict[str, Path]], monkeypatch: pytest.MonkeyPatch, seen: Seen
) -> None:
    monkeypatch.setattr(site_sockets, "TAKEN", _TAKEN)
    assert _TAKEN <= asyncio.run(_taken_in(1.0, knocked))["s1"] <= 3 * _TAKEN
    seen.kept_out(*_FLOOD)


def test_without_that_bound_all_are(
    knocked: tuple[SiteSockets, Taken, dict[str, Path]], monkeypatch: pytest.MonkeyPatch, seen: Seen
) -> None:
    monkeypatch.setattr(site_sockets, "TAKEN", 10**9)
    assert asyncio.run(_taken_in(1.0, knocked))["s1"] == _KNOCKS
    seen.came_through(*_FLOOD)


def test_after_a_quiet_time_as_many_are_taken_at_once(
    knocked: tuple[SiteSockets, Taken, dict[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_sockets, "TAKEN", _TAKEN)
    sockets, taken, paths = knocked

    async def test() -> None:
        sockets.attend(paths)
        for many in (_TAKEN, 2 * _TAKEN):
            began = time.monotonic()
            await _knock(paths["s1"], _TAKEN)
            await _until(taken, "s1", many)
            assert time.monotonic() - began < 0.7  # one after the other they would take a second
            await asyncio.sleep(1.1)  # the quiet time
        sockets.attend({})

    asyncio.run(test())


def test_a_fault_of_ours_is_heard_of_and_the_site_listens_again(
    knocked: tuple[SiteSockets, Taken, dict[str, Path]],
) -> None:
    sockets, taken, paths = knocked

    async def test() -> None:
        sockets.attend(paths)
        taken.fault = ValueError("ours")
        await _knock(paths["s1"])
        await _until(taken, "s1", 1)
        taken.fault = None
        with pytest.raises(ValueError, match="ours"):
            sockets.attend(paths)
        sockets.attend(paths)
        await _knock(paths["s1"])
        await _until(taken, "s1", 2)
        sockets.attend({})

    asyncio.run(test())

"""The renderer watches whether the invalidator is there: a store that nobody keeps right is not served for long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pressroom.pagecache.invalidator.gate import Gates
from pressroom.pagecache.renderer import daemon as module
from pressroom.pagecache.renderer.daemon import RendererDaemon
from pressroom.system import messages
from pressroom.system.messages import Message

SITES = ["s1", "s2"]


class Node:
    """Two sites with open gates, and a renderer that takes an invalidator for gone after a second."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.socket, self.gates = folder / "socket", Gates(folder)
        for site in SITES:
            (folder / site).mkdir()
            self.gates.open(site)
        monkeypatch.setattr(module, "_HANGS_TICK", 0.05)
        monkeypatch.setattr(module, "_GONE_AFTER", 1.0)
        layout: Any = SimpleNamespace(invalidator_socket=self.socket, gates=folder)
        roster: Any = SimpleNamespace(sites=lambda: SITES)
        self._daemon = object.__new__(RendererDaemon)
        self._daemon._layout, self._daemon._roster = layout, roster

    async def comes(self) -> None:
        async def answer(_: Message) -> Message:
            return {}

        await messages.serve(self.socket, answer)

    def open(self) -> list[str]:
        return [site for site in SITES if self.gates.is_open(site)]

    async def all_closed(self) -> None:
        async with asyncio.timeout(10):
            while self.open():
                await asyncio.sleep(0.02)

    def watched(self, test: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async def run() -> None:
            watch = asyncio.create_task(self._daemon._watch_the_invalidator())
            await test()
            assert not watch.done()
            watch.cancel()

        asyncio.run(run())


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    return Node(tmp_path, monkeypatch)


def test_gates_close_where_it_is_gone_for_long(node: Node) -> None:
    """Guard: supervision gives up on a program that ends again and again."""

    async def test() -> None:
        await node.comes()
        await asyncio.sleep(0.3)
        node.socket.unlink()
        await asyncio.sleep(0.5)
        assert node.open() == SITES
        await node.all_closed()

    node.watched(test)


def test_one_that_is_started_anew_keeps_its_store(node: Node) -> None:
    async def test() -> None:
        for _ in range(3):
            await node.comes()
            await asyncio.sleep(0.2)
            node.socket.unlink()
            await asyncio.sleep(0.5)
        assert node.open() == SITES

    node.watched(test)


def test_one_that_needs_long_for_its_first_start_keeps_its_store(node: Node) -> None:
    async def test() -> None:
        await asyncio.sleep(1.5)
        assert node.open() == SITES

    node.watched(test)


def test_a_gate_that_it_opens_again_stays_open(node: Node) -> None:
    async def test() -> None:
        await node.comes()
        await asyncio.sleep(0.2)
        node.socket.unlink()
        await node.all_closed()
        await node.comes()
        node.gates.open("s1")
        await asyncio.sleep(0.3)
        assert node.open() == ["s1"]

    node.watched(test)

"""The scanner's side of the socket: a worker behind a tenant's walls may answer anything, or not at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pressroom.integrity import client
from pressroom.integrity.limits import Bounds
from pressroom.model.errors import CommandFailed, Conflict

Speaks = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
DONE = b'{"done":true,"files":0,"seconds":0.1,"cut":null}\n'


def _against(tmp_path: Path, speaks: Speaks, asks: Callable[[Path], Awaitable[object]]) -> object:
    async def run() -> object:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await speaks(reader, writer)
                await writer.drain()
            except ConnectionError:
                pass
            finally:
                writer.close()

        path = tmp_path / "s.sock"
        async with await asyncio.start_unix_server(connected, path):
            return await asks(path)

    return asyncio.run(run())


def _says(text: bytes) -> Speaks:
    async def speaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(text)

    return speaks


def _look(path: Path) -> Awaitable[object]:
    return client.look(path, None, Bounds(seconds=1))


async def _take(path: Path) -> object:
    async with client.taken(path, "x.php", "a" * 64) as copy:
        return copy


@pytest.mark.parametrize(
    "text", [b"\n", b"garbage\n", b"{}\n", b'{"file":"../x"}\n', b"[1]\n", b"x" * 300_000 + b"\n", b"[" * 9999 + b"\n"]
)
def test_a_report_that_cannot_be_read(text: bytes, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed):
        _against(tmp_path, _says(text), _look)


def test_a_worker_that_closes_at_once_has_told_no_whole_report(tmp_path: Path) -> None:
    report = _against(tmp_path, _says(b""), _look)
    assert getattr(report, "cut", None) == "it broke off"


def test_a_report_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guard: the bound of what is told."""
    monkeypatch.setattr(client, "_MOST_TOLD", 100_000)

    async def speaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b'{"extension":"a","version":"1"}\n')
            await writer.drain()

    with pytest.raises(CommandFailed, match="too much"):
        _against(tmp_path, speaks, _look)


def test_a_worker_that_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_PATIENCE", 0.2)

    async def speaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    with pytest.raises(CommandFailed, match="too long"):
        _against(tmp_path, speaks, lambda path: client.look(path, None, Bounds(seconds=0)))


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed):
        asyncio.run(client.look(tmp_path / "none.sock", None, Bounds()))


@pytest.mark.parametrize(
    "facts",
    [
        {"size": -1, "mode": 0, "time": 0}, {"size": 2**40, "mode": 0, "time": 0}, {"size": 9, "mode": 0, "time": 0},
        {"size": "x", "mode": 0, "time": 0}, {}, [],
        {"size": 4, "mode": 0, "time": 0},  # whose content is not what was found
    ],
)  # fmt: skip
def test_a_file_that_comes_in_another_form(facts: object, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed):
        _against(tmp_path, _says(json.dumps(facts).encode() + b"\nabcd"), _take)


def test_a_file_that_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Conflict, match=r"x.php has changed"):
        _against(tmp_path, _says(b'{"refused":"has changed"}\n'), _take)

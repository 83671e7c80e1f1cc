"""Asks a site's worker: over a socket on which the activator starts it behind the site's walls."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path

from pressroom.integrity.limits import MOST_DIGESTED, Bounds
from pressroom.integrity.malware import meanings
from pressroom.integrity.report import Report, read
from pressroom.model.errors import CommandFailed, Conflict
from pressroom.system.messages import Message, decode, encode

_MOST_TOLD = 64 * 2**20  # bytes of one report
_LONGEST_LINE = 2**17
_PATIENCE = 60.0  # seconds beyond a look's own, in which the worker begins and a file comes or goes


@dataclass(frozen=True)
class Copy:
    """A file's content with what is needed to put it back: mode, and mtime in nanoseconds."""

    content: bytes
    mode: int
    time: int

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


async def look(socket: Path, units: tuple[str, ...] | None, bounds: Bounds) -> Report:
    """Raises CommandFailed where the worker does not begin, or tells nothing that could be read."""
    lines: list[bytes] = []
    told = 0
    async with _asked(socket, bounds.seconds + _PATIENCE) as (reader, writer):
        request = {"op": "look", "units": None if units is None else list(units), "bounds": asdict(bounds)}
        writer.write(encode(request))
        while line := await reader.readline():
            told += len(line)
            if told > _MOST_TOLD:
                raise _failed("it told too much")
            lines.append(line)
    try:
        return read(lines, frozenset(meanings()), units)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise _failed(f"its report cannot be read: {error}") from error


@contextlib.asynccontextmanager
async def taken(socket: Path, path: str, digest: str | None) -> AsyncIterator[Copy]:
    """The file's content; when the block ends well, the file is removed.

    Raises Conflict where it is not what was found any more, CommandFailed.
    """
    async with _asked(socket, _PATIENCE) as (reader, writer):
        writer.write(encode({"op": "take", "path": path, "digest": digest}))
        facts = await _answer(reader, path)
        size = int(facts["size"])
        if not 0 <= size <= MOST_DIGESTED:
            raise _failed("a size that cannot be")
        copy = Copy(await reader.readexactly(size), int(facts["mode"]) & 0o777, int(facts["time"]))
        if digest is not None and copy.digest != digest:
            raise _failed("the content is another")
        yield copy
        writer.write(encode({"kept": True}))
        await _answer(reader, path)


async def put(socket: Path, path: str, copy: Copy) -> None:
    """Raises Conflict when something is there already, CommandFailed."""
    async with _asked(socket, _PATIENCE) as (reader, writer):
        request = {"op": "put", "path": path, "size": len(copy.content), "mode": copy.mode, "time": copy.time}
        writer.write(encode(request) + copy.content)
        await _answer(reader, path)


async def _answer(reader: asyncio.StreamReader, path: str) -> Message:
    answer = decode(await reader.readline())
    if "refused" in answer:
        raise Conflict(f"{path} {str(answer['refused'])[:200]}", hint="scan the site again: pressroom site scan DOMAIN")
    return answer


@contextlib.asynccontextmanager
async def _asked(socket: Path, seconds: float) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_unix_connection(socket, limit=_LONGEST_LINE)
            yield reader, writer
    except TimeoutError as error:
        raise _failed("it took too long") from error
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise _failed(str(error)) from error
    finally:
        if writer is not None:
            writer.close()


def _failed(why: str) -> CommandFailed:
    return CommandFailed(
        f"the site's files could not be looked at: {why}", hint="read its log: log/scan-NAME.log below the node's root"
    )

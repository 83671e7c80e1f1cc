"""Reads and clears the boxes of caught mail. All text that comes back is inert for a terminal."""

from __future__ import annotations

import email
import email.message
import email.parser
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pressroom.mail.box import END_OF_BLOCK, MESSAGE_ID, box_folder
from pressroom.mail.decoding import decoded_bytes, decoded_header
from pressroom.model.errors import NotFound
from pressroom.model.inert import inert, inert_line
from pressroom.model.layout import Layout

_HEAD_BYTES = 64 * 1024
_MOST_PARTS = 50
_MOST_HEADERS = 200
_MOST_TEXT = 256 * 1024  # characters of one part that are shown


@dataclass(frozen=True)
class Message:
    """One caught message. ``why`` says why it was not sent; ``size`` is in bytes."""

    id: str
    at: datetime
    sender: str
    recipients: tuple[str, ...]
    subject: str
    size: int
    why: str


@dataclass(frozen=True)
class Part:
    """A text part, or (without text) the name of an attachment."""

    content_type: str
    text: str
    file_name: str | None = None


@dataclass(frozen=True)
class Opened:
    """A message with its headers in their order and its parts."""

    message: Message
    headers: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]


def list_messages(layout: Layout, site: str) -> list[Message]:
    """The site's caught messages, newest first. A box that does not exist yet is empty."""
    messages = []
    for path in sorted(_paths(layout, site), reverse=True):
        try:
            with path.open("rb") as file:
                head, size = file.read(_HEAD_BYTES), path.stat().st_size
        except FileNotFoundError:
            continue  # Taken out for a newer one between the listing and now.
        messages.append(_message(path.name, head, size))
    return messages


def read_message(layout: Layout, site: str, message_id: str) -> Opened:
    """One message in full. Raises NotFound."""
    path = box_folder(layout, site) / "new" / message_id
    try:
        if not MESSAGE_ID.fullmatch(message_id):
            raise FileNotFoundError
        data = path.read_bytes()
    except FileNotFoundError:
        raise NotFound(
            f"site {site} has no message {inert_line(message_id)[:80]}", hint="list the site's mail to see the ids"
        ) from None
    own = data[_block_end(data) :]
    try:
        parsed = email.message_from_bytes(own)
        headers, parts = _headers(parsed), tuple(_parts(parsed))
    except RecursionError:  # Parts nested in parts without end.
        headers, parts = (), (Part("text/plain", inert(decoded_bytes(own, None)[:_MOST_TEXT])),)
    return Opened(_message(message_id, data[:_HEAD_BYTES], len(data)), headers, parts)


def clear(layout: Layout, site: str, message_id: str | None = None) -> int:
    """Remove one message, or all of the site's. Returns how many are gone. Raises NotFound for an unknown id."""
    if message_id is not None:
        read_message(layout, site, message_id)
        (box_folder(layout, site) / "new" / message_id).unlink(missing_ok=True)
        return 1
    paths = list(_paths(layout, site))
    for path in paths:
        path.unlink(missing_ok=True)
    return len(paths)


def _paths(layout: Layout, site: str) -> Iterator[Path]:
    folder = box_folder(layout, site) / "new"
    if folder.is_dir():
        yield from (path for path in folder.iterdir() if MESSAGE_ID.fullmatch(path.name))


def _block_end(data: bytes) -> int:
    """Where our own block ends. It is first in the file, so the first such line is ours."""
    start = data.find(b"\n" + END_OF_BLOCK)
    return 0 if start < 0 else data.index(b"\n", start + 1) + 1


def _message(name: str, head: bytes, size: int) -> Message:
    end = _block_end(head)
    fields = [line.partition(": ") for line in head[:end].decode(errors="replace").split("\n")]
    own = email.parser.BytesHeaderParser().parsebytes(head[end:])
    return Message(
        id=name,
        at=datetime.fromtimestamp(int(name[:19]) / 1e9, tz=UTC),
        sender=inert_line(next((v for k, _, v in fields if k == "Return-Path"), "")).strip("<>"),
        recipients=tuple(inert_line(v) for k, _, v in fields if k == "Delivered-To"),
        subject=decoded_header(next((v for k, v in own.raw_items() if k.lower() == "subject"), "")),
        size=size - end,
        why=inert_line(next((v for k, _, v in fields if k == "X-Pressroom-Caught"), "")),
    )


def _headers(parsed: email.message.Message) -> tuple[tuple[str, str], ...]:
    raw = parsed.raw_items()
    return tuple((inert_line(k), decoded_header(v)) for (k, v), _ in zip(raw, range(_MOST_HEADERS), strict=False))


def _parts(parsed: email.message.Message) -> Iterator[Part]:
    for part, _ in zip(parsed.walk(), range(_MOST_PARTS), strict=False):
        if part.is_multipart():
            continue
        kind, name = inert_line(part.get_content_type()), part.get_filename()
        if name is not None or part.get_content_maintype() != "text":
            yield Part(kind, "", decoded_header(name or "unnamed"))
            continue
        payload = part.get_payload(decode=True)
        data = payload if isinstance(payload, bytes) else b""
        yield Part(kind, inert(decoded_bytes(data, part.get_content_charset())[:_MOST_TEXT]))

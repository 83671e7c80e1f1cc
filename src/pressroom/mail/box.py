"""Where caught mail is kept: a Maildir for each site, bounded.

Every stored message begins with a block of our own: ``Return-Path``, ``Delivered-To`` and, last,
``X-Pressroom-Caught``. Whatever a message says of itself comes after that line and is not believed.
"""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from pressroom.model.errors import InvalidInput
from pressroom.model.layout import SITE_NAME, Layout
from pressroom.system import files

MOST_MESSAGES = 1_000
MOST_BYTES = 50 * 1024 * 1024
LARGEST_MESSAGE = 10 * 1024 * 1024
MESSAGE_ID = re.compile(r"[0-9]{19}\.[0-9a-f]{12}\.pressroom")
END_OF_BLOCK = b"X-Pressroom-Caught: "


@dataclass(frozen=True)
class Letter:
    """A message on its way: who sends (the site, by its Unix user), the envelope, and the text as it came."""

    site: str
    sender: str
    recipients: tuple[str, ...]
    content: bytes


def box_folder(layout: Layout, site: str) -> Path:
    """The Maildir of a site. Raises InvalidInput for what is no site's short name (nor a path)."""
    if not SITE_NAME.fullmatch(site):
        raise InvalidInput(f"{site!r} is no site's short name", hint="short names look like s12; see the list of sites")
    return layout.mail / site


def catch(layout: Layout, letter: Letter, *, why: str) -> str:
    """Keep a message in its site's box, then take the oldest out until the box is within its bounds. Returns its id.

    `why` is one line for the reader. The message is on disk when this returns. Raises NoSpace.
    """
    folder = box_folder(layout, letter.site)
    for part in ("", "tmp", "new", "cur"):
        files.make_directory(folder / part, mode=0o750)
    name = f"{time.time_ns():019d}.{secrets.token_hex(6)}.pressroom"
    written = folder / "tmp" / name
    files.write(written, _block(letter, why) + letter.content.replace(b"\r\n", b"\n"), mode=0o640)
    written.rename(folder / "new" / name)
    files.sync_directory(folder / "new")
    _shrink(folder / "new")
    return name


def _block(letter: Letter, why: str) -> bytes:
    lines = [f"Return-Path: <{letter.sender}>", *(f"Delivered-To: {one}" for one in letter.recipients)]
    text = "\n".join(" ".join(line.split()) for line in lines) + "\n"
    return text.encode() + END_OF_BLOCK + " ".join(why.split()).encode() + b"\n"


def _shrink(folder: Path) -> None:
    entries = sorted((entry for entry in folder.iterdir() if MESSAGE_ID.fullmatch(entry.name)), reverse=True)
    total = 0
    for number, entry in enumerate(entries):
        total += entry.stat().st_size
        if number >= MOST_MESSAGES or (number > 0 and total > MOST_BYTES):
            entry.unlink(missing_ok=True)

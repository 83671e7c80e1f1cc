"""Pages as a render leaves them, beside the store."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import json
from pathlib import Path

import brotli

from pressroom.pagecache.binlog.positions import Position
from pressroom.pagecache.invalidator.stock import Rendered
from pressroom.pagecache.matching.reads import UNRECORDED, Reads
from pressroom.pagecache.store import PAGE, REDIRECT, Staged

_numbers = itertools.count()


def staged(beside: Path, body: bytes, kind: str = PAGE, head: object = None) -> Staged:
    """All files of one page, compressed forms too, in a new folder below `beside`."""
    folder = beside / f"staged-{next(_numbers)}"
    folder.mkdir(parents=True)
    if head is not None:
        (folder / "head").write_text(json.dumps(head))
    if kind != REDIRECT:
        stem = "page" if kind == PAGE else "body"
        (folder / stem).write_bytes(body)
        (folder / f"{stem}.br").write_bytes(brotli.compress(body))
        (folder / f"{stem}.gz").write_bytes(gzip.compress(body))
    return Staged(folder, kind)


def rendered(
    beside: Path, body: bytes, fence: Position, reads: Reads = UNRECORDED, *, valid_until: float | None = None
) -> Rendered:
    """A page that may have read anything, unless `reads` says what."""
    digest = hashlib.sha256(body).hexdigest()
    return Rendered(fence, staged(beside, body), len(body), digest, 0.1, 20, reads, valid_until)

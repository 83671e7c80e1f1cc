"""Whether two renders of a page are the same, and where they differ."""

from __future__ import annotations

import difflib
import re
from itertools import islice

# What differs between two renders of the same state, and why it may. One list.
RENDER_NOISE = (
    re.compile(rb'name="[a-z_-]*nonce"[^>]*value="[0-9a-f]{10}"'),  # WordPress nonces change twice a day
    re.compile(rb'"nonce":"[0-9a-f]{10}"'),
    re.compile(rb"_wpnonce=[0-9a-f]{10}"),
)

_MOST_COMPARED = 5_000  # lines; what is behind them tells nothing more, and the time grows with their square


def settled(body: bytes) -> bytes:
    """Without what differs between two renders of the same state."""
    for noise in RENDER_NOISE:
        body = noise.sub(b"", body)
    return body


def difference(stored: bytes, fresh: bytes, *, lines: int = 20, width: int = 200) -> str:
    """The first lines that differ, as a unified diff; each is cut to `width` characters."""
    differing = difflib.unified_diff(_lines(stored), _lines(fresh), "stored", "fresh", lineterm="", n=0)
    return "\n".join(line[:width] for line in islice(differing, lines))


def _lines(body: bytes) -> list[str]:
    return body.decode(errors="replace").splitlines()[:_MOST_COMPARED]

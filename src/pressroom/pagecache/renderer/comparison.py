"""Whether two renders of a page are the same, and where they differ."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from itertools import islice

# What differs between two renders of the same state, and why it may. One list.
RENDER_NOISE = (
    re.compile(rb'name="[a-z_-]*nonce"[^>]*value="[0-9a-f]{10}"'),  # WordPress nonces change twice a day
    re.compile(rb'"nonce":"[0-9a-f]{10}"'),
    re.compile(rb"_wpnonce=[0-9a-f]{10}"),
)

_TAG = re.compile(rb"[^<>]*>?")
_NEAR = 8  # pieces around a change that belong to it
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


def differs(body: bytes, plain: Sequence[bytes], other: bytes) -> bool:
    """Whether `other` says something else than `body`, and not by chance, as far as the `plain` renders show.

    By chance is what lies where they differ too (a number, a chosen quotation), and what only comes in another order.
    """
    whole, rest, said = _pieces(body), [_pieces(one) for one in plain], _pieces(other)
    random = {
        near
        for one in rest
        for start, stop, _, _ in _changes(whole, one)
        for near in range(start - _NEAR, stop + _NEAR + 1)
    }
    known = set(whole).union(*rest)
    always = set(whole).intersection(*rest)
    gone = always - set(said)
    return any(
        not random.issuperset(range(start, max(stop, start + 1)))
        and (not known.issuperset(said[other_start:other_stop]) or not gone.isdisjoint(whole[start:stop]))
        for start, stop, other_start, other_stop in _changes(whole, said)
    )


def _pieces(body: bytes) -> list[bytes]:
    return [piece for piece in _TAG.findall(settled(body)) if piece]


def _changes(one: list[bytes], other: list[bytes]) -> list[tuple[int, int, int, int]]:
    """What is replaced by what: from and to in `one`, from and to in `other`."""
    opcodes = difflib.SequenceMatcher(None, one, other).get_opcodes()
    return [(start, stop, begin, end) for what, start, stop, begin, end in opcodes if what != "equal"]

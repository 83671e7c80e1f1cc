"""How much of a site is looked at: what is there was laid there by somebody who may not want it to be seen."""

from __future__ import annotations

from dataclasses import dataclass

MOST_OF_FILE = 8 * 2**20  # bytes that rules are matched with
MOST_DIGESTED = 64 * 2**20  # bytes of a file that is compared, or taken away


@dataclass(frozen=True)
class Bounds:
    """``seconds`` of wall time in all; ``files`` and folders; ``levels`` of folders."""

    seconds: float = 900.0
    files: int = 400_000
    levels: int = 64

"""Makes hostile text harmless for a terminal. Pure."""

from __future__ import annotations

import re

# C0 but tab and newline, DEL, C1 (8-bit CSI is among them), line and paragraph separators, the marks that turn the
# direction of text (Unicode TR 36, 2.5), invisible ones, lone surrogates.
_HOSTILE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2060-\u2069\u061c\u180e\ufeff\ud800-\udfff]"
    "|[\U000e0000-\U000e007f]"
)


def inert(text: str) -> str:
    """The text with every character that steers a terminal or hides shown as its escape (``\\x1b``)."""
    return _HOSTILE.sub(lambda found: _escaped(found[0]), text.replace("\r\n", "\n"))


def inert_line(text: str) -> str:
    """The same, on one line."""
    return inert(" ".join(text.split()))


def _escaped(sign: str) -> str:
    code = ord(sign)
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return f"\\u{code:04x}" if code > 0xFF else f"\\x{code:02x}"

"""Makes hostile text harmless for a terminal, and decodes mail's encoded words. Pure."""

from __future__ import annotations

import re
from email.errors import HeaderParseError
from email.header import decode_header

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


def decoded_header(raw: str) -> str:
    """A header's value with its encoded words (RFC 2047) decoded, inert, on one line."""
    try:
        parts = decode_header(raw)
    except (HeaderParseError, ValueError):
        return inert_line(_utf8(raw))
    return inert_line("".join(_text(part, charset) for part, charset in parts))


def decoded_bytes(data: bytes, charset: str | None) -> str:
    """Text of that charset; of UTF-8 where the charset is unknown."""
    try:
        return data.decode(charset or "utf-8", errors="replace")
    except (LookupError, ValueError, UnicodeError):
        return data.decode("utf-8", errors="replace")


def _text(part: bytes | str, charset: str | None) -> str:
    if isinstance(part, str):
        return _utf8(part)
    if charset in (None, "unknown-8bit"):
        return _utf8(part.decode("ascii", errors="surrogateescape"))
    return decoded_bytes(part, charset)


def _utf8(raw: str) -> str:
    """Raw UTF-8 in a header (common, if against RFC 5322) comes from the parser as surrogates."""
    return raw.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace")

"""Decodes mail's encoded words and charsets, to text that is harmless for a terminal. Pure."""

from __future__ import annotations

from email.errors import HeaderParseError
from email.header import decode_header

from pressroom.model.inert import inert_line


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

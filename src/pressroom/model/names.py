"""Names that come from outside, checked before anything is touched."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import idna

from pressroom.model.errors import InvalidInput

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&*+/=?^_{|}~-]{1,64}@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)\Z")
_USER = re.compile(r"(?!.*  )[A-Za-z0-9_.@-](?:[A-Za-z0-9 _.@-]{0,58}[A-Za-z0-9_.@-])?\Z")
# Browsers read a name with such an end as an IPv4 address (WHATWG URL, "ends in a number").
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)\Z")
# Scripts that one word may hold side by side, by the first word of their letters' Unicode names ("highly restrictive"
# in UTS 39, section 5.2).
_HAN = {"LATIN", "CJK", "IDEOGRAPHIC"}
_TOGETHER = (
    _HAN | {"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"},
    _HAN | {"BOPOMOFO"},
    _HAN | {"HANGUL"},
)
_LONGEST_DOMAIN, _LONGEST_TITLE, _LONGEST_EMAIL = 253, 200, 254
_HOW = "write it as letters, digits, hyphens and dots, like news.example.org"


@dataclass(frozen=True)
class Domain:
    """A domain in its one form: lower case, ASCII (RFC 1035 labels, RFC 5891 for what is not ASCII)."""

    name: str

    def __str__(self) -> str:
        return self.name

    @classmethod
    def parse(cls, text: str) -> Domain:
        """Raises InvalidInput; nothing that passes can end a string, a line or a block in a configuration."""
        ascii_name = _to_ascii(text)
        labels = ascii_name.split(".")
        if len(ascii_name) > _LONGEST_DOMAIN:
            raise InvalidInput(f"the domain is longer than {_LONGEST_DOMAIN} characters", hint=_HOW)
        if len(labels) < 2:
            raise InvalidInput(f"{_shown(text)} has no dot, so it is no domain", hint=_HOW)
        if not all(_LABEL.match(label) for label in labels):
            raise InvalidInput(f"{_shown(text)} is not a domain", hint=_HOW)
        if _NUMBER.match(labels[-1]):
            raise InvalidInput(f"{_shown(text)} is an address, not a domain", hint=_HOW)
        for label in labels:
            _check_punycode(label, text)
        return cls(ascii_name)


def _to_ascii(text: str) -> str:
    if text.isascii():
        return text.lower()
    if len(text) > _LONGEST_DOMAIN:  # to encode it takes time by the square of its length
        raise InvalidInput(f"the domain is longer than {_LONGEST_DOMAIN} characters", hint=_HOW)
    try:
        return idna.encode(text.lower(), strict=True).decode()
    except idna.IDNAError as error:
        raise InvalidInput(f"{_shown(text)} is not a domain: {error}", hint=_HOW) from error


def _check_punycode(label: str, text: str) -> None:
    """An xn-- label must be what its own text encodes to, in letters of one script."""
    if label[2:4] == "--" and not label.startswith("xn--"):
        raise InvalidInput(f"{_shown(text)} has a reserved label", hint=_HOW)
    if not label.startswith("xn--"):
        return
    try:
        decoded = idna.decode(label)
        again = idna.encode(decoded).decode()
    except (idna.IDNAError, UnicodeError) as error:
        raise InvalidInput(f"{_shown(text)} has a label that decodes to nothing: {error}", hint=_HOW) from error
    scripts = {unicodedata.name(letter, "?").split(" ")[0] for letter in decoded if letter.isalpha()}
    if again != label:
        raise InvalidInput(f"{_shown(text)} has a label that is not in its one form", hint=_HOW)
    if len(scripts) > 1 and not any(scripts <= together for together in _TOGETHER):
        raise InvalidInput(f"{_shown(text)} mixes letters of several scripts", hint="use letters of one script")


def valid_title(text: str) -> str:
    """A site's title: 1 to 200 characters, none of them a control character."""
    stripped = text.strip()
    if not stripped or len(stripped) > _LONGEST_TITLE:
        raise InvalidInput(f"a title has 1 to {_LONGEST_TITLE} characters", hint="choose another --title")
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in stripped):
        raise InvalidInput("the title has a control character", hint="type the title in one line of text")
    return stripped


def valid_email(text: str) -> str:
    """An address as mail servers everywhere take it: ASCII, no quoting."""
    match = _EMAIL.match(text)
    # A leading hyphen would be read as an option where addresses are words of a command line.
    if len(text) > _LONGEST_EMAIL or match is None or ".." in text or text[0] in ".-" or ".@" in text:
        raise InvalidInput(f"{_shown(text)} is not an e-mail address", hint="write it like editor@example.org")
    Domain.parse(match.group(1))
    return text


def valid_admin_user(text: str) -> str:
    """A login name as WordPress's strict `sanitize_user` leaves it unchanged."""
    if not _USER.match(text):
        raise InvalidInput(
            f"{_shown(text)} is not a login name", hint="use 1 to 60 letters, digits, spaces and . _ - @"
        )
    return text


def _shown(text: str) -> str:
    """The text made harmless for a terminal and short."""
    return ascii(text[:80])

"""Secret text whose repr is redacted, and where new secrets come from."""

from __future__ import annotations

import re
import secrets
import string
from dataclasses import dataclass, field

# WordPress's own generator uses these; the quote and the backslash are left out so that a key can stand
# in a single-quoted PHP string as it is.
_SALT_ALPHABET = string.ascii_letters + string.digits + "!@#$%^&*()-_ []{}<>~`+=,.;:/?|"
SALT_NAMES = (
    "AUTH_KEY",
    "SECURE_AUTH_KEY",
    "LOGGED_IN_KEY",
    "NONCE_KEY",
    "AUTH_SALT",
    "SECURE_AUTH_SALT",
    "LOGGED_IN_SALT",
    "NONCE_SALT",
)


# What they look like: what is none could end a string of PHP.
SALT_PATTERN = rf"^[{re.escape(_SALT_ALPHABET)}]{{64}}$"


@dataclass(frozen=True)
class Secret:
    """Text that must not reach a log, a terminal or a repr. ``reveal()`` is the one way out."""

    _text: str = field(repr=False)

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__


def new_token(octets: int = 32) -> Secret:
    """A URL-safe random token of `octets` random bytes."""
    return Secret(secrets.token_urlsafe(octets))


def new_salts() -> dict[str, str]:
    """WordPress's eight keys and salts, by which it signs logins and nonces, under wp-config's names."""
    return {name: new_salt() for name in SALT_NAMES}


def new_salt(length: int = 64) -> str:
    """One WordPress authentication key or salt (wp-config's AUTH_KEY and its seven sisters)."""
    return "".join(secrets.choice(_SALT_ALPHABET) for _ in range(length))

"""A command line as it may be kept: its words in one text, without secrets."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from pressroom.model.secrets import Secret

Words = list[str | Secret]
_LONGEST = 4000  # characters that are kept of a text
# What names of secrets have in them. Their beginning is left out and their rest is bounded: a word may be long.
_NAME = r"(?:pass?(?:word|wd|phrase)?|secret|token|salt|credential|(?<![a-z])key)s?(?![a-z])[\w.-]{0,60}"
_GIVEN = re.compile(rf"({_NAME}[\"']?\s{{0,3}}[=:]\s{{0,3}})(\"[^\"]*\"|'[^']*'|[^\s;&|]+)", re.IGNORECASE)
_IN_ADDRESS = re.compile(r"(://[^/@\s:]*:)([^/@\s]+)(?=@)")
_OPTION = re.compile(rf"--?[\w.-]{{0,60}}{_NAME}\Z", re.IGNORECASE)


@dataclass(frozen=True)
class CommandLine:
    """``text`` is what may be shown; ``hidden`` are the secrets that stood in it."""

    text: str
    hidden: tuple[Secret, ...] = ()

    @classmethod
    def of(cls, words: Sequence[str | Secret]) -> CommandLine:
        """What looks like a secret is masked: `…password=`, `--token …`, and a password in an address."""
        hidden: list[Secret] = []

        def masked(found: re.Match[str]) -> str:
            hidden.append(Secret(found[2].strip("'\"")))
            return f"{found[1]}***"

        shown: list[str] = []
        for before, word in zip(["", *words], words, strict=False):
            if isinstance(word, Secret) or (isinstance(before, str) and _OPTION.match(before)):
                hidden.append(word if isinstance(word, Secret) else Secret(word))
                shown.append("***")
            elif (harmless := _IN_ADDRESS.sub(masked, _GIVEN.sub(masked, word))) == word:
                shown.append(shlex.quote(word))
            else:
                shown.append(harmless if harmless.isprintable() and " " not in harmless else shlex.quote(harmless))
        return cls(_bounded(" ".join(shown)), tuple(hidden))

    def without_secrets(self, text: str) -> str:
        """Another text, as an error's, that may repeat them."""
        for secret in self.hidden:
            if secret.reveal():
                text = text.replace(secret.reveal(), "***")
        return _bounded(text)


def _bounded(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"

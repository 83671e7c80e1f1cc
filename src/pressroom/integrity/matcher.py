"""Matches files with the rules for malware, by YARA-X (ADR 23)."""

from __future__ import annotations

import yara_x

from pressroom.integrity import malware

_SECONDS = 10  # for one file

# A file that the rules took too long for.
TimedOut = yara_x.TimeoutError


def compiled() -> yara_x.Rules:
    """Takes some 10 ms."""
    compiler = yara_x.Compiler()
    compiler.define_global("name", "")
    compiler.define_global("is_media", False)
    compiler.add_source(malware.text())
    return compiler.build()


class Matcher:
    """Matches one file after the other. Not to be shared among threads."""

    def __init__(self, rules: yara_x.Rules) -> None:
        self._scanner = yara_x.Scanner(rules)
        self._scanner.set_timeout(_SECONDS)

    def matches(self, content: bytes, name: str, *, is_media: bool) -> list[str]:
        """The names of the rules that match. Raises TimedOut."""
        self._scanner.set_global("name", name.lower().encode(errors="replace").decode())
        self._scanner.set_global("is_media", is_media)
        return sorted(rule.identifier for rule in self._scanner.scan(content).matching_rules)

"""What a look at a site's files told. It comes from behind its walls: nothing of it is believed to be in form."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from pressroom.system.messages import decode

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_LONGEST_PATH = 8192  # characters
_LONGEST_WHY = 200


@dataclass(frozen=True)
class SeenFile:
    """``digest``: SHA-256, None where the file is too large for one. ``time``: ctime, Unix seconds. ``rules``: which
    match. ``silent``: it is PHP that does nothing.
    """

    digest: str | None
    time: int
    rules: tuple[str, ...] = ()
    silent: bool = False


@dataclass
class Report:
    """``odd``: paths that were not looked at, with kind and why. ``cut``: why the look ended too soon; None: it is
    whole. ``units``: the paths that were looked at; None: all.
    """

    units: tuple[str, ...] | None = None
    files: dict[str, SeenFile] = field(default_factory=dict)
    extensions: dict[str, str] = field(default_factory=dict)
    odd: dict[str, tuple[str, str]] = field(default_factory=dict)
    looked_at: int = 0
    seconds: float = 0.0
    cut: str | None = None


def read(lines: Iterable[bytes], known_rules: frozenset[str], units: tuple[str, ...] | None) -> Report:
    """Raises ValueError for what is no report."""
    report = Report(units, cut="it broke off")
    for line in lines:
        told = decode(line)
        if "file" in told:
            report.files[_path(told["file"])] = _seen(told, known_rules)
        elif "extension" in told:
            report.extensions[_path(told["extension"])] = _text(told["version"])
        elif "odd" in told:
            if told["kind"] not in ("link", "unread"):
                raise ValueError("an unknown kind")
            report.odd[_path(told["odd"])] = (told["kind"], _text(told["why"]))
        elif "done" in told:
            report.looked_at, report.seconds = int(told["files"]), float(told["seconds"])
            report.cut = None if told["cut"] is None else _text(told["cut"])
        else:
            raise ValueError(_text(told.get("refused", "neither file nor end")))
    return report


def _seen(told: dict[str, object], known_rules: frozenset[str]) -> SeenFile:
    digest, time, rules = told["digest"], told["time"], told["rules"]
    if digest is not None and not (isinstance(digest, str) and _DIGEST.match(digest)):
        raise ValueError("no digest")
    if not isinstance(time, int) or not 0 <= time < 2**40:
        raise ValueError("no time")
    if not isinstance(rules, list) or not all(rule in known_rules for rule in rules):
        raise ValueError("no rules")
    return SeenFile(digest, time, tuple(rules), told.get("silent") is True)


def _path(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_PATH or "\0" in value:
        raise ValueError("no path")
    if any(part in ("", ".", "..") for part in value.split("/")):
        raise ValueError("a path that leads elsewhere")
    os.fsencode(value)  # raises where no name on disk could be meant
    return value


def _text(value: object) -> str:
    return str(value)[:_LONGEST_WHY]

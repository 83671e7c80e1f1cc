"""What is kept of a stored page that was not right: ``audit/<site>/<time>/``, for root and the platform's user alone.

``about.json`` (the page, its fence, how far the binlog was followed), ``stored`` and ``fresh`` (the two bodies),
``difference.diff``, ``reads.txt`` (what the stored one was made from), ``binlog.jsonl`` (what the site's transactions
changed since its fence).
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

from pressroom.model.errors import PressroomError
from pressroom.system import files

_log = structlog.get_logger(__name__)
KEPT = 50  # a site; the oldest go
LARGEST = 1024 * 1024  # bytes of one file


@dataclass(frozen=True)
class Violation:
    """``found_at`` in Unix seconds; ``fence`` and ``followed_to`` are binlog file and byte; ``binlog`` is how far the
    file of that name goes: "whole", or why not.
    """

    site: str
    domain: str
    key: str
    found_at: float
    rendered_at: float
    fence: tuple[str, int]
    followed_to: tuple[str, int]
    binlog: str
    status: int
    folder: str = ""


class Evidence:
    """The folders of all sites below one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._attended: list[str] | None = None

    def keep(self, violation: Violation, parts: Mapping[str, str | bytes]) -> str:
        """Write a folder with these files; returns its name below the sites' folder. Raises NoSpace, NoRights."""
        home = self._folder / violation.site
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(violation.found_at))
        name = f"{stamp}.{int(violation.found_at % 1 * 1e6):06d}Z"
        for folder in (home, home / name):
            files.make_directory(folder, mode=0o700)
        for file, content in parts.items():
            data = content.encode(errors="replace") if isinstance(content, str) else content
            files.write(home / name / file, data[:LARGEST], mode=0o600, durable=False)
        about = asdict(violation) | {"folder": name}
        files.write(home / name / "about.json", json.dumps(about, indent=1) + "\n", mode=0o600)
        for old in sorted(home.iterdir())[:-KEPT]:
            files.remove_tree(old)
        return name

    def attend(self, sites: list[str]) -> None:
        """These are the sites there are: when they have changed, what is kept of others goes."""
        if sites == self._attended:
            return
        self._attended = sites
        for home in self._folder.glob("s[0-9]*"):
            if home.name not in sites:
                try:
                    files.remove_tree(home)
                except (PressroomError, OSError) as error:
                    _log.warning("evidence_not_removed", folder=str(home), error=str(error))

    def newest(self, site: str, since: float) -> list[Violation]:
        """Those found since then (Unix seconds), the newest first."""
        found = []
        for about in sorted((self._folder / site).glob("*/about.json"), reverse=True):
            plain = json.loads(about.read_text())
            violation = Violation(
                **(plain | {"fence": tuple(plain["fence"]), "followed_to": tuple(plain["followed_to"])})
            )
            if violation.found_at < since:
                break
            found.append(violation)
        return found

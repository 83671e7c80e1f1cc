"""The sites that may send mail: their short names, from the control plane's list, read again when it changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import structlog

from pressroom.model.layout import SITE_NAME
from pressroom.system.json_file import JsonFile

_log = structlog.get_logger("mail")


class MailRoster:
    """Reads the file. Missing means no sites; unreadable means the last good list."""

    def __init__(self, path: Path) -> None:
        self._file: JsonFile[frozenset[str]] = JsonFile(path, _names, missing=frozenset())
        self._sites: frozenset[str] = frozenset()

    def sites(self) -> frozenset[str]:
        try:
            self._sites = self._file.value()
        except (OSError, ValueError, TypeError, KeyError) as error:
            _log.error("roster_refused", error=repr(error), kept=len(self._sites))
        return self._sites


def _names(rows: Any) -> frozenset[str]:
    return frozenset(row["name"] for row in rows if SITE_NAME.fullmatch(row["name"]))

"""The sites whose events are run: ``etc/sites.json``, written by the control plane, read again when it changes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from pressroom.system.json_file import JsonFile

_log = structlog.get_logger("cron")
# They stand in SQL and in a request's head: whatever else the file holds is left out.
_NAME = re.compile(r"s[1-9][0-9]{0,6}")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?")
_PREFIX = re.compile(r"[A-Za-z0-9_]{1,50}")


@dataclass(frozen=True)
class CronSite:
    """`name` is also the database's; `host_header` is what a visitor's browser sends, port included."""

    name: str
    host_header: str
    table_prefix: str


class CronRoster:
    """Reads the file. Missing means no sites; unreadable means the last good list."""

    def __init__(self, path: Path) -> None:
        self._file: JsonFile[dict[str, CronSite]] = JsonFile(path, roster_sites, missing={})
        self._sites: dict[str, CronSite] = {}

    def sites(self) -> dict[str, CronSite]:
        """The same object until the list has changed."""
        try:
            sites = self._file.value()
        except (OSError, ValueError, RecursionError) as error:
            _log.error("roster_refused", error=str(error), kept=len(self._sites))
            return self._sites
        if sites is not self._sites:
            _log.info("roster_read", sites=len(sites))
            self._sites = sites
        return self._sites


def roster_sites(rows: Any) -> dict[str, CronSite]:
    """The sites of the parsed file. Raises ValueError when it is no list; a row that is none is logged and left out."""
    if not isinstance(rows, list):
        raise ValueError("not a list of sites")
    sites = {}
    for row in rows:
        fields = row if isinstance(row, dict) else {}
        site = CronSite(str(fields.get("name")), str(fields.get("host_header")), str(fields.get("table_prefix", "wp_")))
        if _NAME.fullmatch(site.name) and _HOST.fullmatch(site.host_header) and _PREFIX.fullmatch(site.table_prefix):
            sites[site.name] = site
        else:
            _log.error("site_left_out", row=repr(row)[:200])
    return sites

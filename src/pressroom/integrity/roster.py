"""The sites that are looked at: from the control plane's list, read again when it changes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pressroom.system.json_file import JsonFile

_NAME = re.compile(r"s[1-9][0-9]{0,6}\Z")
_CORE = re.compile(r"[0-9][0-9A-Za-z.+-]{0,60}\Z")


@dataclass(frozen=True)
class ScannedSite:
    """``core`` names the stored core that it was made of; ``quarantines``: malware is taken away as soon as found."""

    name: str
    domain: str
    core: str
    quarantines: bool


class ScanRoster:
    """The sites by name. A file that is missing means none, a row that is none is left out; otherwise as `JsonFile`."""

    def __init__(self, path: Path) -> None:
        self._file: JsonFile[dict[str, ScannedSite]] = JsonFile(path, _sites, missing={})

    def sites(self) -> dict[str, ScannedSite]:
        return self._file.value()


def _sites(rows: Any) -> dict[str, ScannedSite]:
    if not isinstance(rows, list):
        raise ValueError("not a list of sites")
    sites = [_site(row) for row in rows if isinstance(row, dict)]
    return {site.name: site for site in sites if _NAME.match(site.name) and _CORE.match(site.core) and site.domain}


def _site(row: dict[str, Any]) -> ScannedSite:
    name, domain, core = (str(row.get(field, "")) for field in ("name", "domain", "core"))
    return ScannedSite(name, domain, core, row.get("scan") == "quarantine")

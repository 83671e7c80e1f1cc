"""The sites that are looked at: from the control plane's list, read again when it changes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

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
    """Reads the file. Missing means no sites; a row that is none is left out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._sites: dict[str, ScannedSite] = {}

    def sites(self) -> dict[str, ScannedSite]:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._stamp, self._sites = None, {}
            return self._sites
        stamp = (status.st_mtime_ns, status.st_ino)
        if stamp != self._stamp:
            rows = json.loads(self._path.read_text())
            sites = [
                ScannedSite(row["name"], row["domain"], row.get("core", ""), row.get("scan") == "quarantine")
                for row in rows
            ]
            self._sites = {site.name: site for site in sites if _NAME.match(site.name) and _CORE.match(site.core)}
            self._stamp = stamp
        return self._sites

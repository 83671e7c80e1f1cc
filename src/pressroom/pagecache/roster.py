"""The list of sites that the control plane keeps for the page cache's and the other daemons."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class RosterSite:
    """``name`` is the site's short name and its database's; ``host`` is its Host header, port included; ``pictures``:
    other forms of its pictures are wanted. ``core`` and ``scan`` (a site's setting) are for the scanner.
    """

    name: str
    domain: str
    host: str
    table_prefix: str = "wp_"
    pictures: bool = True
    core: str = ""
    scan: str = "report"

    @property
    def host_header(self) -> str:
        return self.host


def roster_text(sites: Iterable[RosterSite]) -> str:
    """The file's text: a JSON list, ordered by name."""
    rows = [{**asdict(site), "host_header": site.host} for site in sorted(sites, key=lambda s: int(s.name[1:]))]
    return json.dumps(rows, indent=1) + "\n"


class Roster:
    """Reads the file, again when it has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._sites: dict[str, RosterSite] = {}

    def sites(self) -> dict[str, RosterSite]:
        """Sites by name. A file that is missing means none."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._stamp, self._sites = None, {}
            return self._sites
        stamp = (status.st_mtime_ns, status.st_ino)
        if stamp != self._stamp:
            rows = json.loads(self._path.read_text())
            fields = [field.name for field in dataclasses.fields(RosterSite)]
            self._sites = {
                row["name"]: RosterSite(**{field: row[field] for field in fields if field in row}) for row in rows
            }
            self._stamp = stamp
        return self._sites

"""The list of sites that the control plane keeps for the page cache's and the other daemons."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pressroom.system.json_file import JsonFile


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
    """The sites by name. A file that is missing means none; otherwise as `JsonFile`."""

    def __init__(self, path: Path) -> None:
        self._file: JsonFile[dict[str, RosterSite]] = JsonFile(path, _sites, missing={})

    def sites(self) -> dict[str, RosterSite]:
        return self._file.value()


def _sites(rows: Any) -> dict[str, RosterSite]:
    fields = [field.name for field in dataclasses.fields(RosterSite)]
    return {row["name"]: RosterSite(**{field: row[field] for field in fields if field in row}) for row in rows}

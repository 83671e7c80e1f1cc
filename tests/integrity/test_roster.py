from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pressroom.integrity.roster import ScannedSite, ScanRoster

ROW = {"name": "s1", "domain": "a.example", "core": "6.1.6-debian", "scan": "report", "pictures": True}
SITE = ScannedSite("s1", "a.example", "6.1.6-debian", False)


def _read(folder: Path, value: Any) -> dict[str, ScannedSite]:
    (folder / "sites.json").write_text(json.dumps(value))
    return ScanRoster(folder / "sites.json").sites()


def test_the_sites_of_the_list(tmp_path: Path) -> None:
    other = {**ROW, "name": "s2", "scan": "quarantine"}
    assert _read(tmp_path, [ROW, other]) == {"s1": SITE, "s2": ScannedSite("s2", "a.example", "6.1.6-debian", True)}
    assert ScanRoster(tmp_path / "none.json").sites() == {}


@pytest.mark.parametrize(
    "row",
    [
        7, None, [], "s2", {},
        *({name: value for name, value in {**ROW, "name": "s2"}.items() if name != left_out} for left_out in ("name", "domain", "core")),
        {**ROW, "name": "../s2"}, {**ROW, "name": "s2\n"}, {**ROW, "name": 2}, {**ROW, "name": "s2", "core": "../6"},
    ],
)  # fmt: skip
def test_a_row_that_is_none_is_left_out(row: Any, tmp_path: Path) -> None:
    assert _read(tmp_path, [row, ROW]) == {"s1": SITE}


def test_what_is_no_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        _read(tmp_path, {"s1": ROW})

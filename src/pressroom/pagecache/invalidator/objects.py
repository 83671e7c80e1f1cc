"""Versions of what the sites' object caches are made from.

The keys of a site's object cache (`php/objects.php`) carry the number of the last change of the tables behind them,
which PHP reads from a file at a request's start. What is not known by tables gets a new epoch: all of the site's
values are forgotten. A file that cannot be right is taken away; without it there is no object cache.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from pressroom.model.errors import PressroomError
from pressroom.pagecache.binlog.positions import Position, Transaction
from pressroom.system import files

_log = structlog.get_logger(__name__)


@dataclass
class _Site:
    epoch: str = field(default_factory=lambda: secrets.token_hex(4))
    tables: dict[str, int] = field(default_factory=dict)
    behind: Position | None = None  # a change that reads may not see yet: the file is away


class ObjectVersions:
    """The versions of all sites. Thread-safe."""

    def __init__(
        self,
        folder: Path,
        is_visible: Callable[[Position], bool],
        undecided: Callable[[], Collection[str]] = tuple,
    ) -> None:
        """`is_visible(place)`: whether what is read from now on includes the change that ends at `place`;
        `undecided`: the sites of which rows have passed that may be seen at any time. They have no versions.
        """
        self._folder = folder
        self._is_visible = is_visible
        self._undecided = undecided
        self._lock = threading.RLock()
        self._sites: dict[str, _Site] = {}
        self._passed: Position | None = None  # all that is known to have changed

    def attend(self, sites: Collection[str]) -> None:
        """These are the sites there are. Files that were taken away are laid anew where that is right."""
        with self._lock:
            decided = set(sites) - set(self._undecided())
            for site in {*self._sites, *sites} - decided:
                (self._folder / site / "versions").unlink(missing_ok=True)
                self._sites.pop(site, None)
            for site in decided:
                known = self._sites.get(site)
                behind = self._passed if known is None else known.behind
                if (known is None and behind is None) or (behind is not None and self._is_visible(behind)):
                    self._sites[site] = _Site()
                    self._write(site)
                elif known is None:  # of a process before
                    (self._folder / site / "versions").unlink(missing_ok=True)

    def resume_at(self, place: Position) -> None:
        """What has passed already, before any site is attended to."""
        self._passed = place

    def start_at(self, place: Position) -> None:
        """What changed before `place` is not known: all values of all sites are forgotten."""
        with self._lock:
            self._passed = place
            for site, known in self._sites.items():
                self._take_away(site, known, place)
                known.behind = place  # whatever was before: it may have been of another binlog
        self.attend(list(self._sites))

    def forget(self, site: str) -> None:
        """The site's code has changed: all its values are forgotten."""
        with self._lock:
            known = self._sites.get(site)
            if known is not None and known.behind is None:
                self._sites[site] = _Site()
                self._write(site)

    def passed(self, transaction: Transaction) -> None:
        """Raise what a transaction changed. A reader who finds the new version sees the change, too.

        Its rows can be here before its commit is visible: an old row that was read meanwhile must not be kept under
        the new version. Nobody is told that the transaction has passed before this is done.

        Where tables themselves change, the versions are away until the next `attend`: a site may change them in a loop,
        and each look costs others' time.
        """
        with self._lock:
            self._passed = transaction.end
            for site in {write.database for write in transaction.writes} & self._sites.keys():
                known = self._sites[site]
                tables = {write.table for write in transaction.writes if write.database == site}
                if known.behind is not None or None in tables or not self._is_visible(transaction.end):
                    self._take_away(site, known, transaction.end)
                    continue
                known.tables.update((table, transaction.sequence) for table in tables if table is not None)
                self._write(site)

    def _take_away(self, site: str, known: _Site, behind: Position) -> None:
        if known.behind is None:
            (self._folder / site / "versions").unlink(missing_ok=True)
        known.behind = max(known.behind or behind, behind)

    def _write(self, site: str) -> None:
        """Not synced: what PHP keeps does not outlive the machine's memory."""
        known, file = self._sites[site], self._folder / site / "versions"
        try:
            text = json.dumps({"epoch": known.epoch, "tables": known.tables})
            files.write(file, text, mode=0o640, durable=False)
        except (OSError, PressroomError) as error:
            if file.parent.exists():  # it does not while a site is being made or removed
                _log.warning("no_object_versions", site=site, error=str(error))
            file.unlink(missing_ok=True)
            del self._sites[site]

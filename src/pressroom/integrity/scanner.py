"""Looks at sites, keeps what is found, and takes files into quarantine and back."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import defaultdict
from pathlib import Path

import structlog

from pressroom.integrity import client
from pressroom.integrity.comparison import MALWARE, Found, compare
from pressroom.integrity.ledger import Kept, Ledger, Scan, Taken
from pressroom.integrity.limits import Bounds
from pressroom.integrity.malware import meanings
from pressroom.integrity.places import is_within
from pressroom.integrity.report import Report
from pressroom.integrity.roster import ScannedSite
from pressroom.integrity.sources import Sources
from pressroom.integrity.vault import Vault
from pressroom.model.errors import CommandFailed, NotFound, PressroomError
from pressroom.model.layout import Layout

_log = structlog.get_logger("scanner")


class Scanner:
    """One site at a time is looked at, and of each site one thing is done at a time."""

    def __init__(self, layout: Layout, ledger: Ledger, sources: Sources, *, ours: frozenset[str]) -> None:
        """`ours`: SHA-256 of the platform's own files in a site."""
        self._layout = layout
        self._ledger = ledger
        self._vault = Vault(layout.quarantine)
        self._sources = sources
        self._ours = ours
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._bounds = Bounds()

    async def look(self, site: ScannedSite, units: tuple[str, ...] | None = None) -> float:
        """At the site's files, or these units. Returns the processor's seconds that it took.

        Raises CommandFailed where they could not be looked at; that is kept as well.
        """
        async with self._locks[site.name]:
            try:
                report = await client.look(self._socket(site), units, self._bounds)
                new = await self._judge(site, report)
            except (PressroomError, FileNotFoundError) as error:
                why = error.message if isinstance(error, PressroomError) else f"its core {site.core} is not stored"
                self._note(site, Report(units, cut=why))
                _log.warning("scan_failed", site=site.name, why=why)
                raise CommandFailed(why, hint="read the scanner's log: pressroom logs scanner") from error
            for one in new:
                _log.warning("found", site=site.name, kind=one.kind, path=one.path, what=one.detail, id=one.id)
            if site.quarantines:
                await self._take_malware(site)
            return report.seconds

    async def _judge(self, site: ScannedSite, report: Report) -> list[Found]:
        """Keeps what is found; returns what is new of it."""
        core = await self._sources.core(site.core)
        known = self._ledger.baselines(site.name)
        if report.cut is None:
            for place, baseline in (await self._sources.new_baselines(site.core, report, known)).items():
                self._ledger.put_baseline(site.name, place, baseline)
                before = known[place].version if place in known else None
                _log.info("known", site=site.name, place=place, version=baseline.version, before=before,
                          source=baseline.source)  # fmt: skip
                known[place] = baseline
        for place in list(known):
            if report.units is None and report.cut is None and place not in report.extensions and "/" in place:
                self._ledger.drop_baseline(site.name, place)  # it was uninstalled
                del known[place]
        found = compare(
            site.name, report, core, known,
            accepted=self._ledger.accepted(site.name), ours=self._ours, meanings=meanings(),
        )  # fmt: skip
        still = {one.id for one in found}
        gone = [
            kept.found.id
            for kept in self._ledger.findings(site.name)
            if kept.found.id not in still and _was_looked_at(kept.found.path, report)
        ]
        new = self._ledger.put_findings(site.name, found, gone, time.time())
        self._note(site, report)
        return new

    def _note(self, site: ScannedSite, report: Report) -> None:
        if report.units is None:
            scan = Scan(time.time(), report.looked_at, report.seconds, report.cut)
            self._ledger.put_scan(site.name, scan)

    # -- quarantine --------------------------------------------------------------------------------------------

    async def _take_malware(self, site: ScannedSite) -> None:
        for kept in self._ledger.findings(site.name):
            if kept.found.kind == MALWARE:
                with contextlib.suppress(PressroomError):  # it is told in the log, and found again
                    await self._take(site, kept.found, "by itself")

    async def take(self, site: ScannedSite, what: str) -> Taken:
        """Into quarantine: the file of a finding, by its id or path. Raises NotFound, Conflict, CommandFailed."""
        async with self._locks[site.name]:
            return await self._take(site, self.finding(site, what).found, "by command")

    async def _take(self, site: ScannedSite, found: Found, who: str) -> Taken:
        if found.digest is None:
            raise NotFound(f"{found.path} {found.detail}: there is no file to take", hint="look at it by `site exec`")
        id = secrets.token_hex(5)
        kept = False
        same = [one.found for one in self._ledger.findings(site.name) if one.found.path == found.path]
        why = f"it {'; it '.join(one.detail for one in same)} ({who})"
        try:
            async with client.taken(self._socket(site), found.path, found.digest) as copy:
                self._vault.keep(site.name, id, copy.content)
                taken = Taken(
                    id, site.name, found.path, copy.mode, copy.digest, len(copy.content), copy.time, time.time(), why
                )
                self._ledger.put_taken(taken)
                kept = True
        except PressroomError as error:
            if kept:
                self._ledger.drop_taken(id)
            self._vault.remove(site.name, id)
            _log.warning("not_taken", site=site.name, path=found.path, why=error.message)
            raise
        self._ledger.put_findings(site.name, [], [one.id for one in same], time.time())
        _log.warning("quarantined", site=site.name, path=found.path, id=id, why=why)
        return taken

    async def restore(self, site: ScannedSite, id: str) -> Taken:
        """Back to where it was; it is accepted as it is from then on. Raises NotFound, Conflict, CommandFailed."""
        async with self._locks[site.name]:
            taken = self._taken(site, id)
            copy = client.Copy(self._vault.content(site.name, id), taken.mode, taken.time)
            if copy.digest != taken.digest:
                raise CommandFailed(f"{id} is damaged in quarantine", hint="take the file from a backup")
            self._ledger.accept(site.name, taken.path, taken.digest)
            await client.put(self._socket(site), taken.path, copy)
            self._ledger.drop_taken(id)
            self._vault.remove(site.name, id)
            _log.warning("restored", site=site.name, path=taken.path, id=id)
            return taken

    async def discard(self, site: ScannedSite, id: str) -> Taken:
        """A file in quarantine is gone for good. Raises NotFound."""
        async with self._locks[site.name]:
            taken = self._taken(site, id)
            self._ledger.drop_taken(id)
            self._vault.remove(site.name, id)
            _log.warning("discarded", site=site.name, path=taken.path, id=id)
            return taken

    def _taken(self, site: ScannedSite, id: str) -> Taken:
        for one in self._ledger.taken(site.name):
            if one.id == id:
                return one
        raise NotFound(
            f"nothing in quarantine is called {ascii(id)[:80]}", hint=f"pressroom site scan {site.domain} --list"
        )

    def accept(self, site: ScannedSite, what: str) -> Kept:
        """A finding's file is right as it is, until it changes. Raises NotFound."""
        kept = self.finding(site, what)
        self._ledger.accept(site.name, kept.found.path, kept.found.digest)
        same = [one.found.id for one in self.findings(site) if one.found.path == kept.found.path]
        self._ledger.put_findings(site.name, [], same, time.time())
        _log.info("accepted", site=site.name, path=kept.found.path, id=kept.found.id)
        return kept

    # -- what is kept ------------------------------------------------------------------------------------------

    def finding(self, site: ScannedSite, what: str) -> Kept:
        """By its id or path. Raises NotFound."""
        of_site = self._ledger.findings(site.name)
        for kept in of_site:
            if kept.found.id == what:
                return kept
        for kept in of_site:
            if kept.found.path == what:
                return kept
        raise NotFound(
            f"nothing was found by the name {ascii(what)[:200]}", hint=f"pressroom site scan {site.domain} lists it"
        )

    def findings(self, site: ScannedSite) -> list[Kept]:
        return self._ledger.findings(site.name)

    def attend(self, names: set[str]) -> None:
        """All that is kept of a site goes when it does."""
        for gone in self._ledger.sites() - names:
            self._vault.forget(gone)
            self._ledger.forget(gone)
            self._locks.pop(gone, None)

    def _socket(self, site: ScannedSite) -> Path:
        return self._layout.site(site.name).scan_socket


def _was_looked_at(path: str, report: Report) -> bool:
    if report.cut is not None:
        return path in report.files
    return is_within(path, report.units)

"""What the scanner keeps: what it knows of extensions, what it found, what was accepted, what was taken away."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pressroom.integrity.comparison import Baseline, Found, Manifest

# Paths are bytes: names on disk need not be text. Manifests are kept once for all sites that have the same files.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS scans (
  site TEXT PRIMARY KEY, at REAL NOT NULL, files INTEGER NOT NULL, seconds REAL NOT NULL, trouble TEXT);
CREATE TABLE IF NOT EXISTS manifests (digest TEXT PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS baselines (
  site TEXT NOT NULL, place BLOB NOT NULL, version TEXT NOT NULL, source TEXT NOT NULL, since REAL NOT NULL,
  manifest TEXT NOT NULL, PRIMARY KEY (site, place)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS findings (
  site TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, path BLOB NOT NULL, detail TEXT NOT NULL,
  rules TEXT NOT NULL, digest TEXT, time INTEGER, since REAL NOT NULL, PRIMARY KEY (site, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS accepted (
  site TEXT NOT NULL, path BLOB NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (site, path, digest)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS taken (
  id TEXT PRIMARY KEY, site TEXT NOT NULL, path BLOB NOT NULL, mode INTEGER NOT NULL, digest TEXT NOT NULL,
  size INTEGER NOT NULL, time INTEGER NOT NULL, at REAL NOT NULL, why TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Scan:
    """The last one of a site: when it ended (Unix), of how many files, with how much of the processor, and why it may
    not have seen all.
    """

    at: float
    files: int
    seconds: float
    trouble: str | None


@dataclass(frozen=True)
class Kept:
    """A finding with the time (Unix) when it was found first."""

    found: Found
    since: float


@dataclass(frozen=True)
class Taken:
    """A file in quarantine: where it was, its mode, its SHA-256, its mtime (ns), when (Unix) and why it was taken."""

    id: str
    site: str
    path: str
    mode: int
    digest: str
    size: int
    time: int
    at: float
    why: str


class Ledger:
    """One SQLite database, of one thread."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(_SCHEMA)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    # -- sites -------------------------------------------------------------------------------------------------

    def sites(self) -> set[str]:
        """All that something is kept of."""
        rows = self._database.execute("SELECT site FROM scans UNION SELECT site FROM taken")
        return {site for (site,) in rows}

    def forget(self, site: str) -> None:
        with self._transaction():
            for table in ("scans", "baselines", "findings", "accepted", "taken"):
                self._database.execute(f"DELETE FROM {table} WHERE site = ?", (site,))
            self._database.execute("DELETE FROM manifests WHERE digest NOT IN (SELECT manifest FROM baselines)")

    def scan(self, site: str) -> Scan | None:
        row = self._database.execute("SELECT at, files, seconds, trouble FROM scans WHERE site = ?", (site,)).fetchone()
        return None if row is None else Scan(*row)

    def put_scan(self, site: str, scan: Scan) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO scans VALUES (?, ?, ?, ?, ?)",
            (site, scan.at, scan.files, scan.seconds, scan.trouble),
        )

    # -- what is known of extensions ---------------------------------------------------------------------------

    def baselines(self, site: str) -> dict[str, Baseline]:
        rows = self._database.execute(
            "SELECT place, version, source, since, content FROM baselines JOIN manifests ON manifest = digest"
            " WHERE site = ?",
            (site,),
        )
        return {
            os.fsdecode(place): Baseline(version, source, since, _unpacked(content))
            for place, version, source, since, content in rows
        }

    def put_baseline(self, site: str, place: str, baseline: Baseline) -> None:
        content = _packed(baseline.manifest)
        digest = hashlib.sha256(content).hexdigest()
        row = (site, os.fsencode(place), baseline.version, baseline.source, baseline.since, digest)
        with self._transaction():
            self._database.execute("INSERT OR IGNORE INTO manifests VALUES (?, ?)", (digest, content))
            self._database.execute("INSERT OR REPLACE INTO baselines VALUES (?, ?, ?, ?, ?, ?)", row)

    def drop_baseline(self, site: str, place: str) -> None:
        self._database.execute("DELETE FROM baselines WHERE site = ? AND place = ?", (site, os.fsencode(place)))

    # -- what was found ----------------------------------------------------------------------------------------

    def findings(self, site: str) -> list[Kept]:
        rows = self._database.execute(
            "SELECT id, kind, path, detail, rules, digest, time, since FROM findings WHERE site = ?"
            " ORDER BY path, kind",
            (site,),
        )
        return [
            Kept(Found(id, kind, os.fsdecode(path), detail, tuple(rules.split()), digest, time), since)
            for id, kind, path, detail, rules, digest, time, since in rows
        ]

    def put_findings(self, site: str, found: Iterable[Found], gone: Iterable[str], now: float) -> list[Found]:
        """Keep these, forget those whose ids are `gone`. Returns what is new, or another file than before."""
        known = {kept.found.id: kept for kept in self.findings(site)}
        new = []
        with self._transaction():
            for id in gone:
                self._database.execute("DELETE FROM findings WHERE site = ? AND id = ?", (site, id))
            for one in found:
                before = known.get(one.id)
                if before is None or before.found.digest != one.digest:
                    new.append(one)
                since = now if before is None else before.since
                row = (site, one.id, one.kind, os.fsencode(one.path), one.detail, " ".join(one.rules), one.digest)
                self._database.execute(
                    "INSERT OR REPLACE INTO findings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, one.time, since)
                )
        return new

    def accepted(self, site: str) -> frozenset[tuple[str, str | None]]:
        rows = self._database.execute("SELECT path, digest FROM accepted WHERE site = ?", (site,))
        return frozenset((os.fsdecode(path), digest or None) for path, digest in rows)

    def accept(self, site: str, path: str, digest: str | None) -> None:
        """The file is right as it is: no finding until it changes."""
        self._database.execute(
            "INSERT OR IGNORE INTO accepted VALUES (?, ?, ?)", (site, os.fsencode(path), digest or "")
        )

    # -- what was taken away -----------------------------------------------------------------------------------

    def taken(self, site: str) -> list[Taken]:
        rows = self._database.execute("SELECT * FROM taken WHERE site = ? ORDER BY at", (site,))
        return [Taken(id, site, os.fsdecode(path), *rest) for id, site, path, *rest in rows]

    def put_taken(self, taken: Taken) -> None:
        row = (taken.id, taken.site, os.fsencode(taken.path), taken.mode, taken.digest, taken.size, taken.time)
        self._database.execute("INSERT INTO taken VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, taken.at, taken.why))

    def drop_taken(self, id: str) -> None:
        self._database.execute("DELETE FROM taken WHERE id = ?", (id,))

    def close(self) -> None:
        self._database.close()


def _packed(manifest: Manifest) -> bytes:
    return zlib.compress(json.dumps(dict(manifest), sort_keys=True, separators=(",", ":")).encode())


def _unpacked(content: bytes) -> dict[str, str]:
    manifest: dict[str, str] = json.loads(zlib.decompress(content))
    return manifest

"""The core store: each WordPress core once, read-only and root's, for sites to hard-link from."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pressroom.model.errors import BadSource, Conflict, NotFound
from pressroom.system.files import explained, make_directory, remove_tree, sync_directory, write
from pressroom.wordpress.contents import Allowance, belongs, check_is_wordpress
from pressroom.wordpress.descriptors import directory, sync_file_system
from pressroom.wordpress.sources import Source

_NAME = re.compile(r"[0-9][0-9A-Za-z.+-]{0,31}-[0-9a-f]{12}")
_UNFINISHED = ".new-"
_RECORD = ".core.json"  # within a core, beside its files; not part of its digest
_KEYS = ".sources.json"


@dataclass(frozen=True)
class Core:
    """A stored core. `path` holds its tree; `digest` is the SHA-256 of its names and contents, in hex."""

    name: str
    version: str
    digest: str
    path: Path


class CoreStore:
    """The cores below one folder. Adding takes a lock of the folder, so that two commands do not collide."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, source: Source) -> Core:
        """Store the core that `source` gives, or find it if it is stored already.

        When the core is there and the source was not touched since, only its fingerprint is looked at (some
        20 ms). Raises what the source raises, BadSource for what is no whole WordPress, NoSpace, NoRights.
        """
        with explained(self._folder):
            make_directory(self._folder)
            with self._locked():
                self._remove_unfinished()
                fingerprint = source.fingerprint()
                keys = self._read_keys()
                if fingerprint in keys and (known := self._find(keys[fingerprint])):
                    return known
                core = self._store(source)
                if fingerprint is not None:
                    self._write_keys({**keys, fingerprint: core.name})
                return core

    def list(self) -> Sequence[Core]:
        """All stored cores, oldest version first."""
        names = [path.name for path in self._folder.iterdir()] if self._folder.is_dir() else []
        found = [core for name in names if (core := self._find(name))]
        return sorted(found, key=lambda core: ([int(n) for n in re.findall(r"\d+", core.version)], core.name))

    def get(self, name: str) -> Core:
        """The core of that name. Raises NotFound."""
        core = self._find(name)
        if core is None:
            stored = ", ".join(core.name for core in self.list()) or "none yet"
            raise NotFound(f"no core is called {ascii(name)[:80]}", hint=f"stored cores: {stored}")
        return core

    def remove(self, name: str) -> None:
        """Remove a core. Sites keep what they have linked from it. Raises NotFound."""
        core = self.get(name)
        with explained(core.path), self._locked():
            gone = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self._folder))
            core.path.rename(gone / name)  # in one step: a half-removed core must not be found
            self._write_keys({key: value for key, value in self._read_keys().items() if value != name})
            remove_tree(gone)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        handle = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _remove_unfinished(self) -> None:
        """What a killed command left; nobody else works here, for we hold the lock."""
        for path in self._folder.glob(f"{_UNFINISHED}*"):
            remove_tree(path)

    def _find(self, name: str) -> Core | None:
        if not _NAME.fullmatch(name):
            return None
        path = self._folder / name
        try:
            record = json.loads((path / _RECORD).read_text())
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        return Core(name, record["version"], record["digest"], path)

    def _store(self, source: Source) -> Core:
        unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self._folder))
        try:
            source.fetch(unfinished)
            label = source.describe()
            version = check_is_wordpress(unfinished, label)
            digest = _seal(unfinished, label)
            name = f"{version}-{digest[:12]}"
            known = self._find(name)
            if known is not None:
                return self._same_or_conflict(known, digest)
            write(unfinished / _RECORD, json.dumps({"version": version, "digest": digest}), durable=False)
            return self._publish(unfinished, Core(name, version, digest, self._folder / name))
        finally:
            remove_tree(unfinished)

    def _publish(self, unfinished: Path, core: Core) -> Core:
        with directory(unfinished) as handle:
            os.fchmod(handle, 0o755)
            sync_file_system(handle)  # the contents must be on disk before the name is
        remove_tree(core.path)  # what has no record is no core
        unfinished.rename(core.path)
        sync_directory(self._folder)
        return core

    def _same_or_conflict(self, known: Core, digest: str) -> Core:
        if known.digest != digest:
            raise Conflict(f"another core is stored as {known.name}", hint="compare the two sources; one may be forged")
        return known

    def _read_keys(self) -> dict[str, str]:
        try:
            keys = json.loads((self._folder / _KEYS).read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return {str(key): str(value) for key, value in keys.items()} if isinstance(keys, dict) else {}

    def _write_keys(self, keys: dict[str, str]) -> None:
        stored = {key: name for key, name in keys.items() if self._find(name)}
        write(self._folder / _KEYS, json.dumps(stored, indent=1), mode=0o600, durable=False)


def _seal(folder: Path, label: str) -> str:
    """Make all in `folder` root's, 0755 and 0644, drop what is no part of a core, and compute the digest.

    All files get one time, now: opcache and browsers tell versions of a file by its time, and a file of
    another core must never look the same.
    """
    digest = hashlib.sha256()
    allowance = Allowance(label)
    now = time.time_ns()
    for relative in sorted(_seal_folder(folder, (), label, allowance)):
        name = os.fsencode(relative)
        with (folder / relative).open("rb") as file:
            content = hashlib.file_digest(file, "sha256")
            os.utime(file.fileno(), ns=(now, now))
        digest.update(len(name).to_bytes(4, "big") + name + content.digest())
    return digest.hexdigest()


def _seal_folder(folder: Path, parts: tuple[str, ...], label: str, allowance: Allowance) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            place = (*parts, entry.name)
            status = entry.stat(follow_symlinks=False)
            is_directory = stat.S_ISDIR(status.st_mode)
            if not belongs(place, directory=is_directory):
                _drop(Path(entry.path), is_directory)
                continue
            allowance.count_entry()
            allowance.count_bytes(0 if is_directory else status.st_size)
            if not is_directory and (not stat.S_ISREG(status.st_mode) or status.st_nlink != 1):
                raise BadSource(
                    f"{label}: {'/'.join(place)} is a link or no file",
                    hint="give real files and folders only",
                )
            mode = 0o755 if is_directory else 0o644
            if (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) != (0, 0, mode):
                os.chown(entry.path, 0, 0)
                Path(entry.path).chmod(mode)
            if is_directory:
                yield from _seal_folder(Path(entry.path), place, label, allowance)
            else:
                yield "/".join(place)


def _drop(path: Path, is_directory: bool) -> None:
    if is_directory:
        remove_tree(path)
    else:
        path.unlink()

"""Looks at a site's files, behind its walls: names, digests, and which rules match. What it finds it tells as dicts:

- ``file``: a path, with ``digest`` (SHA-256; None for what is too large), ``time`` (ctime, Unix seconds), ``rules``
  that match, ``silent`` (PHP that does nothing). Of files that are neither code nor the core's those alone that rules
  match.
- ``odd``: a path that was not looked at, ``kind`` (link, unread), ``why``.
- ``extension``: a plugin or theme, ``version``.
- ``done``: always the last. ``files`` looked at, ``seconds`` of the processor, ``cut``: why it ended too soon, or None.

All is bounded: what is there was laid there by somebody who may not want it to be seen.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import time
from collections.abc import Callable
from typing import Any, BinaryIO

from pressroom.integrity import beneath
from pressroom.integrity.headers import version_of
from pressroom.integrity.limits import MOST_DIGESTED, MOST_OF_FILE, Bounds
from pressroom.integrity.matcher import Matcher, TimedOut
from pressroom.integrity.places import CONTENT, EXTENSIONS, UPLOADS, extension_of, is_code, is_core, is_media, is_php

_SAMPLE = 256 * 1024  # bytes from the beginning and from the end of a media file
_CHUNK = 2**20
_SILENT = re.compile(rb"\s|/\*.*?\*/|(//|#)[^\r\n]*|(exit|die)\s*(\(\s*\))?\s*;|<\?php|\?>", re.DOTALL)
_LARGEST_SILENT = 4096
Tell = Callable[[dict[str, Any]], None]


class _CutShort(Exception):
    """A bound was reached; its text says which."""


class Look:
    """One look at the document root that is open as `top`."""

    def __init__(self, top: int, root: str, matcher: Matcher, tell: Tell, bounds: Bounds) -> None:
        """`root` is the document root's path, to tell where links lead."""
        self._top, self._root = top, root
        self._matcher, self._tell, self._bounds = matcher, tell, bounds
        self._files = 0
        self._until = time.monotonic() + bounds.seconds
        self._last: list[str] = []  # folders that come last, so that none can use up the time for others

    def run(self, units: list[str] | None) -> None:
        """All, or what lies at these paths."""
        began, cut = time.process_time(), None
        try:
            if units is None:
                self._folder("")
            for unit in units or ():
                self._entry(unit)
            for path in self._last:
                self._entry(path)
        except _CutShort as error:
            cut = str(error)
        seconds = round(time.process_time() - began, 3)
        self._tell({"done": True, "files": self._files, "seconds": seconds, "cut": cut})

    def _entry(self, path: str) -> None:
        """What lies at that path, if anything does."""
        try:
            with beneath.parent_of(self._top, path) as (parent, name):
                self._look(parent, name, path)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            self._odd(path, "unread", f"cannot be reached: {error.strerror}")

    def _folder(self, path: str, at: int | None = None) -> None:
        """What is in a folder, which is open as `at`, or is the document root."""
        handle = self._top if at is None else at
        if path.count("/") + 1 >= self._bounds.levels:
            self._odd(path, "unread", f"is nested more than {self._bounds.levels} folders deep")
            return
        with os.scandir(handle) as entries:
            names = [entry.name for _, entry in zip(range(self._bounds.files + 1), entries, strict=False)]
        for name in sorted(names):
            below = f"{path}/{name}" if path else name
            if below == UPLOADS:
                self._last.append(below)
            else:
                self._look(handle, name, below)

    def _look(self, at: int, name: str, path: str) -> None:
        self._files += 1
        if self._files > self._bounds.files:
            raise _CutShort(f"there are more than {self._bounds.files:,} files")
        if time.monotonic() > self._until:
            raise _CutShort(f"it took more than {self._bounds.seconds:g} seconds")
        try:
            status = os.stat(name, dir_fd=at, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                self._look_into(at, name, path)
            elif stat.S_ISLNK(status.st_mode):
                self._link(path)
            elif stat.S_ISREG(status.st_mode):
                self._file(at, name, path, status)
            # A FIFO, a socket or a device is not opened: none of them holds anything.
        except (FileNotFoundError, NotADirectoryError):  # gone meanwhile
            return
        except OSError as error:
            self._odd(path, "unread", f"cannot be read: {error.strerror}")

    def _look_into(self, at: int, name: str, path: str) -> None:
        parent, _, _ = path.rpartition("/")
        if parent.startswith(f"{CONTENT}/") and parent.removeprefix(f"{CONTENT}/") in EXTENSIONS:
            self._extension(path)
        handle = beneath.folder(name, at)
        try:
            self._folder(path, handle)
        finally:
            os.close(handle)

    def _extension(self, place: str) -> None:
        self._tell({"extension": place, "version": version_of(self._top, place)})

    def _link(self, path: str) -> None:
        """One to what is looked at itself is left alone, unless PHP would run that under another name."""
        target = os.path.realpath(f"{self._root}/{path}")
        if not target.startswith(f"{self._root}/"):
            self._odd(path, "link", "is a link that leads out of the document root, and was not followed")
        elif is_php(path):
            self._odd(path, "link", "is a link by whose name another file is run as PHP")

    def _odd(self, path: str, kind: str, why: str) -> None:
        self._tell({"odd": path, "kind": kind, "why": why})

    def _file(self, at: int, name: str, path: str, status: os.stat_result) -> None:
        is_known_sort = is_code(name) or is_core(path)
        with os.fdopen(beneath.file(name, at), "rb") as file:
            content, digest = _read(file, status.st_size, whole=is_known_sort, sample=is_media(name))
            rules = self._rules(content, name, path)
            if rules and digest is None:
                file.seek(0)
                _, digest = _read(file, status.st_size, whole=True, sample=False)
        if is_php(name) and status.st_size > MOST_OF_FILE:
            self._odd(path, "unread", f"is larger than {MOST_OF_FILE // 2**20} MB: its beginning alone was looked at")
        if rules or is_known_sort:
            silent = is_php(name) and _is_silent(content)
            told = {"file": path, "digest": digest, "time": int(status.st_ctime), "rules": rules, "silent": silent}
            self._tell(told)
            if is_php(name) and path.startswith(f"{CONTENT}/") and extension_of(path) == path:
                self._extension(path)

    def _rules(self, content: bytes, name: str, path: str) -> list[str]:
        try:
            return self._matcher.matches(content, name, is_media=is_media(name))
        except TimedOut:
            self._odd(path, "unread", "took the rules for malware too long")
            return []


def _read(file: BinaryIO, size: int, *, whole: bool, sample: bool) -> tuple[bytes, str | None]:
    """What rules are matched with; and, of a file that is read whole, its digest, unless it is too large for that."""
    if not whole:
        if not sample:
            return file.read(MOST_OF_FILE), None
        beginning = file.read(_SAMPLE)
        file.seek(max(_SAMPLE, size - _SAMPLE))
        return beginning + file.read(_SAMPLE), None
    digest = hashlib.sha256()
    content = bytearray()
    octets = 0
    while chunk := file.read(_CHUNK):
        octets += len(chunk)
        if octets > MOST_DIGESTED:
            return bytes(content), None
        digest.update(chunk)
        if len(content) < MOST_OF_FILE:
            content += chunk
    return bytes(content), digest.hexdigest()


def _is_silent(content: bytes) -> bool:
    """Whether it is PHP that does nothing, as WordPress and plugins put into folders against listings."""
    return len(content) <= _LARGEST_SILENT and not _SILENT.sub(b"", content)

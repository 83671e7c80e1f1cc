"""What a site's files should be: from the stored core that it was made of, from WordPress.org, or as first seen."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path

from pressroom.integrity import beneath
from pressroom.integrity.comparison import BUNDLED, FIRST_SEEN, PUBLISHED, Baseline, Manifest, below, manifest_of
from pressroom.integrity.headers import version_of
from pressroom.integrity.places import LOOSE, extension_of, is_code, is_core
from pressroom.integrity.published import Published
from pressroom.integrity.report import Report

_OF_ANOTHER = 0.5  # a plugin of which less is as published is another one by the same name


class Sources:
    """`cores` is the folder of stored cores, root's own."""

    def __init__(self, cores: Path, published: Published) -> None:
        self._cores = cores
        self._published = published

    async def core(self, name: str) -> Manifest:
        """Of all that only the core's files belong to. Raises FileNotFoundError where it is not stored any more."""
        return (await asyncio.to_thread(_stored, self._cores / name))[0]

    async def new_baselines(self, core: str, report: Report, known: Mapping[str, Baseline]) -> dict[str, Baseline]:
        """Of the extensions in the report that are not known, or of which there is another version now."""
        _, bundled = await asyncio.to_thread(_stored, self._cores / core)
        seen = dict(report.extensions)
        if report.units is None:
            seen[LOOSE] = ""
        return {
            place: await self._baseline(self._cores / core, place, version, bundled.get(place), report)
            for place, version in seen.items()
            # A header that is gone says nothing: then the files are compared with what is known.
            if place not in known or (version and known[place].version != version)
        }

    async def _baseline(
        self, core: Path, place: str, version: str, bundled: Manifest | None, report: Report
    ) -> Baseline:
        now, seen = time.time(), manifest_of(place, report)
        if bundled is not None and version and await asyncio.to_thread(_version_in, core, place) == version:
            return Baseline(version, BUNDLED, now, bundled)
        published = await asyncio.to_thread(self._published.manifest, place, version)
        if published is not None:
            same = sum(digest in published.get(name, "").split() for name, digest in seen.items())
            if same >= _OF_ANOTHER * len(published):
                return Baseline(version, PUBLISHED, now, published)
        return Baseline(version, FIRST_SEEN, now, seen)


@functools.lru_cache(maxsize=2)
def _stored(core: Path) -> tuple[Manifest, Mapping[str, Manifest]]:
    """The core's own files, and those of the extensions that it brings. A stored core never changes."""
    own: dict[str, str] = {}
    extensions: dict[str, dict[str, str]] = {}
    if not core.is_dir():
        raise FileNotFoundError(core)
    for folder, _, names in os.walk(core):
        for name in names:
            path = os.path.relpath(Path(folder, name), core)
            place = extension_of(path)
            if is_core(path):
                own[path] = _digest(core / path)
            elif place not in (None, LOOSE) and is_code(name):
                extensions.setdefault(str(place), {})[below(str(place), path)] = _digest(core / path)
    return own, extensions


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _version_in(core: Path, place: str) -> str:
    top = beneath.folder(str(core))
    try:
        return version_of(top, place)
    finally:
        os.close(top)

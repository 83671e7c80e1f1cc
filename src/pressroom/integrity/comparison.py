"""From what was seen and what is known to what is found. Pure."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pressroom.integrity.places import (
    LOOSE,
    extension_of,
    is_code,
    is_core,
    is_php,
    is_upload,
    is_within,
)
from pressroom.integrity.report import Report, SeenFile

# What a finding may be; the text goes behind the path.
MALWARE, UPLOAD, LINK, UNREAD = "malware", "php in uploads", "link", "unread"
CORE_CHANGED, CORE_MISSING, CORE_EXTRA = "core changed", "core missing", "core extra"
CHANGED, MISSING, EXTRA = "changed", "missing", "extra"
# Where what is known of an extension comes from.
BUNDLED, PUBLISHED, FIRST_SEEN = "core", "wordpress.org", "first seen"
_DESCRIBED = {BUNDLED: "as WordPress brought it", PUBLISHED: "wordpress.org's", FIRST_SEEN: "as it was first seen"}
# SHA-256 of each file that counts, by its path below the extension or the core; of several that are right, all, with
# spaces between.
Manifest = Mapping[str, str]


@dataclass(frozen=True)
class Baseline:
    """What is known of one extension: of which version, from whom, and since when (Unix seconds)."""

    version: str
    source: str
    since: float
    manifest: Manifest

    def described(self) -> str:
        return _DESCRIBED[self.source]


@dataclass(frozen=True)
class Found:
    """``id`` names it for as long as it is found. ``digest`` is None for what is missing or could not be read."""

    id: str
    kind: str
    path: str
    detail: str
    rules: tuple[str, ...] = ()
    digest: str | None = None
    time: int | None = None


def identity(site: str, kind: str, path: str) -> str:
    text = b"\0".join((site.encode(), kind.encode(), os.fsencode(path)))
    return hashlib.blake2b(text, digest_size=5).hexdigest()


def compare(
    site: str,
    report: Report,
    core: Manifest,
    baselines: Mapping[str, Baseline],
    *,
    accepted: frozenset[tuple[str, str | None]],
    ours: frozenset[str],
    meanings: Mapping[str, str],
) -> list[Found]:
    """`accepted` are paths with the digests with which an owner takes them; `ours` digests of the platform's own files;
    `meanings` says what each rule is about.
    """

    def found(kind: str, path: str, detail: str, seen: SeenFile | None = None) -> Found:
        rules = seen.rules if seen is not None and kind == MALWARE else ()
        facts = (None, None) if seen is None else (seen.digest, seen.time)
        return Found(identity(site, kind, path), kind, path, detail, rules, *facts)

    def all_found() -> Iterator[Found]:
        for path, seen in report.files.items():
            if seen.digest in ours or _is_known(path, seen, core, baselines):
                continue
            if seen.rules:
                yield found(MALWARE, path, "; it ".join(meanings[rule] for rule in seen.rules), seen)
            if is_core(path):
                yield (
                    found(CORE_CHANGED, path, "is not as WordPress's core has it", seen)
                    if path in core
                    else found(CORE_EXTRA, path, "lies among WordPress's core, and is none of its files", seen)
                )
            elif is_upload(path) and is_php(path) and not seen.silent:
                yield found(UPLOAD, path, "is PHP among the uploads", seen)
            yield from _of_extension(path, seen)
        if report.cut is None:
            for path in _missing(report, core, baselines):
                kind = CORE_MISSING if path in core else MISSING
                yield found(kind, path, "is missing, and was there")
        for path, (kind, why) in report.odd.items():
            yield found(kind, path, why)

    def _of_extension(path: str, seen: SeenFile) -> Iterator[Found]:
        place = extension_of(path)
        known = None if place is None else baselines.get(place)
        if place is None or known is None or not is_code(path) or seen.silent:
            return
        name = below(place, path)
        if name not in known.manifest:
            yield found(EXTRA, path, f"is new since {place} was known ({known.described()})", seen)
        elif not _is_one_of(known.manifest[name], seen.digest):
            yield found(CHANGED, path, f"is not {known.described()}", seen)

    return [one for one in all_found() if (one.path, one.digest) not in accepted]


def _is_known(path: str, seen: SeenFile, core: Manifest, baselines: Mapping[str, Baseline]) -> bool:
    """Whether it is as its publisher made it, so that rules have nothing to say. What was first seen is not."""
    if path in core:
        return core[path] == seen.digest
    place = extension_of(path)
    known = None if place is None else baselines.get(place)
    if place is None or known is None or known.source == FIRST_SEEN:
        return False
    return _is_one_of(known.manifest.get(below(place, path), ""), seen.digest)


def _is_one_of(digests: str, digest: str | None) -> bool:
    return digest is not None and digest in digests.split()


def _missing(report: Report, core: Manifest, baselines: Mapping[str, Baseline]) -> Iterator[str]:
    """Below what was looked at as a whole."""
    expected = [path for path in core if is_core(path)]
    for place, known in baselines.items():
        if place in report.extensions or (place == LOOSE and report.units is None):
            expected += [above(place, name) for name in known.manifest]
    return (
        path
        for path in expected
        if is_within(path, report.units) and path not in report.files and path not in report.odd
    )


def below(place: str, path: str) -> str:
    """The path as it stands in the extension's manifest."""
    return path if place == LOOSE or path == place else path.removeprefix(f"{place}/")


def above(place: str, name: str) -> str:
    return name if place == LOOSE or name == place else f"{place}/{name}"


def manifest_of(place: str, report: Report) -> dict[str, str]:
    """Of what was seen of this extension now. What a rule matches is not taken for known."""
    return {
        below(place, path): seen.digest
        for path, seen in report.files.items()
        if seen.digest is not None and not seen.rules and is_code(path) and extension_of(path) == place
    }

"""Pictures of sites in forms that take fewer bytes, as nginx serves them: kept in step with what they were made of.

``pictures/<site>/<path below the document root>.avif`` or ``.webp``; ``.none`` where nothing is gained. The time of
such a file is its source's ctime, in nanoseconds: another one, and it is of another picture. The watch of the site's
files takes it out when its source changes, before the writer's cookie comes (`code_watch`).
"""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

from pressroom.model.layout import Layout
from pressroom.system import files

FORMS = (".avif", ".webp")
NONE = ".none"
_ALL = (*FORMS, NONE)
SOURCES = frozenset({".jpg", ".jpeg", ".png"})


def is_source(path: str) -> bool:
    """Whether a path below the document root names a picture of which other forms are made."""
    parts = path.split("/")[1:]
    return (
        parts[0] == "wp-content"
        and os.path.splitext(path)[1].lower() in SOURCES  # noqa: PTH122 (once for each of many)
        and not any(part in ("", ".", "..") or "\0" in part for part in parts)
    )


def source_time(public: Path, path: str) -> int | None:
    """ctime in nanoseconds of a picture that lies at this very place, no link on the way; else None."""
    try:
        file = public.resolve() / path.lstrip("/")  # the root itself may be behind a link
        status = file.lstat()
        return status.st_ctime_ns if stat.S_ISREG(status.st_mode) and file.resolve() == file else None
    except (OSError, RuntimeError):
        return None


class PictureStore:
    """The one that puts forms in and takes them out; also which picture has been looked at."""

    def __init__(self, layout: Layout, watched: Callable[[Path], bool], gone: Callable[[str, str], None]) -> None:
        """`watched`: whether changes in a folder are seen. `gone` is told a site and the path of a picture whose forms
        were taken out, since it changed.
        """
        self._layout = layout
        self._watched = watched
        self._gone = gone
        self._lock = threading.Lock()  # between a look at the source and putting its forms in, against taking them out

    def publish(self, site: str, path: str, time: int, folder: Path) -> bool:
        """Put in what was staged of a picture (`avif`, `webp`), if that still is the one of this time."""
        public, base = self._layout.site(site).public, self._base(site, path)
        staged = [suffix for suffix in FORMS if (folder / suffix[1:]).exists()] or [NONE]
        if staged == [NONE]:
            (folder / NONE[1:]).touch()
        with self._lock, contextlib.suppress(OSError):
            if not self._watched((public / path.lstrip("/")).parent) or source_time(public, path) != time:
                return False
            base.parent.mkdir(parents=True, exist_ok=True)
            for suffix in staged:
                made = folder / suffix[1:]
                os.utime(made, ns=(time, time))
                made.replace(base.with_name(base.name + suffix))
            return True
        return False

    def changed(self, site: str, file: Path, *, is_folder: bool) -> None:
        """Something befell this file of the site, or this folder came or went."""
        public = self._layout.site(site).public
        if not file.is_relative_to(public):
            return
        path = "/" + str(file.relative_to(public))
        if is_folder:
            with self._lock:
                files.remove_tree(self._base(site, path))
        elif is_source(path) and self._take_out(site, path):
            self._gone(site, path)

    def check(self, site: str) -> None:
        """Take out what does not fit its source: it changed while nobody watched."""
        place = self._layout.site(site)
        for folder, _, names in os.walk(place.pictures):
            for made in (Path(folder) / name for name in names):
                path = "/" + str(made.relative_to(place.pictures).with_suffix(""))
                with contextlib.suppress(OSError):
                    if made.lstat().st_mtime_ns != source_time(place.public, path):
                        self._take_out(site, path)

    def clear(self, site: str) -> None:
        with self._lock, contextlib.suppress(OSError):
            for entry in os.scandir(self._layout.site(site).pictures):
                files.remove_tree(Path(entry.path))

    def _take_out(self, site: str, path: str) -> bool:
        base = self._base(site, path)
        found = False
        with self._lock:
            for suffix in _ALL:
                with contextlib.suppress(OSError):
                    base.with_name(base.name + suffix).unlink()
                    found = True
        return found

    def _base(self, site: str, path: str) -> Path:
        return self._layout.site(site).pictures / path.lstrip("/")

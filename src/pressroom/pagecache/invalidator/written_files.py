"""Files that a site writes itself and makes pages of: style sheets of page builders, drawings that are put into a page.

They lie among its uploads. What counts is a file that was there before and is written anew, replaced or gone. A new
name is no change: a page that links to it is made after it. Media files are none, for pages know them by the database.
What a page could be made of is any file but those whose name says that it is none: `may_be_read`.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from asyncinotify import Mask

# Below wp-content.
WRITTEN_FOLDERS = frozenset({"uploads", "et-cache"})
_MEDIA = (
    ".jpg .jpeg .png .gif .webp .avif .ico .bmp .tif .tiff .heic .mp3 .m4a .ogg .wav .flac .mp4 .m4v .mov .webm .avi"
    " .mkv .pdf .woff .woff2 .ttf .otf .eot"
)
_PACKED = ".zip .gz .br .bz2 .xz .zst .tar .tgz .7z .rar .sql .sqlite .db"
_PASSING = ".log .tmp .swp .lock .part .pid .bak"
_NOT_READ = frozenset(f"{_MEDIA} {_PACKED} {_PASSING}".split())
_GONE = Mask.DELETE | Mask.MOVED_FROM
_BEING_MADE = 60.0  # seconds in which a new file's writer closes it


class WrittenFiles:
    """The names that are there, by folder: the kernel does not say whether a name was there before."""

    def __init__(self) -> None:
        self._known: dict[Path, set[str]] = {}
        self._new: dict[Path, float] = {}

    def begin(self, folder: Path) -> None:
        """The folder is watched from now on; what is there now was there before.

        In a folder that has just come that may be wrong for a file under way: it counts then, needlessly.
        """
        self._known[folder] = {entry.name for entry in os.scandir(folder) if may_be_read(entry.name)}

    def has(self, folder: Path) -> bool:
        return folder in self._known

    def forget(self, home: Path) -> None:
        """A site is gone."""
        self._known = {folder: names for folder, names in self._known.items() if not folder.is_relative_to(home)}

    def is_change(self, mask: Mask, path: Path) -> bool:
        """Whether this event on a file of a folder that we have is a change of what was there before."""
        if not may_be_read(path.name) or mask == Mask.ATTRIB:  # WordPress sets a new upload's mode
            return False
        names = self._known[path.parent]
        was_there = path.name in names
        if mask & _GONE:
            names.discard(path.name)
            return self._new.pop(path, None) is None
        names.add(path.name)
        if mask & Mask.MOVED_TO:
            return was_there
        if mask & Mask.CREATE:
            if not was_there and not _is_link(path):
                self._made_now(path)
            return False
        return time.monotonic() - self._new.pop(path, -_BEING_MADE) >= _BEING_MADE

    def folder_is_gone(self, folder: Path) -> bool:
        """The folder was moved away or removed: whether anything in it was there before."""
        gone = [known for known in self._known if known.is_relative_to(folder)]
        lost = [self._known.pop(known) for known in gone]
        return any(lost)

    def _made_now(self, path: Path) -> None:
        now = time.monotonic()
        if len(self._new) > 1000:
            self._new = {one: at for one, at in self._new.items() if now - at < _BEING_MADE}
        self._new[path] = now


def may_be_read(name: str) -> bool:
    """Whether a page may be made of a file of this name."""
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 (once for each of many names)
    return suffix not in _NOT_READ and not name.endswith("~")


def _is_link(path: Path) -> bool:
    """Whether the name came whole, by a link: nobody writes it to its end."""
    try:
        return path.is_symlink() or path.stat().st_nlink > 1
    except OSError:
        return False

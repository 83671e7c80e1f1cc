"""Follows the files that a site's pages are made of, by inotify(7): a changed one takes the site's pages out.

Watched is wp-content without the caches that a site writes there, links into the site's own home too; uploads by rules
of their own (`written_files`). What lies behind a link that leads out of the home is not watched, but told. A writer's
request leaves a cookie, a file of its own name beside the site's gate, in the same watch: events come in order, so
when the cookie has come, each change before it has.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import stat
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from asyncinotify import Event, Inotify, Mask

from pressroom.model.layout import Layout
from pressroom.pagecache.invalidator.written_files import WRITTEN_FOLDERS, WrittenFiles, may_be_read

_log = structlog.get_logger(__name__)

_MASK = (
    Mask.CREATE | Mask.CLOSE_WRITE | Mask.MOVED_FROM | Mask.MOVED_TO | Mask.DELETE | Mask.ATTRIB
    | Mask.ONLYDIR | Mask.DONT_FOLLOW | Mask.EXCL_UNLINK
)  # fmt: skip
# Below wp-content: here each file counts …
_CODE_FOLDERS = frozenset({"themes", "plugins", "mu-plugins", "languages"})
_NOT_CODE = (".log", ".tmp", ".swp", ".lock", "~")
# … here none (what WordPress and the usual plugins write), and elsewhere what a page may be made of.
_DATA_FOLDERS = frozenset(
    {
        "cache", "upgrade", "upgrade-temp-backup", "backups", "backup", "blogs.dir", "wflogs", "updraft",
        "ai1wm-backups", "litespeed", "w3tc-config", "wp-rocket-config", "backups-dup-pro",
    }
)  # fmt: skip
_NOT_CODE_FOLDERS = _DATA_FOLDERS | WRITTEN_FOLDERS
_COOKIE = "cookie-"
# Beside the gate: its time says when a link came to lead elsewhere, or may have (`php/code.php`).
_PATHS = "paths"
_BATCH = 4096  # events
_COOKIE_LIFE = 60.0  # seconds after which one whose writer was killed is removed
# A file that changes more often than this a minute, each time while pages are rendered, is written by the renders: it
# counts once a minute then, and when somebody waits for their change.
_OFTEN = 30
_MINUTE = 60.0


@dataclass
class _Site:
    """``unwatched``: why not all of the site's folders are watched; ``strays``: links out of its home."""

    ready: bool = False
    cookies_come: bool = False
    unwatched: dict[Path, str] = field(default_factory=dict)
    strays: set[Path] = field(default_factory=set)


class CodeWatch:
    """One inotify instance for all sites, read by a thread of its own."""

    def __init__(
        self,
        layout: Layout,
        changed: Callable[[str, str], None],
        came: Callable[[str, str], None],
        is_rendering: Callable[[str], bool],
        *,
        touched: Callable[[str, Path, bool], None] = lambda site, path, is_folder: None,
        unseen: Callable[[str], None] = lambda site: None,
    ) -> None:
        """`changed` is told a site and the file; `came` a site and a cookie, after all changes before it. `touched` is
        told each file that something befell, and each folder that came or went; `unseen` a site whose files may have
        changed in any way until now.
        """
        self._layout = layout
        self._changed = changed
        self._came = came
        self._is_rendering = is_rendering
        self._touched = touched
        self._unseen = unseen
        self._inotify = Inotify(sync_timeout=0)
        self._lock = threading.Lock()  # between adding a watch and reading its events
        self._sites: dict[str, _Site] = {}
        self._often: dict[str, int] = {}
        self._often_since = time.monotonic()
        self._owed: dict[str, str] = {}
        self._all_count: dict[Path, bool] = {}  # a watched folder: whether each file in it counts
        self._written = WrittenFiles()

    # -- which sites ---------------------------------------------------------------------------------------

    def attend(self, sites: Collection[str], oldest_page: Callable[[str], float | None]) -> None:
        """Watch these sites, by name. `oldest_page` tells the time (Unix) of a site's oldest stored page, None where
        there is none: changes from before the watch began are found by their files' times.
        """
        for gone in set(self._sites) - set(sites):
            del self._sites[gone]
            self._written.forget(self._layout.site(gone).home)
        for site in sites:
            if site not in self._sites:
                self._begin(site, oldest_page(site))

    def _begin(self, site: str, oldest_page: float | None) -> None:
        state = self._sites[site] = _Site()
        place = self._layout.site(site)
        state.cookies_come = self._add(state, place.gate.parent, False)
        newest = 0.0
        for folder, all_count in self._code_folders(site, state.strays):
            if self._add(state, folder, all_count) and oldest_page is not None:
                newest = max(newest, _newest_code(folder, all_count=all_count))
        for folder in self._written_folders(site, state.strays):
            if self._follow_written(state, folder) and oldest_page is not None:
                newest = max(newest, _newest_change(folder, may_be_read))
        self._anything(site)
        if oldest_page is not None and newest >= oldest_page - 1:
            self._changed(site, "while nobody watched")
        for cookie in place.gate.parent.glob(f"{_COOKIE}*"):
            self._came(site, cookie.name)
            with contextlib.suppress(OSError):
                if cookie.lstat().st_ctime < time.time() - _COOKIE_LIFE:
                    cookie.unlink()
        state.ready = True

    def cookies_come(self, site: str) -> bool:
        """Whether a cookie of this site is seen (not so when the kernel gives no more watches)."""
        state = self._sites.get(site)
        return state is None or not state.ready or state.cookies_come

    def why_not(self, site: str) -> str:
        """Why changes of a site's files may go unseen; empty when they do not."""
        state = self._sites.get(site)
        if state is None or not state.ready:
            return "not yet"
        home = self._layout.site(site).home.resolve()
        stray = next((link for link in sorted(state.strays) if _leads_out(link, home)), None)
        unwatched = next((why for folder, why in list(state.unwatched.items()) if os.path.lexists(folder)), "")
        return unwatched or ("" if stray is None else f"{self._name(site, stray)} leads out of the site's home")

    def watches(self, folder: Path) -> bool:
        """Whether changes in this folder are seen."""
        return folder in self._all_count

    # -- watching ------------------------------------------------------------------------------------------

    def _code_folders(self, site: str, strays: set[Path]) -> Iterator[tuple[Path, bool]]:
        place = self._layout.site(site)
        yield place.public, False
        yield place.content, False
        try:
            names = [entry.name for entry in os.scandir(place.content) if entry.name not in _NOT_CODE_FOLDERS]
        except OSError:
            return
        for name in names:
            yield from _tree(place.content / name, place.home, strays, all_count=name in _CODE_FOLDERS)

    def _written_folders(self, site: str, strays: set[Path]) -> Iterator[Path]:
        place = self._layout.site(site)
        for name in WRITTEN_FOLDERS:
            for folder, _ in _tree(place.content / name, place.home, strays, all_count=False):
                yield folder

    def _follow_written(self, state: _Site, folder: Path) -> bool:
        if not self._add(state, folder, False):
            return False
        with contextlib.suppress(OSError):  # gone meanwhile
            self._written.begin(folder)
        return True

    def _add(self, state: _Site, folder: Path, all_count: bool) -> bool:
        try:
            with self._lock:
                self._inotify.add_watch(folder, _MASK)
                self._all_count[folder] = all_count or self._all_count.get(folder, False)
        except (FileNotFoundError, NotADirectoryError):
            state.unwatched.pop(folder, None)
            return False
        except OSError as error:
            full = error.errno == errno.ENOSPC
            why = "fs.inotify.max_user_watches is too low" if full else f"{folder}: {error.strerror}"
            _log.warning("not_watched", folder=str(folder), why=why)
            state.unwatched[folder] = why
            return False
        state.unwatched.pop(folder, None)
        return True

    def run(self, stopping: threading.Event) -> None:
        """Read until told to stop."""
        ready = select.poll()
        ready.register(self._inotify.fd, select.POLLIN)
        while not stopping.is_set():
            if ready.poll(500):
                self._take_safely(self._batch())
            self._look_at_the_minute()

    def _take_safely(self, events: list[Event]) -> None:
        try:
            self._take(events)
        except Exception:  # noqa: BLE001 (a fault of ours: without this thread changes go unseen, and writers wait in vain)
            _log.exception("code_watch_failed")
            for site in list(self._sites):
                self._anything(site)
                self._changed(site, "a fault of the watch of files")

    def _batch(self) -> list[Event]:
        events: list[Event] = []
        with self._lock:
            while len(events) < _BATCH and (event := self._inotify.sync_get()) is not None:
                events.append(event)
        return events

    def _take(self, events: list[Event]) -> None:
        changes: dict[str, str] = {}
        counted: set[Path] = set()
        cookies: list[tuple[str, str]] = []
        for event in events:
            if Mask.Q_OVERFLOW in event.mask:
                changes.update(dict.fromkeys(list(self._sites), "more files than could be followed"))
                for each in list(self._sites):
                    self._anything(each)
                continue
            path = event.path
            site = self._site_of(path) if path is not None else None
            if path is None or site is None or event.name is None:
                continue
            if path.parent == self._layout.site(site).gate.parent:
                if event.name.name.startswith(_COOKIE) and Mask.CREATE in event.mask:
                    cookies.append((site, event.name.name))
                continue
            if self._counts(event, path, site) and path not in counted:
                counted.add(path)
                if not self._is_written_often(site, path):
                    changes[site] = self._name(site, path)
        for site, file in changes.items():
            self._changed(site, file)
        for site, cookie in cookies:
            if site in self._owed:  # somebody waits: what is written often counts as well
                self._changed(site, self._owed.pop(site))
            self._came(site, cookie)

    def _anything(self, site: str) -> None:
        """May have happened to the site's files until now."""
        self._paths_moved(site)
        self._unseen(site)

    def _paths_moved(self, site: str) -> None:
        """Said before the change is. The folder is writable for the site: a link that it puts there is not followed."""
        path = self._layout.site(site).gate.parent / _PATHS
        with contextlib.suppress(OSError):
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
            try:
                os.utime(file)
            finally:
                os.close(file)

    def _site_of(self, path: Path) -> str | None:
        for home in (self._layout.sites, self._layout.gates):
            if path.is_relative_to(home):
                name = path.relative_to(home).parts[0]
                return name if name in self._sites else None
        return None

    def _counts(self, event: Event, path: Path, site: str) -> bool:
        """Whether the event is a change. Where a fault keeps that from being told, it is one of this site alone."""
        try:
            if Mask.ISDIR not in event.mask or event.mask & ~(Mask.ISDIR | Mask.ATTRIB):
                self._touched(site, path, Mask.ISDIR in event.mask)
            return self._is_change(event, path, site)
        except Exception:  # noqa: BLE001 (of what a site lays there nothing may concern another)
            _log.exception("cannot_be_told", file=str(path))
            self._anything(site)
            return True

    def _is_change(self, event: Event, path: Path, site: str) -> bool:
        """Whether the event is a change of code; new folders and links are followed on the way."""
        place = self._layout.site(site)
        all_count = self._all_count.get(path.parent, False)
        if self._written.has(path.parent) or (path.parent == place.content and path.name in WRITTEN_FOLDERS):
            return self._is_change_of_written(event, path, site)
        if path.parent == place.content:
            if path.name in _DATA_FOLDERS:
                return False
            all_count = path.name in _CODE_FOLDERS
        is_folder = Mask.ISDIR in event.mask
        if path.parent == place.public and (is_folder or _is_roots(path)):
            return False  # the core's, which the platform links there
        if is_folder or _is_link(path):
            if not is_folder:
                self._paths_moved(site)
            state = self._sites.get(site, _Site())
            for folder, everything in _tree(path, place.home, state.strays, all_count=all_count):
                self._add(state, folder, everything)
            return True
        return _is_code(path.name, all_count=all_count)

    def _is_change_of_written(self, event: Event, path: Path, site: str) -> bool:
        if Mask.ISDIR not in event.mask and not _is_link(path):
            return self._written.has(path.parent) and self._written.is_change(event.mask, path)
        if event.mask & (Mask.DELETE | Mask.MOVED_FROM):
            return self._written.folder_is_gone(path)
        if event.mask & (Mask.CREATE | Mask.MOVED_TO):
            state = self._sites.get(site, _Site())
            for folder, _ in _tree(path, self._layout.site(site).home, state.strays, all_count=False):
                self._follow_written(state, folder)
        return Mask.ISDIR not in event.mask  # a link may lead elsewhere than before

    def _name(self, site: str, path: Path) -> str:
        return os.path.relpath(path, self._layout.site(site).public)

    def _is_written_often(self, site: str, path: Path) -> bool:
        if not self._is_rendering(site):
            return False
        times = self._often[str(path)] = self._often.get(str(path), 0) + 1
        if times <= _OFTEN:
            return False
        if site not in self._owed:
            _log.warning("written_often", file=str(path), looked_at_again_in_seconds=_MINUTE)
        self._owed[site] = self._name(site, path)
        return True

    def _look_at_the_minute(self) -> None:
        """Files that are written often count when the minute is over."""
        if time.monotonic() - self._often_since < _MINUTE:
            return
        self._often_since = time.monotonic()
        self._often = {path: _OFTEN for path, times in self._often.items() if times > _OFTEN}
        owed, self._owed = self._owed, {}
        for site, file in owed.items():
            self._changed(site, file)


def _tree(top: Path, home: Path, strays: set[Path], *, all_count: bool) -> Iterator[tuple[Path, bool]]:
    """The folder and all below it, and where links in it lead to inside the site's home; with whether all files count.

    A link to a file leads to that file's folder, where not all count. Those that lead out of the home are put among the
    `strays`: a link to `/` must not have the whole machine watched.
    """
    seen: set[Path] = set()
    waiting = [top]
    real_home = home.resolve()  # the root itself may be behind a link
    while waiting:
        path = waiting.pop()
        try:
            real = path.resolve()
            if real in seen:
                continue
            if not real.is_relative_to(real_home):
                strays.add(path)
                continue
            seen.add(real)
            named = home / real.relative_to(real_home)
            if real.is_dir():
                yield named, all_count
                waiting += [path / entry.name for entry in os.scandir(real) if entry.is_symlink() or entry.is_dir()]
            elif path.is_symlink():
                yield named.parent, False
        except PermissionError:
            yield path, all_count  # whoever adds the watch is told the same, and says so
        except (OSError, RuntimeError):
            continue


def _leads_out(link: Path, real_home: Path) -> bool:
    try:
        return link.is_symlink() and not link.resolve(strict=True).is_relative_to(real_home)
    except (OSError, RuntimeError):  # it leads to nothing
        return False


def _newest_code(folder: Path, *, all_count: bool) -> float:
    """As `_newest_change`; with the folder's own time where each name in it counts."""
    try:
        of_folder = folder.stat().st_ctime if all_count else 0.0
    except OSError:
        return time.time()
    return max(of_folder, _newest_change(folder, lambda name: _is_code(name, all_count=all_count)))


def _newest_change(folder: Path, is_one: Callable[[str], bool]) -> float:
    """The newest ctime (Unix) of the folder's files that are one. Root's files are the platform's: linked from a core,
    so that another site's link changes their time.
    """
    newest = 0.0
    try:
        for entry in os.scandir(folder):
            status = entry.stat(follow_symlinks=False)
            if status.st_uid != 0 and not stat.S_ISDIR(status.st_mode) and is_one(entry.name):
                newest = max(newest, status.st_ctime)
    except OSError:  # gone meanwhile, or its files' times are not to be had: it may have changed
        return time.time()
    return newest


def _is_code(name: str, *, all_count: bool) -> bool:
    return not name.endswith(_NOT_CODE) if all_count else may_be_read(name)


def _is_link(path: Path) -> bool:
    """False where one may not look, too: `Path.is_symlink` raises there."""
    return os.path.islink(path)  # noqa: PTH114


def _is_roots(path: Path) -> bool:
    try:
        return path.lstat().st_uid == 0
    except OSError:
        return False

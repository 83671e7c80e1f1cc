"""The page store: files on disk that nginx serves by itself.

``store/<site>/current`` is a symbolic link to the site's generation, ``g12``. A new generation replaces all pages
in one rename. Below it a page's file is its URL's path with ``.page`` behind it, beside ``.page.br`` and
``.page.gz``. What is not an ordinary HTML page has a ``.head`` file (JSON: status, headers) and, unless it is a
redirect, a ``.body`` with the same two beside it; a small njs script of nginx answers those.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import resource
import weakref
import zlib
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

import brotli

from pressroom.model.pagekey import has_capital_escape, is_canonical_path, is_paging
from pressroom.system import files

PAGE, TYPED, REDIRECT = "page", "typed", "redirect"
_FILES = {
    PAGE: (".page.br", ".page.gz", ".page"),
    TYPED: (".head", ".body.br", ".body.gz", ".body"),
    REDIRECT: (".head",),
}
_ALL_FILES = tuple(dict.fromkeys(suffix for suffixes in _FILES.values() for suffix in suffixes))
_LONGEST_NAME = 255 - len(".page.br")
# Of the files that this process may have open, the share of unlinked ones; the space of more is given back at once.
_HELD_SHARE = 4


class NotStorable(ValueError):
    """This key has no place in the store; the text says why."""


def page_path(key: str) -> bytes:
    """The file below a generation, without its suffix, for a key (path, or path?paging). Raises NotStorable."""
    path, question, arguments = key.partition("?")
    if not is_canonical_path(path) or has_capital_escape(path):
        raise NotStorable(f"not a canonical path: {path[:200]!r}")
    if question and not is_paging(arguments):
        raise NotStorable("has arguments")
    name = unquote_to_bytes(path)[1:] + (question + arguments).encode()
    parts = name.split(b"/")
    if any(len(part) > _LONGEST_NAME for part in parts):
        raise NotStorable("a part of the path is too long for a file name")
    if any(part.endswith((b".page", b".head", b".body", b".br", b".gz")) for part in parts):
        raise NotStorable("ends like one of the store's own files")
    return name


@dataclass(frozen=True)
class Staged:
    """A page's files, written completely beside the store: `folder` holds `page…` or `body…` and `head`."""

    folder: Path
    kind: str


class PageStore:
    """Puts staged pages in, takes pages out, switches generations. No decisions are made here."""

    def __init__(self, folder: Path, group: str | None = None) -> None:
        self.folder = folder
        self._group = group
        self._held: deque[int] = deque()
        self._most_held = resource.getrlimit(resource.RLIMIT_NOFILE)[0] // _HELD_SHARE
        weakref.finalize(self, _close, self._held)

    def _generation(self, site: str, generation: int) -> Path:
        return self.folder / site / f"g{generation}"

    def current(self, site: str) -> int | None:
        """The generation that nginx serves, None when there is none."""
        try:
            return int((self.folder / site / "current").readlink().name.removeprefix("g"))
        except (OSError, ValueError):
            return None

    def begin(self, site: str, generation: int, old: int = 0, keep: Iterable[tuple[str, str]] = ()) -> set[str]:
        """Serve a new generation from now on; what an older life of that number left is removed.

        It begins with the pages (key and kind) of `keep`, linked from the old one. Returns the keys of those that
        could not be linked.
        """
        files.remove_tree(self._generation(site, generation))
        lost = {key for key, kind in keep if not self._link(site, old, generation, key, kind)}
        self.switch(site, generation)
        return lost

    def _link(self, site: str, old: int, new: int, key: str, kind: str) -> bool:
        source, target = self._base(site, old, key), self._base(site, new, key)
        try:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            for suffix in map(str.encode, _FILES[kind]):
                with contextlib.suppress(FileNotFoundError):
                    os.link(source + suffix, target + suffix)
        except OSError:
            self._take_out(target)
        return self.is_there(site, new, key, kind)

    def switch(self, site: str, generation: int) -> None:
        """Serve this generation from now on (made empty when it does not exist)."""
        home = self.folder / site
        with files.explained(home):
            self._generation(site, generation).mkdir(parents=True, exist_ok=True)
            beside = home / "current.new"
            beside.unlink(missing_ok=True)
            beside.symlink_to(f"g{generation}")
            beside.replace(home / "current")

    def put(self, site: str, generation: int, key: str, staged: Staged, mtime: int) -> None:
        """Move a staged page to its place. Raises NoSpace, NotStorable; then the page is not stored at all."""
        base = self._base(site, generation, key)
        suffixes = _FILES[staged.kind]
        present = [s for s in suffixes if (staged.folder / s.lstrip(".")).exists()]
        for suffix in present:
            os.utime(staged.folder / suffix.lstrip("."), (mtime, mtime))
        self._take_out(base)
        try:
            with files.explained(self.folder):
                os.makedirs(os.path.dirname(base), exist_ok=True)
                for suffix in reversed(present):  # the plain body first: each step leaves a right answer
                    os.rename(staged.folder / suffix.lstrip("."), base + suffix.encode())
        except (NotADirectoryError, FileExistsError, IsADirectoryError) as error:
            self._take_out(base)
            raise NotStorable("its place is taken by another page's folder") from error
        except BaseException:
            self._take_out(base)
            raise

    def is_same(self, site: str, generation: int, key: str, staged: Staged) -> bool:
        """Whether the page that stands has the staged one's content, head included."""
        base = self._base(site, generation, key)
        plain = [suffix for suffix in _FILES[staged.kind] if not suffix.endswith((".br", ".gz"))]
        others = set(_ALL_FILES) - set(_FILES[staged.kind])
        try:
            return not any(os.path.exists(base + suffix.encode()) for suffix in others) and all(
                Path(os.fsdecode(base + suffix.encode())).read_bytes() == (staged.folder / suffix[1:]).read_bytes()
                for suffix in plain
            )
        except OSError:
            return False

    def put_beside(self, site: str, generation: int, key: str, staged: Staged, mtime: int) -> None:
        """Replace compressed forms of a page that stands; the content is the same, so each rename is right."""
        base = self._base(site, generation, key)
        for suffix in _FILES[staged.kind]:
            file = staged.folder / suffix.lstrip(".")
            if file.exists():
                os.utime(file, (mtime, mtime))
                os.rename(file, base + suffix.encode())

    def take_out(self, site: str, generation: int, key: str) -> None:
        """Unlink a page; it may be gone already. Its space is given back by `free_space`."""
        self._take_out(self._base(site, generation, key))

    def free_space(self) -> None:
        """Give back the space of what was unlinked: any thread may, beside one that takes pages out."""
        _close(self._held)

    def _base(self, site: str, generation: int, key: str) -> bytes:
        return os.fsencode(self._generation(site, generation)) + b"/" + page_path(key)

    def _take_out(self, base: bytes) -> None:
        for suffix in _ALL_FILES:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                self._unlink(base + suffix.encode())

    def _unlink(self, path: bytes) -> None:
        """Held open, a file loses its name at once and its blocks later: to give those back waits for the disk."""
        if len(self._held) < self._most_held:
            try:
                self._held.append(os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC))
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE):
                    raise
        os.unlink(path)

    def plain_file(self, site: str, generation: int, key: str, kind: str) -> Path:
        """The uncompressed body (for a redirect: the head)."""
        suffix = {PAGE: ".page", TYPED: ".body", REDIRECT: ".head"}[kind]
        return Path(os.fsdecode(self._base(site, generation, key) + suffix.encode()))

    def sweep(self, site: str, keep: int) -> None:
        """Remove the generations before `keep`; may take long, harms nobody."""
        for entry in (self.folder / site).glob("g*"):
            number = entry.name.removeprefix("g")
            if number.isdigit() and int(number) < keep:
                files.remove_tree(entry)

    def remove_strangers(self, site: str, generation: int, known: dict[bytes, tuple[int, int]]) -> int:
        """Remove files of a generation that are not in `known` (base -> mtime, plain size). Returns how many."""
        root = os.fsencode(self._generation(site, generation))
        removed = 0
        for folder, _, names in os.walk(root):
            for name in names:
                path = os.path.join(folder, name)
                base = path[len(root) + 1 :]
                for suffix in _ALL_FILES:
                    if base.endswith(suffix.encode()):
                        base = base[: -len(suffix)]
                        break
                status = os.lstat(path)
                expected = known.get(base)
                plain_is_whole = not path.endswith((b".page", b".body")) or status.st_size == (expected or (0, -1))[1]
                if expected is None or int(status.st_mtime) != expected[0] or not plain_is_whole:
                    os.unlink(path)
                    removed += 1
        return removed

    def is_there(self, site: str, generation: int, key: str, kind: str) -> bool:
        return self.plain_file(site, generation, key, kind).exists()

    def is_whole(self, site: str, generation: int, key: str, kind: str, digest: str) -> bool:
        """Whether each form of a stored page has the content it should (after a power loss it may not)."""
        plain = self.plain_file(site, generation, key, kind)
        head = plain.with_name(plain.name.removesuffix(".body") + ".head") if kind == TYPED else None
        try:
            if head is not None:
                json.loads(head.read_text())
            return plain.exists() and all(
                hashlib.sha256(read(file.read_bytes())).hexdigest() == digest
                for file, read in _forms(plain)
                if file.exists()
            )
        except (OSError, ValueError, brotli.error, zlib.error):
            return False

    def bodies(self, site: str, generation: int, key: str, kind: str) -> list[bytes]:
        """What each form of a stored page says, the uncompressed one first; one that cannot be read is given as it is.

        Empty when the page is not there.
        """
        bodies = []
        for file, read in _forms(self.plain_file(site, generation, key, kind)):
            with contextlib.suppress(FileNotFoundError):
                data = file.read_bytes()
                try:
                    bodies.append(read(data))
                except (brotli.error, zlib.error):
                    bodies.append(data)
        return bodies

    def remove_site(self, site: str) -> None:
        files.remove_tree(self.folder / site)


def _close(handles: deque[int]) -> None:
    with contextlib.suppress(IndexError):  # empty, by now: another thread may close too
        while True:
            os.close(handles.popleft())


def _forms(plain: Path) -> list[tuple[Path, Callable[[bytes], bytes]]]:
    """The files that one page may have, and how each is read."""
    return [
        (plain, bytes),
        (plain.with_name(plain.name + ".br"), brotli.decompress),
        (plain.with_name(plain.name + ".gz"), lambda data: zlib.decompress(data, zlib.MAX_WBITS | 16)),
    ]

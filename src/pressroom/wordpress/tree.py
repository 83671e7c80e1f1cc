"""A site's document root: WordPress's code by hard links from a stored core, wp-content as its own copy.

wp-admin and wp-includes are folders of root with root's files, so that no site can change what others run.
`public` and wp-content are the site's. Everything is built beside, in a folder that only root may enter,
and swapped in name by name; a run that was killed is made good by the next.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from pressroom.model.errors import Conflict, Drifted, NotFound
from pressroom.system.files import explained, group_id, user_id
from pressroom.wordpress.contents import CONTENT, TREES, belongs, version_in
from pressroom.wordpress.cores import Core
from pressroom.wordpress.descriptors import (
    Marks,
    copy_tree,
    directory,
    exists,
    link_or_copy,
    mark,
    names,
    read_start,
    sync_file_system,
)
from pressroom.wordpress.swaps import discard, move_in, swap_in

_PUBLIC_MODE = 0o2750
_CONTENT_FILE_MODE = 0o640
_ROOTS = Marks()


def plant(core: Core, public: Path, *, owner: str, group: str, themes: Sequence[str] | None = None) -> None:
    """Make `public` a document root of `core`, whose site runs as the user `owner`.

    `group` is the web server's way in: it may read. wp-content is copied from the core only if there is
    none; of its themes those named in `themes` (None: all). Run again it mends what is not as it should be.
    Raises NotFound for a theme that the core does not have, Conflict when `public` is no folder, NoSpace,
    NoRights.
    """
    site = Marks(user_id(owner), group_id(group), _PUBLIC_MODE, _CONTENT_FILE_MODE)
    _check_themes(core, themes)
    with explained(public), directory(public.parent) as parent:
        with contextlib.suppress(FileExistsError):
            os.mkdir(public.name, 0o700, dir_fd=parent)
        with _document_root(parent, public) as root, _staging(parent, public) as staging:
            if not exists(root, CONTENT):
                _copy_content(core, staging, root, site, themes)
            _put_core(core, staging, root)
            mark(root, site.user, site.group, _PUBLIC_MODE)
            os.fsync(root)


def exchange_core(public: Path, old: Core, new: Core) -> None:
    """Move the site in `public` from the core `old` to `new`; the two swapped move it back.

    Killed at any point and run again, it ends wholly at `new`. When it fails by itself, what it had swapped
    is swapped back. wp-content, wp-config.php and the site's own files stay as they are. Raises NotFound
    when there is no such site, Drifted when it holds a third version, Conflict, NoSpace, NoRights.
    """
    _check_holds_one_of(public, old, new)
    with (
        explained(public),
        directory(public.parent) as parent,
        _document_root(parent, public) as root,
        _staging(parent, public) as staging,
    ):
        _put_core(new, staging, root)
        os.fsync(root)


def core_of(public: Path) -> str:
    """The WordPress version that the document root `public` holds now. Raises NotFound if it holds none."""
    try:
        with directory(public) as root, directory("wp-includes", root) as includes:
            version = version_in(read_start(includes, "version.php", 65536))
    except OSError as error:
        raise _no_wordpress(public) from error
    if version is None:
        raise _no_wordpress(public)
    return version


def _no_wordpress(public: Path) -> NotFound:
    return NotFound(f"{public} holds no WordPress", hint="run `pressroom apply` to build it again")


def _check_holds_one_of(public: Path, old: Core, new: Core) -> None:
    if not public.is_dir():
        raise _no_wordpress(public)
    try:
        version = core_of(public)
    except NotFound:  # the site's user broke it, or a killed run did: it is mended
        return
    if version not in (old.version, new.version):
        raise Drifted(
            f"{public} holds WordPress {version}, neither {old.version} nor {new.version}",
            hint="plan again: somebody else has exchanged the core since",
        )


def _check_themes(core: Core, themes: Sequence[str] | None) -> None:
    folder = core.path / CONTENT / "themes"
    bundled = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    for theme in themes or ():
        if theme not in bundled:
            raise NotFound(
                f"WordPress {core.version} brings no theme {ascii(theme)[:80]}",
                hint=f"themes that it brings: {', '.join(bundled) or 'none'}",
            )


@contextlib.contextmanager
def _document_root(parent: int, public: Path) -> Iterator[int]:
    """`public`, which must be a folder and no link."""
    with contextlib.ExitStack() as stack:
        try:
            root = stack.enter_context(directory(public.name, parent))
        except (NotADirectoryError, FileNotFoundError) as error:
            raise Conflict(f"{public} is no folder", hint="move away what is there, then try again") from error
        yield root


@contextlib.contextmanager
def _staging(parent: int, public: Path) -> Iterator[int]:
    """An empty folder beside `public` for root alone, gone afterwards with all that was swapped into it."""
    name = f".next-{public.name}"
    discard(parent, name)
    os.mkdir(name, 0o700, dir_fd=parent)
    try:
        with directory(name, parent) as staging:
            yield staging
    finally:
        discard(parent, name)


def _copy_content(core: Core, staging: int, root: int, site: Marks, themes: Sequence[str] | None) -> None:
    def chosen(parts: tuple[str, ...], is_directory: bool) -> bool:
        is_theme = is_directory and len(parts) == 2 and parts[0] == "themes"
        return themes is None or not is_theme or parts[1] in themes

    os.mkdir(CONTENT, 0o700, dir_fd=staging)
    with directory(CONTENT, staging) as target:
        with directory(core.path / CONTENT) as source:
            copy_tree(source, target, site, chosen)
        mark(target, site.user, site.group, site.directory_mode)
        sync_file_system(target)  # it is the site's only copy, and must be on disk before its name is
    with contextlib.suppress(FileExistsError):  # the site's user was faster; what is theirs stays
        move_in(staging, root, CONTENT)


def _put_core(core: Core, staging: int, root: int) -> None:
    """Bring `core` into the document root: build what differs in `staging`, then swap it in."""
    with directory(core.path) as source:
        differing = [name for name in TREES if not _is_same_tree(source, root, name)]
        for name in differing:
            _link_tree(source, staging, name)
        files = [name for name in _root_files(core) if not _is_same_file(source, root, name)]
        for name in files:
            link_or_copy(source, staging, name)
    _swap_all(staging, root, [*differing, *files])
    for name in set(names(root)) - set(_root_files(core)):
        _remove_ours(root, name)


def _swap_all(staging: int, root: int, built: Sequence[str]) -> None:
    """Swap all of `built` into the document root, or, when that fails or is broken off, none of it."""
    ours = {name: _inode(staging, name) for name in built}
    try:
        for name in built:
            swap_in(staging, root, name)
    except BaseException:
        for name in built:
            # Asked of the disk: a signal may come after a rename and before we took note of it.
            if _inode(root, name) == ours[name]:
                if exists(staging, name):
                    swap_in(staging, root, name)
                else:
                    move_in(root, staging, name)
        raise


def _inode(at: int, name: str) -> int | None:
    try:
        return os.stat(name, dir_fd=at, follow_symlinks=False).st_ino
    except FileNotFoundError:
        return None


def _root_files(core: Core) -> list[str]:
    with os.scandir(core.path) as entries:
        return sorted(entry.name for entry in entries if entry.is_file() and belongs((entry.name,), directory=False))


def _link_tree(source: int, target: int, name: str) -> None:
    os.mkdir(name, 0o700, dir_fd=target)
    with directory(name, source) as inner, directory(name, target) as new:
        with os.scandir(inner) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    _link_tree(inner, new, entry.name)
                else:
                    link_or_copy(inner, new, entry.name)
        mark(new, _ROOTS.user, _ROOTS.group, _ROOTS.directory_mode)


def _is_same_tree(source: int, target: int, name: str) -> bool:
    """Whether `name` in `target` is a folder of root's that holds just what the core's folder holds."""
    try:
        with directory(name, source) as inner, directory(name, target) as there:
            if not _is_roots(os.fstat(there), _ROOTS.directory_mode):
                return False
            with os.scandir(inner) as entries:
                wanted = {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries}
            return set(names(there)) == wanted.keys() and all(
                _is_same_tree(inner, there, entry) if is_directory else _is_same_file(inner, there, entry)
                for entry, is_directory in wanted.items()
            )
    except (FileNotFoundError, NotADirectoryError):
        return False


def _is_same_file(source: int, target: int, name: str) -> bool:
    """Whether `name` in `target` is the core's file, or the copy that stands where no link could be made.

    Only root makes root's files, so a copy is known by its size and time.
    """
    ours = os.stat(name, dir_fd=source, follow_symlinks=False)
    try:
        theirs = os.stat(name, dir_fd=target, follow_symlinks=False)
    except FileNotFoundError:
        return False
    if (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino):
        return True
    return (
        stat.S_ISREG(theirs.st_mode)
        and _is_roots(theirs, _ROOTS.file_mode)
        and (ours.st_size, ours.st_mtime_ns) == (theirs.st_size, theirs.st_mtime_ns)
    )


def _is_roots(status: os.stat_result, mode: int) -> bool:
    return (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (0, 0, mode)


def _remove_ours(root: int, name: str) -> None:
    """Remove a file that another core has left there; what the site's user has put there stays."""
    with contextlib.suppress(FileNotFoundError, IsADirectoryError):
        status = os.stat(name, dir_fd=root, follow_symlinks=False)
        if belongs((name,), directory=stat.S_ISDIR(status.st_mode)) and _is_roots(status, _ROOTS.file_mode):
            os.unlink(name, dir_fd=root)

"""Exchange and removal of names in folders that another user can write, by descriptor only."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import itertools
import os
import secrets

from pressroom.model.errors import Conflict
from pressroom.wordpress.descriptors import directory, exists, mark, names

_RENAME_NOREPLACE = 1  # renameat2(2), linux/fs.h
_RENAME_EXCHANGE = 2
_NO_FLAGS_HERE = (errno.EINVAL, errno.ENOSYS)
_ATTEMPTS = 200
_libc = ctypes.CDLL(None, use_errno=True)


def swap_in(source: int, target: int, name: str) -> bool:
    """Put `name` of the folder `source` in the place of `name` in `target` in one step.

    What stood there is in `source` afterwards; the answer is whether anything stood there. Raises Conflict
    when somebody keeps changing the place.
    """
    for _ in range(_ATTEMPTS):
        try:
            _rename(source, target, name, _RENAME_EXCHANGE)
            return True
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno not in _NO_FLAGS_HERE:
                raise
            return swap_in_two_steps(source, target, name)
        with contextlib.suppress(FileExistsError):
            move_in(source, target, name)
            return False
    raise _keeps_changing(name)


def swap_in_two_steps(source: int, target: int, name: str) -> bool:
    """As `swap_in`, for file systems that cannot exchange two names: for a moment `name` is not there."""
    beside = f".was-{secrets.token_hex(8)}"
    for _ in range(_ATTEMPTS):
        stood = True
        try:
            os.rename(name, beside, src_dir_fd=target, dst_dir_fd=source)
        except FileNotFoundError:
            stood = False
        try:
            os.rename(name, name, src_dir_fd=source, dst_dir_fd=target)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.EISDIR, errno.ENOTDIR):
                raise
            if stood:
                discard(source, beside)
            continue
        if stood:
            os.rename(beside, name, src_dir_fd=source, dst_dir_fd=source)
        return stood
    raise _keeps_changing(name)


def move_in(source: int, target: int, name: str) -> None:
    """Move `name` from the folder `source` to `target`. Raises FileExistsError when the place is taken."""
    try:
        _rename(source, target, name, _RENAME_NOREPLACE)
    except OSError as error:
        if error.errno not in _NO_FLAGS_HERE:
            raise
        if exists(target, name):
            raise FileExistsError(errno.EEXIST, "is there already", name) from error
        os.rename(name, name, src_dir_fd=source, dst_dir_fd=target)


def _rename(source: int, target: int, name: str, flags: int) -> None:
    encoded = os.fsencode(name)
    if _libc.renameat2(source, encoded, target, encoded, flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)


def _keeps_changing(name: str) -> Conflict:
    return Conflict(
        f"{name} in the site's folder keeps changing",
        hint="a program of the site is writing there; stop the site, then run the command again",
    )


def discard(at: int, name: str) -> None:
    """Remove `name` from the folder `at`, with all below it, however deep; it may be gone already.

    Every folder becomes root's before it is read, so that a user who still stands in it adds nothing more.
    Inner folders are moved up instead of walked down: a tree of 100,000 levels costs no descriptors.
    """
    try:
        os.unlink(name, dir_fd=at)
    except FileNotFoundError:
        return
    except IsADirectoryError:
        pass
    else:
        return
    fresh_names = (f".{secrets.token_hex(8)}-{number}" for number in itertools.count())
    with directory(name, at) as top:
        mark(top, 0, 0, 0o700)
        while inner := names(top):
            for entry in inner:
                if _unlink(top, entry):
                    continue
                with directory(entry, top) as folder:
                    mark(folder, 0, 0, 0o700)
                    for child in names(folder):
                        if not _unlink(folder, child):
                            os.rename(child, next(fresh_names), src_dir_fd=folder, dst_dir_fd=top)
                with contextlib.suppress(OSError):  # somebody was faster: it is listed and emptied again
                    os.rmdir(entry, dir_fd=top)
    os.rmdir(name, dir_fd=at)


def _unlink(at: int, name: str) -> bool:
    """Remove `name` unless it is a folder; whether it is gone."""
    try:
        os.unlink(name, dir_fd=at)
    except IsADirectoryError:
        return False
    return True

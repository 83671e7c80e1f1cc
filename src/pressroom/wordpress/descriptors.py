"""Work on trees through directory descriptors, never through a path that another user could bend.

A site's user can rename and link at will inside its own folders, also between two calls of ours. What is
done by (descriptor, one name) with O_NOFOLLOW stays in the tree it was begun in.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pressroom.model.errors import BadSource
from pressroom.wordpress.contents import MOST_LEVELS, Allowance

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# O_NONBLOCK: a FIFO put in a file's place must not make us wait.
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 16 * 1024 * 1024
_NO_LINKS_HERE = (errno.EXDEV, errno.EMLINK, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)
_libc = ctypes.CDLL(None, use_errno=True)
Chosen = Callable[[tuple[str, ...], bool], bool]


@dataclass(frozen=True)
class Marks:
    """Owner and modes that copied files and folders get. Numbers as in chown(2) and chmod(2)."""

    user: int = 0
    group: int = 0
    directory_mode: int = 0o755
    file_mode: int = 0o644


@contextlib.contextmanager
def directory(name: str | Path, at: int | None = None, *, follow: bool = False) -> Iterator[int]:
    """A descriptor of the folder `name` in the folder `at`; a link raises OSError unless `follow`."""
    handle = os.open(name, _DIRECTORY | (0 if follow else os.O_NOFOLLOW), dir_fd=at)
    try:
        yield handle
    finally:
        os.close(handle)


def exists(at: int, name: str) -> bool:
    """Whether anything, a dangling link included, is called `name` in the folder `at`."""
    try:
        os.stat(name, dir_fd=at, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def names(handle: int) -> list[str]:
    """The names in the folder `handle`."""
    with os.scandir(handle) as entries:
        return [entry.name for entry in entries]


def read_start(at: int, name: str, octets: int) -> bytes:
    """The first `octets` bytes of the regular file `name`; OSError for a link or anything else."""
    handle = os.open(name, _FILE | os.O_NOFOLLOW, dir_fd=at)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", name)
        return file.read(octets)


def mark(handle: int, user: int, group: int, mode: int) -> None:
    """Set owner and mode of what `handle` is open on. The mode comes last: chown may clear setgid."""
    os.fchown(handle, user, group)
    os.fchmod(handle, mode)


def copy_file(
    source: int,
    target: int,
    name: str,
    marks: Marks,
    *,
    follow: bool = False,
    allowance: Allowance | None = None,
    keep_time: bool = False,
    owner: int | None = None,
) -> None:
    """Copy the regular file `name` from the folder `source` to `target`, where it must not be yet.

    With `owner` one of another user raises BadSource: it may be a hard link, by somebody who could not read it.
    """
    reading = os.open(name, _FILE | (0 if follow else os.O_NOFOLLOW), dir_fd=source)
    try:
        status = os.fstat(reading)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", name)
        if owner not in (None, status.st_uid):
            raise BadSource(f"{name} is another user's file", hint="put a copy in its place, then try again")
        writing = os.open(name, _NEW_FILE, 0o600, dir_fd=target)
        try:
            for octets in _copy_bytes(reading, writing):
                if allowance is not None:
                    allowance.count_bytes(octets)
            mark(writing, marks.user, marks.group, marks.file_mode)
            if keep_time:
                os.utime(writing, ns=(status.st_atime_ns, status.st_mtime_ns))
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def _copy_bytes(reading: int, writing: int) -> Iterator[int]:
    """Copy to the end of the file, yielding the bytes of each step. Shares blocks where the disk can."""
    try:
        while octets := os.copy_file_range(reading, writing, _CHUNK):
            yield octets
        return
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
    while octets := os.sendfile(writing, reading, None, _CHUNK):  # both go on from where they stand
        yield octets


def copy_tree(
    source: int,
    target: int,
    marks: Marks,
    chosen: Chosen,
    *,
    follow: bool = False,
    allowance: Allowance | None = None,
    owner: int | None = None,
    parts: tuple[str, ...] = (),
) -> None:
    """Copy what `chosen(parts, is_directory)` names from the folder `source` into the folder `target`.

    Links are refused with BadSource, or with `follow` replaced by what they point at. The same goes for
    devices, sockets and FIFOs, and for more than `allowance`.
    """
    if len(parts) > MOST_LEVELS:
        raise BadSource(f"{'/'.join(parts)[:200]} is nested too deeply", hint="remove that folder, then try again")
    with os.scandir(source) as entries:
        for entry in entries:
            is_directory = entry.is_dir()
            place = (*parts, entry.name)
            if not chosen(place, is_directory):
                continue
            if (entry.is_symlink() and not follow) or not (is_directory or entry.is_file()):
                raise _odd_entry("/".join(place), link=entry.is_symlink())
            if allowance is not None:
                allowance.count_entry()
            if not is_directory:
                copy_file(source, target, entry.name, marks, follow=follow, allowance=allowance, owner=owner)
                continue
            os.mkdir(entry.name, 0o700, dir_fd=target)
            with directory(entry.name, source, follow=follow) as inner, directory(entry.name, target) as new:
                copy_tree(inner, new, marks, chosen, follow=follow, allowance=allowance, owner=owner, parts=place)
                mark(new, marks.user, marks.group, marks.directory_mode)


def _odd_entry(name: str, *, link: bool) -> BadSource:
    what = "a link that leads nowhere or must not be followed" if link else "no file and no folder"
    return BadSource(f"{name} is {what}", hint="put a real file or folder in its place (or remove it), then try again")


def link_or_copy(source: int, target: int, name: str) -> None:
    """Hard-link the root-owned file `name` of a core; copy it where the file system has no link to give."""
    try:
        os.link(name, name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS_HERE:
            raise
        copy_file(source, target, name, Marks(), keep_time=True)


def sync_file_system(handle: int) -> None:
    """Wait until all that was written to the file system of `handle` is on its disk (syncfs(2))."""
    if _libc.syncfs(handle) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))

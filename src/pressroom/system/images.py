"""A file system of its own in one file (ext4 on a loop device), which bounds what lies in it by its size.

The file is sparse: it takes of the disk what was written to it, and gives back what is removed.
"""

from __future__ import annotations

import os
from pathlib import Path

from pressroom.model.walls import Space
from pressroom.system import mounts, process

# The table of files is not filled ahead: for each site that would be a hundred megabytes that nobody needs yet.
_OPTIONS = "loop,noinit_itable,discard,noatime,nosuid,nodev"
_JOURNAL_MB = 16


def make(path: Path, most: Space) -> None:
    """An empty one at `path`, in the place of what a broken-off call left there. Raises CommandFailed.

    A hundredth of it is root's alone, so that the platform can write its own where a site has filled the rest.
    """
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    with beside.open("wb") as file:
        os.truncate(file.fileno(), most.bytes)
    process.run(
        [
            *("mke2fs", "-q", "-F", "-t", "ext4", "-N", str(most.files), "-m", "1", "-J", f"size={_JOURNAL_MB}"),
            *("-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", beside),
        ]
    )
    beside.replace(path)


def mount(path: Path, at: Path) -> None:
    """Nothing to do where something is mounted. Raises CommandFailed where the machine gives no loop devices."""
    if not mounts.is_mounted(at):
        at.mkdir(mode=0o711, parents=True, exist_ok=True)
        process.run(["mount", "-o", _OPTIONS, path, at])


def mount_site(path: Path, home: Path, gate: Path) -> None:
    """A site's home, and the folder of its gate, which lies in it so that it has the same bounds."""
    mount(path, home)
    if not mounts.is_mounted(gate):
        for folder in (home / gate.parent.name, gate):
            folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    mounts.bind_without_links(home / gate.parent.name, gate)


def bounds(at: Path) -> Space:
    """What the file system that is mounted there has room for, but for root's part."""
    numbers = os.statvfs(at)
    kept = numbers.f_bfree - numbers.f_bavail
    return Space((numbers.f_blocks - kept) * numbers.f_frsize, numbers.f_files)


def used(at: Path) -> Space:
    numbers = os.statvfs(at)
    return Space((numbers.f_blocks - numbers.f_bfree) * numbers.f_frsize, numbers.f_files - numbers.f_ffree)

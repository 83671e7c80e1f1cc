"""What is mounted on the machine (mount(8), proc(5))."""

from __future__ import annotations

import os
from pathlib import Path

from pressroom.model.errors import CommandFailed
from pressroom.system import process

_ST_NOSYMFOLLOW = 0x2000  # statvfs(3), since Linux 5.10


def is_mounted(at: Path) -> bool:
    """By the kernel's own list: a bind mount within one file system looks like any folder to stat(2)."""
    return os.path.realpath(at) in _mounted()


def bind_without_links(folder: Path, at: Path) -> None:
    """Show `folder` at `at` (which may be itself), where nobody follows a symbolic link that lies in it, nor runs a
    program (mount(2), MS_NOSYMFOLLOW). Nothing to do where that is so already. Raises CommandFailed.
    """
    if not is_mounted(at):
        process.run(["mount", "--bind", folder, at])
    if not follows_no_links(at):
        process.run(["mount", "-o", "remount,bind,nosymfollow,nosuid,nodev,noexec", at])
    if not follows_no_links(at):
        raise CommandFailed(f"links in {at} would be followed", hint="this needs Linux 5.10: see uname -r")


def follows_no_links(at: Path) -> bool:
    return bool(os.statvfs(at).f_flag & _ST_NOSYMFOLLOW)


def unmount(at: Path) -> None:
    """Whatever is mounted there; from programs that still use it, it is hidden."""
    while is_mounted(at):
        process.run(["umount", "--lazy", at])


def unmount_below(folder: Path) -> None:
    """All that is mounted below a folder, the innermost first."""
    real = Path(os.path.realpath(folder))
    below = [path for path in map(Path, _mounted()) if real in path.parents]
    for path in sorted(below, key=lambda path: len(path.parts), reverse=True):
        process.run(["umount", "--lazy", path])


def _mounted() -> set[str]:
    return {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}

"""A WordPress of few files for tests, and ways to look at trees and to die in the middle."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

DIED = 77
_TRACED = (
    *(f"pressroom/wordpress/{name}.py" for name in ("cores", "descriptors", "swaps", "tree")),
    "shutil.py",
)


def files_of(version: str) -> dict[str, str]:
    """Relative names and contents of a whole small WordPress."""
    return {
        "index.php": "<?php // front",
        "xmlrpc.php": "<?php",
        "wp-load.php": f"<?php // load {version}",
        "wp-settings.php": f"<?php // settings {version}",
        "wp-login.php": "<?php",
        "wp-admin/index.php": f"<?php // admin {version}",
        "wp-admin/css/colors/blue.css": "a{}",
        "wp-admin/includes/upgrade.php": "<?php",
        "wp-includes/version.php": f"<?php\n/** @global string $wp_version */\n$wp_version = '{version}';\n",
        "wp-includes/js/jquery/jquery.js": f"// {version}",
        "wp-includes/fonts/dashicons.woff": "font",
        "wp-content/index.php": "<?php // silence",
        "wp-content/themes/index.php": "<?php",
        "wp-content/themes/alpha/style.css": "/* alpha */",
        "wp-content/themes/alpha/parts/header.html": "<header>",
        "wp-content/themes/beta/style.css": "/* beta */",
        "wp-content/plugins/hello.php": "<?php",
    }


# What lies in running sites beside WordPress, and must not get into a core.
FOREIGN = {
    "wp-config.php": "<?php // a database password",
    "wp-config-backup.php": "<?php // a database password",
    "wp-config-sample.php": "<?php",
    "readme.html": "Version",
    "license.txt": "GPL",
    ".htaccess": "deny",
    "backup.sql": "INSERT",
    "old/index.php": "<?php",
    "wp-content/uploads/2024/secret.pdf": "pdf",
    "wp-content/db.php": "<?php",
    "wp-content/cache/x.html": "x",
    "wp-content/themes/alpha/.git/config": "[core]",
}


def build(folder: Path, version: str = "6.4.3", more: Mapping[str, str] | None = None) -> Path:
    """Write a small WordPress into `folder`."""
    for name, text in {**files_of(version), **(more or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def names_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def picture(folder: Path) -> dict[str, tuple[object, ...]]:
    """All that matters of a tree: kind, mode, owner, contents, and the inode of root's hard-linked files."""

    def line(path: Path) -> tuple[object, ...]:
        status = path.lstat()
        content: object = path.readlink() if path.is_symlink() else None
        if stat.S_ISREG(status.st_mode):
            content = path.read_bytes()
        inode = status.st_ino if stat.S_ISREG(status.st_mode) and status.st_uid == 0 else 0
        return (oct(status.st_mode), status.st_uid, status.st_gid, content, inode)

    return {str(path.relative_to(folder)): line(path) for path in [folder, *folder.rglob("*")]}


def die_at(line: int, work: Callable[[], object]) -> bool:
    """Do `work` in a child that is gone, without any clean-up, at the n-th line of our code it runs.

    Whether it got that far; False: the work was done before.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _at_line(line, lambda: os._exit(DIED))
            work()
            code = 0
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, DIED)
    return code == DIED


def _at_line(line: int, action: Callable[[], object]) -> None:
    left = line

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.endswith(_TRACED):
            return None
        if event == "line":
            left -= 1
            if left == 0:
                action()
        return trace

    sys.settrace(trace)


def interrupt_at(line: int, work: Callable[[], object]) -> bool:
    """Do `work` and raise KeyboardInterrupt at the n-th line of our code; whether it got that far."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    _at_line(line, interrupt)
    try:
        work()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(None)
    return False


def every(step: int, work: Callable[[int], bool]) -> Iterator[int]:
    """Call `work(n)` for n = 1, 1 + step, … until it answers that n lies behind its end."""
    line = 1
    while work(line):
        yield line
        line += step

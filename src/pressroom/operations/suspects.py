"""Which plugins and themes read what makes a site's pages differ from visitor to visitor."""

from __future__ import annotations

import os
import re
from pathlib import Path

# By what a probe found, as it says it.
_READS = {
    "the browser's language": re.compile(rb"HTTP_ACCEPT_LANGUAGE", re.IGNORECASE),
    "the device": re.compile(rb"HTTP_USER_AGENT|wp_is_mobile\s*\("),
    "cookies": re.compile(rb"\$_COOKIE\b|HTTP_COOKIE|INPUT_COOKIE"),
}
_LONGEST_FILE = 2_000_000  # bytes


def suspects_of(content: Path, why: str) -> list[str]:
    """Of the plugins and themes below wp-content those whose PHP reads it, as `plugins/name`."""
    if " in plugins/" in why or " in themes/" in why:
        return []  # it says so itself
    patterns = [pattern for what, pattern in _READS.items() if what in why]
    return [
        f"{room}/{extension.name}"
        for room in ("plugins", "mu-plugins", "themes")
        for extension in (sorted((content / room).iterdir()) if (content / room).is_dir() else [])
        if patterns and any(_reads(file, patterns) for file in _php_files(extension))
    ]


def _php_files(extension: Path) -> list[Path]:
    if extension.is_file():
        return [extension] if extension.suffix == ".php" else []
    return [
        Path(folder, name)
        for folder, _, names in os.walk(extension)
        for name in names
        if name.endswith((".php", ".inc"))
    ]


def _reads(file: Path, patterns: list[re.Pattern[bytes]]) -> bool:
    try:
        if file.is_symlink() or file.stat().st_size > _LONGEST_FILE:
            return False
        text = file.read_bytes()
    except OSError:
        return False
    return any(pattern.search(text) for pattern in patterns)

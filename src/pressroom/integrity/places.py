"""What a file is by where it lies in a site's document root and by its name. Pure.

A path here is relative to the document root, its parts joined by `/`; bytes that are no UTF-8 stand in it as Python's
surrogates (PEP 383).
"""

from __future__ import annotations

import re

CONTENT = "wp-content"
UPLOADS = f"{CONTENT}/uploads"
CONFIG = "wp-config.php"
CORE_FOLDERS = ("wp-admin", "wp-includes")
# Below wp-content: each folder and each PHP file in these is an extension, which has a version of its own.
EXTENSIONS = ("plugins", "themes", "mu-plugins")
# All other PHP of a site that nobody keeps writing: one extension without a version.
LOOSE = "."
_PHP = re.compile(r"\.(php[0-9]?|phtml|pht|phps|phar|inc)(\.[^/]*)?\Z", re.IGNORECASE)
_RUN_IN_BROWSERS = (".js", ".mjs", ".cjs")
_SETTINGS = frozenset({".htaccess", ".user.ini", "php.ini"})
_PICTURES = "jpg jpeg png gif webp avif ico bmp tif tiff heic psd"
_SOUND_AND_FILM = "mp3 m4a ogg wav flac mp4 m4v mov webm avi mkv"
_DOCUMENTS = "pdf doc docx xls xlsx ppt pptx odt ods woff woff2 ttf otf eot mmdb mo po pot"
_PACKED = "zip gz br bz2 xz zst tar tgz 7z rar"
_MEDIA = frozenset(f"{_PICTURES} {_SOUND_AND_FILM} {_DOCUMENTS} {_PACKED}".split())


def is_php(name: str) -> bool:
    """Whether some PHP would run it, or code includes such files: `x.php`, `x.phtml`, `x.php.jpg`, `x.inc`."""
    return _PHP.search(name) is not None


def is_code(name: str) -> bool:
    """Whether a changed one changes what a site does, so that it is compared with what is known of it."""
    return is_php(name) or name.lower() in _SETTINGS or name.lower().endswith(_RUN_IN_BROWSERS)


def is_media(name: str) -> bool:
    """A picture, document, font or archive by its name: large, many, and nothing that PHP should stand in."""
    return not is_php(name) and name.lower().rpartition(".")[2] in _MEDIA


def is_core(path: str) -> bool:
    """Whether only the core's files belong there: its folders, and PHP beside them."""
    top, slash, _ = path.partition("/")
    return top in CORE_FOLDERS if slash else is_php(path) and path != CONFIG


def is_upload(path: str) -> bool:
    return path.startswith(f"{UPLOADS}/")


def extension_of(path: str) -> str | None:
    """The plugin, theme or must-use plugin that it belongs to, by its folder or only file; LOOSE for code that belongs
    to none; None for what is the core's, and where sites write code themselves (uploads, caches, languages).
    """
    parts = path.split("/")
    if parts[0] != CONTENT:
        return None if is_core(path) or path == CONFIG else LOOSE
    if len(parts) == 2:
        return LOOSE
    return "/".join(parts[:3]) if parts[1] in EXTENSIONS else None


def unit_of(path: str) -> str:
    """What is to be looked at when this file has changed: its whole extension, or it alone."""
    place = extension_of(path)
    return path if place in (None, LOOSE) else str(place)


def is_within(path: str, units: tuple[str, ...] | None) -> bool:
    """Whether a look at these units (None: at all) comes by this path."""
    return units is None or any(path == unit or path.startswith(f"{unit}/") for unit in units)


def may_concern(path: str) -> bool:
    """Whether a change of that file, or folder, is worth a look at once; the rest waits for the daily one."""
    name = path.rpartition("/")[2]
    return is_code(name) or "." not in name.lstrip(".") or (is_upload(path) and not is_media(name))

"""Which version of a plugin or theme lies in a folder, by the header that WordPress reads (`get_file_data`)."""

from __future__ import annotations

import os
import re

from pressroom.integrity import beneath
from pressroom.integrity.places import is_php

_HEADER = 8192  # bytes; WordPress reads no more
_MOST_FILES = 200  # PHP files in a plugin's folder in which its header is looked for
_NAME = re.compile(rb"^[ \t/*#@]*(?:plugin|theme) name:", re.IGNORECASE | re.MULTILINE)
_VERSION = re.compile(rb"^[ \t/*#@]*version:([^\r\n]{1,200})", re.IGNORECASE | re.MULTILINE)


def version_of(top: int, place: str) -> str:
    """Of the extension at that path below the folder `top`; empty where none is named."""
    try:
        with beneath.parent_of(top, place) as (parent, name):
            if is_php(name) and not _is_folder(parent, name):
                return _version_in(parent, name) or ""
            inner = beneath.folder(name, parent)
            try:
                return next((version for file in _may_have_it(inner) if (version := _version_in(inner, file))), "")
            finally:
                os.close(inner)
    except OSError:
        return ""


def _is_folder(at: int, name: str) -> bool:
    try:
        os.close(beneath.folder(name, at))
    except OSError:
        return False
    return True


def _may_have_it(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.name.endswith(".php"))
    return ["style.css", *names[:_MOST_FILES]]


def _version_in(at: int, name: str) -> str | None:
    try:
        handle = beneath.file(name, at)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        text = file.read(_HEADER)
    found = _VERSION.search(text) if _NAME.search(text) else None
    if found is None:
        return None
    return found[1].split(b"*/")[0].split(b"?>")[0].strip().decode(errors="replace")[:60]

"""What a page's key is: the canonical path of its URL, and at most one paging argument. One rule, for all.

nginx's maps (stack/nginx.py) and the page store (pagecache/store.py) are made from these patterns.
"""

from __future__ import annotations

import re

# No empty, "." or ".." part; nothing encoded that need not be; nothing that could be read as another URL.
_PART = r"(?!\.{1,2}(?:/|\?|$))(?:[A-Za-z0-9._~!$'()*+,;=:@-]|%[89A-Fa-f][0-9A-Fa-f])+"
PATH_PATTERN = rf"/(?:(?:{_PART})(?:/|(?=\?)|$))*"
PAGING_PATTERN = r"query-[0-9]{1,4}-page=[0-9]{1,6}"
# Arguments that say where a visitor came from and change nothing on the page.
TRACKING_PATTERN = (
    "(?:utm_[a-z_]+|gclid|gclsrc|dclid|gbraid|wbraid|fbclid|msclkid|twclid|ttclid|li_fat_id|igshid|yclid|mc_cid|mc_eid"
    "|_hsenc|_hsmi|_ga|_gl|srsltid|ref_src)=[^&]*"
)
_LONGEST_PATH = 2048

_path = re.compile(PATH_PATTERN + r"\Z")
_capital_escape = re.compile(r"%(?:[A-F][0-9A-Fa-f]|[0-9a-f][A-F])")
_paging = re.compile(PAGING_PATTERN + r"\Z")
_tracking = re.compile(TRACKING_PATTERN + r"\Z")
# Never a page: WordPress's own rooms, scripts, and files that nginx serves from the site's folder.
_not_a_page = re.compile(r"/(?:wp-admin|wp-json|wp-content|wp-includes|\.[^/]*)(?:/|\Z)|/xmlrpc\.php|.*\.php(?:/|\Z)")


def is_canonical_path(path: str) -> bool:
    return len(path) <= _LONGEST_PATH and _path.match(path) is not None


def has_capital_escape(path: str) -> bool:
    """``%C3`` and ``%c3`` are one character; keys have the small form, as WordPress writes it."""
    return _capital_escape.search(path) is not None


def is_paging(arguments: str) -> bool:
    return _paging.match(arguments) is not None


def key_of(request_uri: str) -> str | None:
    """The key of a request target (path and arguments as sent), None when it can have no place in the store."""
    path, _, arguments = request_uri.partition("?")
    if not is_canonical_path(path) or _not_a_page.match(path):
        return None
    path = re.sub(r"%[0-9A-Fa-f]{2}", lambda escape: escape.group().lower(), path)
    kept = [word for word in arguments.split("&") if word and not _tracking.match(word)]
    if not kept:
        return path
    if len(kept) == 1 and is_paging(kept[0]):
        return f"{path}?{kept[0]}"
    return None

"""What a render's response is: body and record; whether it may be stored, and as what; where it links to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser

from pressroom.model.pagekey import key_of
from pressroom.pagecache.matching.reads import UNRECORDED, Reads, reads_from
from pressroom.pagecache.store import PAGE, REDIRECT, TYPED

Headers = list[tuple[str, str]]
_LENGTH_DIGITS = 10
LONGEST_RECORD = 1024 * 1024  # bytes; the record comes from the tenant's process
STORABLE = (200, 301, 308)  # status
PHP_ERROR = "a PHP error"
_LONGEST_WHY = 200  # characters
LONGEST_BODY = 16 * 1024 * 1024
_LONG_ADDRESS = 300  # characters

_KNOWN_TYPES = re.compile(
    r"(?:text/(?:html|plain|xml|xsl|css)|application/(?:xhtml\+xml|xml|rss\+xml|atom\+xml|rdf\+xml|json|feed\+json"
    r"|manifest\+json|xslt\+xml))(?:\s*;\s*charset=[\"']?[A-Za-z0-9_-]+[\"']?)?\Z",
    re.IGNORECASE,
)
_ORDINARY = re.compile(r"text/html\s*;\s*charset=utf-8\Z", re.IGNORECASE)
# nginx sets these itself, or they belong to one connection or one moment.
_NOT_KEPT = frozenset(
    {
        "date", "server", "connection", "keep-alive", "transfer-encoding", "content-length", "etag", "last-modified",
        "cache-control", "expires", "pragma", "x-powered-by", "vary", "age", "x-pressroom-cache", "accept-ranges",
        "x-pingback",
    }
)  # fmt: skip
# nginx says the same of every answer.
_SAID_ANYWAY = frozenset(
    {("x-content-type-options", "nosniff"), ("referrer-policy", "strict-origin-when-cross-origin")}
)
# What WordPress tells of itself in Link headers stands in the document's own head too.
_DISCOVERY = re.compile(r'\s*<[^>]*>\s*;\s*(?:rel="?https://api\.w\.org/"?|rel="?shortlink"?|rel="?alternate"?;.*)\Z')
_FORBIDDING = re.compile(r"\b(?:no-store|private|no-cache)\b", re.IGNORECASE)


class Incomplete(ValueError):
    """The response has no whole record behind its body: it was cut, or ended early."""


@dataclass(frozen=True)
class Record:
    """What the recorder noted. ``fence`` is binlog file and byte, ``until`` Unix time to which it is right, and why.

    ``view`` names what kind of page it is, ``varies`` why it is not for everybody; ``cookies``, in a probe, are those
    that were asked for, each with who asked. ``wrote`` is the sequence number of the render's own last commit, or 0.
    """

    fence: tuple[str, int]
    queries: int
    no_store: str | None
    reads: Reads = UNRECORDED
    until: float | None = None
    until_why: str = ""
    view: str = ""
    varies: str = ""
    cookies: tuple[tuple[str, str], ...] = ()
    wrote: int = 0


@dataclass(frozen=True)
class Verdict:
    """May it be stored: as ``kind``, with this head; or ``refused``, in a few words."""

    refused: str | None
    kind: str = PAGE
    head: dict[str, object] | None = None


def split(content: bytes, ticket: str) -> tuple[bytes, Record]:
    """Body and record. Raises Incomplete."""
    end = ticket.encode()
    if not content.endswith(end):
        raise Incomplete("the response ended before the record")
    digits = content[-len(end) - _LENGTH_DIGITS : -len(end)]
    if not digits.isdigit() or int(digits) > min(LONGEST_RECORD, len(content)):
        raise Incomplete("the record has no length")
    stop = len(content) - len(end) - _LENGTH_DIGITS
    start = stop - int(digits)
    if start < 0:
        raise Incomplete("the record is longer than the response")
    return content[:start], _record(content[start:stop])


def _record(data: bytes) -> Record:
    try:
        plain = json.loads(data)
        file, offset = plain["fence"]
        if not 0 <= int(offset) < 2**62 or not 0 <= int(plain["queries"]) < 2**31:
            raise ValueError("out of bounds")
        why = PHP_ERROR if plain.get("failed") else plain.get("no_store") or None
        reads = reads_from(plain.get("reads"))
        until = None if plain.get("until") is None else float(int(plain["until"]))
        ends = str(plain.get("until_why") or "")[:_LONGEST_WHY]
        view, varies = (str(plain.get(name) or "")[:_LONGEST_WHY] for name in ("view", "varies"))
        asked = dict(plain.get("cookies") or {})
        cookies = tuple((str(name)[:60], str(asker)[:100]) for name, asker in list(asked.items())[:20])
        return Record(
            (str(file), int(offset)), int(plain["queries"]), str(why) if why else None, reads, until, ends,
            view, varies, cookies, int(plain.get("wrote") or 0),
        )  # fmt: skip
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise Incomplete(f"the record is not whole: {error!r}") from error


def judge(status: int, headers: Headers, body: bytes, record: Record) -> Verdict:
    """By the rules of what may be stored: an answer that is the same for every anonymous visitor."""
    names = {name.lower() for name, _ in headers}
    control = " ".join(value for name, value in headers if name.lower() == "cache-control")
    kind = next((value for name, value in headers if name.lower() == "content-type"), "")
    location = next((value for name, value in headers if name.lower() == "location"), None)
    refused = None
    if status not in STORABLE:
        refused = f"status {status}"
    elif record.no_store:
        refused = record.no_store
    elif "set-cookie" in names:
        refused = f"sets a cookie ({_cookies(headers)})"
    elif "content-encoding" in names:
        refused = "is encoded already"
    elif _FORBIDDING.search(control):
        refused = f"Cache-Control: {control}"
    elif _varies(headers):
        refused = "varies by a request header"
    elif len(body) > LONGEST_BODY:
        refused = "too large"
    elif status == 200 and not _KNOWN_TYPES.match(kind):
        refused = f"content type {kind or 'unknown'}"
    elif status == 200 and not body:
        refused = "empty"
    elif status != 200 and location is None:
        refused = "a redirect to nowhere"
    if refused:
        return Verdict(refused)
    if status != 200:
        return Verdict(None, REDIRECT, {"status": status, "location": location})
    kept = _kept(headers)
    if _ORDINARY.match(kind) and not kept:
        return Verdict(None, PAGE)
    return Verdict(None, TYPED, {"status": 200, "headers": {"Content-Type": kind, **kept}})


def _cookies(headers: Headers) -> str:
    """Their names, by which whoever set them is found."""
    names = {value.partition("=")[0].strip()[:60] for name, value in headers if name.lower() == "set-cookie"}
    return ", ".join(sorted(names)[:3])


def _varies(headers: Headers) -> bool:
    named = {
        word.strip().lower() for name, value in headers if name.lower() == "vary" for word in value.split(",") if word
    }
    return bool(named - {"accept-encoding", ""})


def _kept(headers: Headers) -> dict[str, str]:
    """Headers that must be sent again with a stored page."""
    kept: dict[str, str] = {}
    for name, value in headers:
        if name.lower() in _NOT_KEPT or name.lower() == "content-type":
            continue
        if name.lower() == "link" and all(_DISCOVERY.match(part) for part in re.split(r",(?=\s*<)", value)):
            continue
        if (name.lower(), value.strip().lower()) in _SAID_ANYWAY:
            continue
        kept[name] = f"{kept[name]}, {value}" if name in kept else value
    return kept


def links(body: bytes, content_type: str, base: str, host: str, *, feeds: bool) -> Iterable[str]:
    """Keys of the pages that a document leads to, on this host alone, in the document's order.

    `base` is the document's own address. `feeds`: follow links to feeds too.
    """
    seen: dict[str, None] = {}
    for target in _targets(body, content_type, feeds):
        try:
            is_whole = target.startswith(("http://", "https://")) and ";" not in target
            address = target if is_whole else urljoin(base, target)
            key = (_known_key if len(address) < _LONG_ADDRESS else _key_on)(host, address)
        except ValueError:
            continue
        if key is not None:
            seen.setdefault(key)
    return seen


def _key_on(host: str, address: str) -> str | None:
    """The key of the page with this address; None where it is none of this host's. Raises ValueError."""
    parts = urlsplit(address)
    if parts.netloc.lower() != host or parts.scheme not in ("http", "https"):
        return None
    return key_of((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


# A site's pages lead to the same ones mostly, and to read an address takes as long as to parse the page around it.
_known_key = lru_cache(maxsize=10_000)(_key_on)


def _targets(body: bytes, content_type: str, feeds: bool) -> Iterable[str]:
    if "xml" in content_type and "html" not in content_type:
        if b"<urlset" in body[:4096] or b"<sitemapindex" in body[:4096]:
            for match in re.finditer(rb"<loc>\s*([^<\s]+)\s*</loc>", body):
                yield match.group(1).decode(errors="replace").replace("&amp;", "&")
        return
    if "html" not in content_type:
        return
    tree = LexborHTMLParser(body.decode(errors="replace"))
    for node in tree.css("a[href], link[rel][href]"):
        href = node.attributes.get("href") or ""
        if node.tag == "a" and "nofollow" in (node.attributes.get("rel") or ""):
            continue
        if node.tag == "link":
            rel = (node.attributes.get("rel") or "").lower().split()
            is_feed = "alternate" in rel and "xml" in (node.attributes.get("type") or "")
            if not ({"next", "prev"} & set(rel) or (is_feed and feeds)):
                continue
        yield href

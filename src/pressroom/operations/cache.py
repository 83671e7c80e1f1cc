"""The page cache as its owner sees it: figures, warming, purging, explaining."""

from __future__ import annotations

import re
import string
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from pressroom.model.errors import InvalidInput, NotFound
from pressroom.model.inert import inert_line
from pressroom.model.pagekey import key_of
from pressroom.model.site import Site
from pressroom.operations.node import Node
from pressroom.pagecache.outcomes import FAILED, OVERTAKEN, RANDOM, RIGHT, VIOLATION
from pressroom.stack import nginx
from pressroom.system import messages

_TABLE = re.compile(r"\b(?:FROM|JOIN) `?(\w+)")
Waiting = Callable[[int, int], None]


@dataclass(frozen=True)
class AuditStatus:
    """What the audit of a site's stored pages has found since a time; ``unchecked_key`` is the page that has stood
    longest without its turn, since ``unchecked_since``. ``random_why``: why the last random page is one.
    """

    since: str | None
    checked: int
    violations: int
    random: int
    random_key: str | None
    random_why: str | None
    overtaken: int
    failed: int
    unchecked_key: str | None
    unchecked_since: str | None


@dataclass(frozen=True)
class CacheStatus:
    """One site's page cache. ``known`` pages: stored, queued, being rendered, or refused.

    ``unwatched`` says why changes of the site's own code may go unseen; None when they do not. ``unanalysed`` are
    statements that cannot be analysed, with the number of stored pages that made them: any change of the site's
    database takes these out. ``varies`` are views that differ from visitor to visitor and are not stored: an example
    page, and why. Of more than ``most`` known pages the rest is not stored. ``taken_by_renders``: pages that renders of
    the site took out within the last hour by rows that they wrote, the newest of which is ``renders_wrote``.
    ``pictures_waiting`` are to be made in other forms, or their pages to be looked through. ``refusals``: why pages may
    not be stored, with the number of pages and one of them.
    """

    domain: str
    stored: int
    queued: int
    rendering: int
    refused: int
    gate: str
    caught_up: bool
    dropped_at: str | None
    dropped_why: str | None
    unwatched: str | None
    unanalysed: dict[str, int]
    audit: AuditStatus
    varies: tuple[tuple[str, str], ...]
    most: int
    taken_by_renders: int
    renders_wrote: str | None
    pictures_waiting: int
    refusals: tuple[tuple[str, int, str], ...]

    @property
    def is_full(self) -> bool:
        return self.stored + self.queued + self.rendering + self.refused >= self.most


def status(node: Node, domain: str) -> CacheStatus:
    site = node.state.site(domain)
    invalidator = ask_invalidator(node, {"op": "status", "site": site.name})
    mine = invalidator["sites"].get(site.name, {})
    renderer = ask_renderer(node, {"op": "status", "site": site.name})
    pages = renderer["pages"]
    taken, wrote = mine.get("taken_by_renders", (0, None))
    return CacheStatus(
        site.domain,
        int(mine.get("stored", 0)),
        int(pages["queued"]),
        int(pages["rendering"]),
        int(pages["refused"]),
        str(mine.get("gate", "closed")),
        bool(invalidator["caught_up"]),
        _time(mine.get("dropped_at")),
        mine.get("dropped_why"),
        mine.get("unwatched") or None,
        unanalysed(node, site),
        audit_status(node, site),
        tuple((key, why) for key, why in mine.get("varies", [])),
        node.state.settings().cache.max_pages_per_site,
        int(taken),
        wrote,
        int(renderer["pictures"]),
        tuple((why, count, key) for why, count, key in renderer["refusals"]),
    )


def audit_status(node: Node, site: Site) -> AuditStatus:
    answer = ask_invalidator(node, {"op": "audited", "site": site.name})
    figures = answer["figures"]
    _, key, turn_at = answer["unchecked"] or (None, None, None)
    return AuditStatus(
        _time(figures.get("since")),
        sum(int(figures.get(outcome, 0)) for outcome in (RIGHT, VIOLATION, RANDOM)),
        int(figures.get(VIOLATION, 0)),
        int(figures.get(RANDOM, 0)),
        figures.get("random_page"),
        figures.get("random_why"),
        int(figures.get(OVERTAKEN, 0)),
        int(figures.get(FAILED, 0)),
        key,
        _time(turn_at),
    )


def unanalysed(node: Node, site: Site) -> dict[str, int]:
    statements = ask_invalidator(node, {"op": "unanalysed", "site": site.name})["statements"]
    return {text or "(not told: sent beside wpdb, or no plain text)": pages for text, pages in statements.items()}


def warm(
    node: Node, domain: str, *, patience: float = 300.0, waiting: Waiting = lambda done, left: None
) -> CacheStatus:
    """Wait until nothing is left to render. Returns the figures then, or when `patience` seconds are over."""
    site = node.state.site(domain)
    ask_renderer(node, {"op": "want", "site": site.name, "keys": ["/"]})
    until = time.monotonic() + patience
    quiet = 0
    while True:
        figures = status(node, domain)
        left = figures.queued + figures.rendering
        waiting(figures.stored, left)
        quiet = quiet + 1 if left == 0 else 0
        if quiet >= 3 or time.monotonic() > until:
            return figures
        time.sleep(min(1.0, 0.1 + left / 1000))  # where there is much to do, looking often would hold it up


def purge(node: Node, domain: str, url: str | None = None) -> int:
    """Take one page, or all of a site's, out of the store. They are rendered again. Returns how many went."""
    site = node.state.site(domain)
    if url is None:
        stored = status(node, domain).stored
        ask_invalidator(node, {"op": "drop", "site": site.name, "why": "purged by hand"})
        return stored
    if _site_of(node, url).name != site.name:
        raise InvalidInput(
            f"{inert_line(url)} is not a page of {site.domain}", hint="name the site that the page belongs to"
        )
    key = _key(node, site, url)
    done = ask_invalidator(node, {"op": "take_out", "site": site.name, "key": key})["done"]
    ask_renderer(node, {"op": "want", "site": site.name, "keys": [key]})
    return 1 if done else 0


def explain(node: Node, url: str) -> dict[str, object]:
    """Why a page is or is not stored, what it depends on, and what last took it out."""
    site = _site_of(node, url)
    key = _key(node, site, url)
    page = ask_invalidator(node, {"op": "page", "site": site.name, "key": key})["page"]
    mine = ask_invalidator(node, {"op": "status", "site": site.name})["sites"].get(site.name, {})
    queue = ask_renderer(node, {"op": "page", "site": site.name, "key": key})
    if page is None and queue["state"] == "unknown":
        raise NotFound(
            f"nobody has asked for {inert_line(url)} yet", hint="open it once, or `pressroom cache warm` its site"
        )
    page = page or {"stored": False, "fence": None}
    return {
        "url": f"{nginx.url(site, node.state.settings())}{key}",
        "stored": page["stored"],
        "state": "stored" if page["stored"] else queue["state"],
        "why_not": queue["why"] or None,
        "kind": page.get("kind"),
        "size": page.get("size"),
        "rendered_at": _time(page.get("rendered_at")),
        "render_seconds": page.get("render_seconds"),
        "queries": page.get("queries"),
        "depends_on": _depends_on(page.get("reads", [])),
        "reads": page.get("reads", []),
        "valid_from": None if page["fence"] is None else "{}:{}".format(*page["fence"]),
        "valid_until": _time(page.get("valid_until")),
        "valid_why": page.get("valid_why") or None,
        "taken_at": _time(page.get("taken_at")),
        "taken_why": page.get("taken_why"),
        "last_drop_at": _time(mine.get("dropped_at")),
        "last_drop_why": mine.get("dropped_why"),
    }


def explain_change(node: Node, url: str, which: str) -> dict[str, Any]:
    """What one of the site's last changes touched, and why. `url`: of the site, or its domain. `which` is LAST, a GTID
    or its last number.
    """
    site = _site_of(node, url) if "/" in url else node.state.site(url)
    number = which.rpartition("-")[2]
    if which != "LAST" and not (number.isascii() and number.isdigit()):
        raise InvalidInput(
            f"{inert_line(which)} names no change",
            hint="write LAST, a sequence number (4711), or a GTID as MariaDB does (0-1-4711)",
        )
    sequence = None if which == "LAST" else int(number)
    change = ask_invalidator(node, {"op": "change", "site": site.name, "sequence": sequence})["change"]
    if change is None:
        raise NotFound(
            f"no such change of {site.domain} is remembered",
            hint="the last 200 that met stored pages are, until the node is restarted",
        )
    return {
        "sequence": change["sequence"],
        "binlog_end": "{}:{}".format(*change["end"]),
        "at": _time(change["at"]),
        "author": change["author"],
        "row_count": change["count"],
        "rows": change["rows"],
        "asked_again": change["asked"],
        "unchanged": change["unchanged"],
        "all_pages": change["all_pages"],
        "page_count": change["page_count"],
        "pages": change["pages"],
    }


def _depends_on(reads: list[str]) -> str:
    """In a few words: how many reads of which tables."""
    tables = Counter(name for read in reads for name in set(_TABLE.findall(read)))
    options = sum(read.startswith("option ") for read in reads)
    parts = [f"{options} options"] if options else []
    parts += [
        f"{count} reads of {name}" for name, count in sorted(tables.items(), key=lambda item: (-item[1], item[0]))
    ]
    if any(read.startswith("anything") for read in reads):
        parts.append("anything (a statement that cannot be analysed)")
    return ", ".join(parts) or "nothing in the database"


def stored_pages(node: Node, domain: str) -> list[dict[str, Any]]:
    """The index's rows of the pages that are stored now."""
    site = node.state.site(domain)
    return [row for row in ask_invalidator(node, {"op": "pages", "site": site.name})["pages"] if row["stored"]]


def _site_of(node: Node, url: str) -> Site:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    if not host:
        raise InvalidInput(f"{inert_line(url)} is not a whole address", hint="write it as http://example.org/a-page/")
    return node.state.site(host)


def _key(node: Node, site: Site, url: str) -> str:
    parts = urlsplit(url)
    path = quote(parts.path, safe=string.punctuation)  # letters as a browser would send them
    key = key_of((path or "/") + (f"?{parts.query}" if parts.query else ""))
    if key is None:
        raise InvalidInput(
            f"{inert_line(url)} has no place in the store",
            hint="pages with arguments, scripts and WordPress's own rooms never have",
        )
    return key


def ask_invalidator(node: Node, request: messages.Message) -> messages.Message:
    return messages.ask(node.layout.invalidator_socket, request, what="invalidator")


def rest(node: Node, seconds: float) -> None:
    """For so long the renderer does nothing of its own accord: no check, no picture. 0: it goes on."""
    ask_renderer(node, {"op": "rest", "site": "", "seconds": seconds})


def ask_renderer(node: Node, request: messages.Message) -> messages.Message:
    return messages.ask(node.layout.renderer_socket, request, what="renderer")


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")

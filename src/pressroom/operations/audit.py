"""Checks the page cache's promise: stored pages are rendered afresh and compared."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from pressroom.model.site import Site
from pressroom.operations.cache import ask_invalidator, purge, stored_pages
from pressroom.operations.node import Node
from pressroom.pagecache.comparison import settled
from pressroom.pagecache.response import Incomplete, split
from pressroom.pagecache.store import PageStore
from pressroom.stack import nginx


@dataclass(frozen=True)
class Violation:
    """A stored page that differs from a fresh render, with the differing lines."""

    url: str
    difference: str


@dataclass(frozen=True)
class Audit:
    """How many stored pages were compared, and those that were not right.

    ``overtaken`` pages changed while they were compared; ``random`` ones are never the same twice (a shuffled list).
    """

    checked: int
    overtaken: int
    random: int
    violations: tuple[Violation, ...]


def audit(node: Node, domain: str, *, limit: int = 50) -> Audit:
    """Render stored pages afresh and compare. A page that changes meanwhile is counted as overtaken."""
    site = node.state.site(domain)
    rows = [row for row in stored_pages(node, domain) if row["kind"] != "redirect"]
    checked, overtaken, random, violations = 0, 0, 0, []
    with internal_client(node, site) as client:
        for row in _sample(rows, limit):
            stored = stored_body(node.layout.store, site.name, row)
            fresh = render_fresh(node, client, site.name, row["key"])
            now = ask_invalidator(node, {"op": "page", "site": site.name, "key": row["key"]})["page"]
            if stored is None or fresh is None or not now["stored"] or now["mtime"] != row["mtime"]:
                overtaken += 1
                continue
            checked += 1
            if fresh.status == 200 and settled(stored) == settled(fresh.body):
                continue
            again = render_fresh(node, client, site.name, row["key"])
            if again is None or settled(again.body) != settled(fresh.body):
                random += 1
            else:
                violations.append(Violation(row["key"], difference(stored, fresh.body)))
                purge(node, domain, f"{nginx.url(site, node.state.settings())}{row['key']}")
    return Audit(checked, overtaken, random, tuple(violations))


@dataclass(frozen=True)
class Fresh:
    """A render of this moment; ``status`` is HTTP's."""

    status: int
    body: bytes


def render_fresh(node: Node, client: httpx.Client, site: str, key: str) -> Fresh | None:
    """A render like the renderer's own, thrown away afterwards. None when it did not come to its end.

    `client` speaks to the node's internal socket, with the site's address as its base.
    """
    ticket = str(ask_invalidator(node, {"op": "begin", "site": site, "key": key})["ticket"])
    try:
        answer = client.get(key, headers={"X-Pressroom-Ticket": ticket})
        return Fresh(answer.status_code, split(answer.content, ticket)[0])
    except (httpx.HTTPError, Incomplete):
        return None
    finally:
        ask_invalidator(node, {"op": "abandon", "ticket": ticket, "gone": False})


def internal_client(node: Node, site: Site) -> httpx.Client:
    """Comes in where renders come in."""
    transport = httpx.HTTPTransport(uds=str(node.layout.internal_http_socket))
    return httpx.Client(transport=transport, timeout=60, base_url=nginx.url(site, node.state.settings()))


def _sample(rows: list[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    step = max(1, len(rows) // max(1, limit))
    return rows[::step][:limit]


def stored_body(store: Path, site: str, row: dict[str, Any]) -> bytes | None:
    generation, key, kind = row["generation"], row["key"], row["kind"]
    try:
        return PageStore(store).plain_file(site, int(str(generation)), str(key), str(kind)).read_bytes()
    except FileNotFoundError:
        return None


def difference(stored: bytes, fresh: bytes) -> str:
    """The first lines that differ, as a unified diff."""
    lines = difflib.unified_diff(
        stored.decode(errors="replace").splitlines(),
        fresh.decode(errors="replace").splitlines(),
        "stored",
        "fresh",
        n=0,
    )
    return "\n".join(line.rstrip()[:200] for line in list(lines)[:20])

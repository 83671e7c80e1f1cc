"""Makes a change, then compares all that is stored with fresh renders: what is stale, and what went for nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx

from pressroom.model.site import Site
from pressroom.operations import cache
from pressroom.operations.cache import ask_invalidator
from pressroom.operations.node import Node
from pressroom.pagecache.comparison import difference, settled
from pressroom.pagecache.response import Incomplete, split
from pressroom.pagecache.store import PageStore
from pressroom.stack import nginx
from tests.functional.newspaper import Newspaper

# A change that nobody waits for (plain SQL, a file) is seen within this. Seconds.
BOUND = 0.3


@dataclass(frozen=True)
class Kind:
    """One kind of change. ``waits``: its answer says that it has been seen."""

    name: str
    change: Callable[[Newspaper], object]
    waits: bool = True


@dataclass
class Finding:
    """Of ``stored`` pages, ``taken`` went; ``needless`` of those are as they were. ``stale`` were not right."""

    kind: str
    stored: int
    taken: int
    needless: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.kind:44} {self.stored:4} stored {self.taken:4} taken {len(self.needless):4} needless"
            f" {len(self.stale):3} stale {self.seconds * 1000:6.0f} ms"
        )


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


def try_out(paper: Newspaper, kind: Kind) -> Finding:
    """Make the change on a warm store, and look."""
    paper.warm()
    site = paper.site
    rows = {row["key"]: row for row in cache.stored_pages(paper.node, site.domain) if row["kind"] != "redirect"}
    store = PageStore(paper.node.layout.store)
    bodies = {key: store.bodies(site.name, row["generation"], key, row["kind"]) for key, row in rows.items()}
    began = time.monotonic()
    kind.change(paper)
    seconds = time.monotonic() - began
    if not kind.waits:
        time.sleep(BOUND)
    now = {row["key"]: row["mtime"] for row in cache.stored_pages(paper.node, site.domain)}
    finding = Finding(kind.name, len(rows), 0, seconds=seconds)
    with internal_client(paper.node, site) as client, ThreadPoolExecutor(2) as pool:

        def render(key: str) -> Fresh | None:
            return render_fresh(paper.node, client, site.name, key)

        fresh = dict(zip(rows, pool.map(render, rows), strict=True))
        for key, row in rows.items():
            then, here = bodies[key], fresh[key]
            if not then or here is None:
                continue
            same = here.status == 200 and settled(then[0]) == settled(here.body)
            if now.get(key) != row["mtime"]:
                finding.taken += 1
                if same:
                    finding.needless.append(key)
            elif not same:
                again = render(key)
                if again is not None and settled(again.body) == settled(here.body):  # else it is random
                    finding.stale.append(f"{key}\n{difference(then[0], here.body)}")
    return finding

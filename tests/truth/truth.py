"""Makes a change, then compares all that is stored with fresh renders: what is stale, and what went for nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from pressroom.operations import cache
from pressroom.pagecache.renderer.comparison import difference, settled
from pressroom.pagecache.store import PageStore
from tests.functional.fresh import Fresh, internal_client, render_fresh
from tests.functional.newspaper import Newspaper

# A change that nobody waits for (plain SQL, a file) is seen within this. Seconds.
BOUND = 0.3
# All pages are stored again within this after a change. Seconds.
BACK = 60.0


@dataclass(frozen=True)
class Kind:
    """One kind of change. ``waits``: its answer says that it has been seen; else it is seen within ``bound`` seconds.

    ``themes``: the only ones that it can be made with; empty for all. ``quiet``: no page shows it, and none may go.
    """

    name: str
    change: Callable[[Newspaper], object]
    waits: bool = True
    themes: tuple[str, ...] = ()
    bound: float = BOUND
    quiet: bool = False


@dataclass(frozen=True)
class Stored:
    """One page of a store as it was at a moment; ``mtime`` tells its versions apart."""

    mtime: int
    body: bytes


@dataclass
class Finding:
    """Of ``stored`` pages, ``taken`` went; ``needless`` of those are as they were. ``stale`` were not right.

    ``comparisons``: pages compared, just after the change's answer and when all were stored again. ``back``: seconds
    from the answer until then. ``why``: for what reasons the needless ones went, and how many each.
    """

    kind: str
    stored: int
    taken: int
    comparisons: int = 0
    needless: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    seconds: float = 0.0
    back: float = 0.0
    why: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return (
            f"{self.kind:44} {self.stored:4} stored {self.taken:4} taken {len(self.needless):4} needless"
            f" {len(self.stale):3} stale {self.seconds * 1000:6.0f} ms, back after {self.back:5.1f} s"
        )


class Front(Protocol):
    """Another cache in front of the same site, compared by the same change."""

    def warm(self, keys: Iterable[str]) -> dict[str, Stored]:
        """Hold these pages as they are now, none from before; those that it holds."""

    def held(self, keys: Iterable[str]) -> dict[str, Stored]:
        """Those of the pages that it answers by itself, as a visitor gets them."""


def try_out(paper: Newspaper, kind: Kind) -> Finding:
    """Make the change on a warm store, and look."""
    return try_beside(paper, kind, [])[0]


def try_beside(paper: Newspaper, kind: Kind, fronts: Sequence[Front]) -> list[Finding]:
    """The same for the store and for other caches that stand in front of the site; the store's finding comes first.

    The others are looked at once, when the change is answered.
    """
    paper.warm()
    keys = list(stored_now(paper))
    beside = [front.warm(keys) for front in fronts]
    before = stored_now(paper)
    began = time.monotonic()
    kind.change(paper)
    answered = time.monotonic()
    if not kind.waits:
        time.sleep(kind.bound)
    after = stored_now(paper)
    held = [front.held(pages) for front, pages in zip(fronts, beside, strict=True)]
    finding = Finding(kind.name, len(before), 0, seconds=answered - began, back=await_back(paper) - answered)
    again = stored_now(paper)
    fresh = fresh_renders(paper, {*keys, *before, *after, *again})
    finding.stale = [f"when answered: {text}" for text in stale_pages(paper, after, fresh)]
    finding.stale += [f"rendered again: {text}" for text in stale_pages(paper, again, fresh)]
    finding.comparisons = len(after) + len(again)
    _note_taken(finding, before, after, fresh)
    finding.why = Counter(_why_taken(paper, key) for key in finding.needless)
    findings = [finding]
    for was, now in zip(beside, held, strict=True):
        findings.append(Finding(kind.name, len(was), 0, len(now), stale=stale_pages(paper, now, fresh)))
        _note_taken(findings[-1], was, now, fresh)
    return findings


def _note_taken(
    finding: Finding, before: Mapping[str, Stored], after: Mapping[str, Stored], fresh: Mapping[str, Fresh | None]
) -> None:
    taken = [key for key, page in before.items() if key not in after or after[key].mtime != page.mtime]
    finding.taken = len(taken)
    finding.needless = [key for key in taken if _is_right(before[key], fresh[key])]


def _why_taken(paper: Newspaper, key: str) -> str:
    page = cache.ask_invalidator(paper.node, {"op": "page", "site": paper.site.name, "key": key})["page"]
    return str((page or {}).get("taken_why"))


def stored_now(paper: Newspaper) -> dict[str, Stored]:
    """All stored pages but redirects; without those that went while they were read."""
    rows = [row for row in cache.stored_pages(paper.node, paper.site.domain) if row["kind"] != "redirect"]
    store = PageStore(paper.node.layout.store)
    bodies = [store.bodies(paper.site.name, row["generation"], row["key"], row["kind"]) for row in rows]
    return {row["key"]: Stored(row["mtime"], body[0]) for row, body in zip(rows, bodies, strict=True) if body}


def fresh_renders(paper: Newspaper, keys: Iterable[str]) -> dict[str, Fresh | None]:
    """None where a render did not come to its end."""
    names = list(keys)
    with internal_client(paper.node, paper.site) as client, ThreadPoolExecutor(2) as pool:

        def render(key: str) -> Fresh | None:
            return render_fresh(paper.node, client, paper.site.name, key)

        return dict(zip(names, pool.map(render, names), strict=True))


def stale_pages(paper: Newspaper, stored: Mapping[str, Stored], fresh: Mapping[str, Fresh | None]) -> list[str]:
    """Those that differ from their fresh render, each with the lines; pages that are never the same twice are right."""
    doubtful = [key for key, page in stored.items() if fresh[key] is not None and not _is_right(page, fresh[key])]
    again = fresh_renders(paper, doubtful)
    stale = []
    for key in doubtful:
        one, other = fresh[key], again[key]
        if one is not None and other is not None and settled(one.body) == settled(other.body):
            stale.append(f"{key} ({one.status})\n{difference(stored[key].body, one.body)}")
    return stale


def await_back(paper: Newspaper) -> float:
    """Wait until nothing is left to render; returns the moment (monotonic) when that was first so."""
    until = time.monotonic() + BACK
    since, quiet = time.monotonic(), 0
    while quiet < 3:
        figures = cache.status(paper.node, paper.site.domain)
        now = time.monotonic()
        assert now < until, f"not all is stored again: {figures}"
        left = figures.queued + figures.rendering
        since = now if left or not quiet else since
        quiet = 0 if left else quiet + 1
        time.sleep(0.05)
    return since


def _is_right(page: Stored, fresh: Fresh | None) -> bool:
    return fresh is not None and fresh.status == 200 and settled(page.body) == settled(fresh.body)

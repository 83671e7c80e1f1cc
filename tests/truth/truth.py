"""Makes a change, then compares all that is stored with fresh renders: what is stale, and what went for nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pressroom.operations import audit, cache
from pressroom.pagecache.comparison import settled
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


def try_out(paper: Newspaper, kind: Kind) -> Finding:
    """Make the change on a warm store, and look."""
    paper.warm()
    site = paper.site
    rows = {row["key"]: row for row in cache.stored_pages(paper.node, site.domain) if row["kind"] != "redirect"}
    bodies = {key: audit.stored_body(paper.node.layout.store, site.name, row) for key, row in rows.items()}
    began = time.monotonic()
    kind.change(paper)
    seconds = time.monotonic() - began
    if not kind.waits:
        time.sleep(BOUND)
    now = {row["key"]: row["mtime"] for row in cache.stored_pages(paper.node, site.domain)}
    finding = Finding(kind.name, len(rows), 0, seconds=seconds)
    with audit.internal_client(paper.node, site) as client, ThreadPoolExecutor(2) as pool:

        def render(key: str) -> audit.Fresh | None:
            return audit.render_fresh(paper.node, client, site.name, key)

        fresh = dict(zip(rows, pool.map(render, rows), strict=True))
        for key, row in rows.items():
            then, here = bodies[key], fresh[key]
            if then is None or here is None:
                continue
            same = here.status == 200 and settled(then) == settled(here.body)
            if now.get(key) != row["mtime"]:
                finding.taken += 1
                if same:
                    finding.needless.append(key)
            elif not same:
                again = render(key)
                if again is not None and settled(again.body) == settled(here.body):  # else it is random
                    finding.stale.append(f"{key}\n{audit.difference(then, here.body)}")
    return finding

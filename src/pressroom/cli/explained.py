"""What is known of a page, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_STATES = {
    "queued": "waits to be rendered",
    "rendering": "is being rendered",
    "refused": "may not be stored",
    "stored": "is stored",
}


def explained(page: Mapping[str, Any]) -> Iterator[str]:
    """Of what `operations.cache.explain` answers."""
    state = _STATES.get(page["state"], "is not stored")
    yield f"{page['url']} {state}" + (f": {page['why_not']}." if page["why_not"] else ".")
    if page["rendered_at"] is not None:
        last = "It" if page["stored"] else "Its last version"
        yield (
            f"{last} was made at {page['rendered_at']} in {page['render_seconds']:.2f} s by {page['queries']} queries;"
            f" {page['size']:,} bytes ({page['kind']})."
        )
        yield f"It depends on {page['depends_on']} (--format json lists each)."
    if page["stored"] and page["valid_until"] is not None:
        yield f"By the clock it is right until {page['valid_until']}: {page['valid_why'] or 'the end of the day'}."
    if page["taken_at"] is not None:
        yield f"It was last taken out by itself at {page['taken_at']}: {page['taken_why']}."
    if page["last_drop_at"] is not None:
        yield f"All pages of its site were last taken out at {page['last_drop_at']}: {page['last_drop_why']}."

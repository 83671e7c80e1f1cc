"""How long a site's visitors waited for its answers, from what the renderer daemon keeps of nginx's logs."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

from hdrh.histogram import HdrHistogram

from pressroom.model.errors import NotRunning
from pressroom.operations.cache import ask_renderer
from pressroom.operations.node import Node
from pressroom.pagecache.latency import BYPASS, STATES, Breach, LatencyHistory, within


@dataclass(frozen=True)
class Answers:
    """Those of one state (hit, miss, bypass, or all of them). Milliseconds; None where there were no requests.

    ``share`` of all requests, ``in_time`` of those of this state within the promise (37 ms): both from 0 to 1.
    """

    state: str
    requests: int
    share: float | None
    p50: int | None
    p95: int | None
    p99: int | None
    in_time: float | None


@dataclass(frozen=True)
class SlowPath:
    """Where answers took longer than promised: how many of them, and milliseconds of the slowest."""

    path: str
    state: str
    requests: int
    worst: int


@dataclass(frozen=True)
class Latency:
    """From ``since`` to ``until`` (Unix seconds). ``bypassed``: requests by the reason of their bypass."""

    domain: str
    since: float
    until: float
    answers: tuple[Answers, ...]
    bypassed: dict[str, int]
    slowest: tuple[SlowPath, ...]
    breaches: tuple[Breach, ...]


def latency(node: Node, domain: str, *, seconds: float, most_paths: int = 10) -> Latency:
    """Of the last so many seconds. While the renderer is down, what it had written down."""
    site = node.state.site(domain)
    with contextlib.suppress(NotRunning):
        ask_renderer(node, {"op": "visits"})
    until = time.time()
    since = until - seconds
    path = node.layout.latency_database  # the renderer's; not to be made by us
    history = LatencyHistory(path if path.exists() else Path(":memory:"))
    try:
        # The minute in which it begins counts whole.
        span = history.read(site.name, since - 60, until)
        breaches = history.breaches(site.name, since - 60, until)
    finally:
        history.close()
    total = span.all_of(*STATES).get_total_count()
    answers = [_told(state, span.all_of(state), total) for state in STATES]
    answers.append(_told("all", span.all_of(*STATES), total))
    reasons = {reason: hist.get_total_count() for (state, reason), hist in span.answers.items() if state == BYPASS}
    slowest = sorted(span.slow.items(), key=lambda item: (-item[1].worst, item[0]))[:most_paths]
    return Latency(
        site.domain,
        since,
        until,
        tuple(answers),
        dict(sorted(reasons.items(), key=lambda item: -item[1])),
        tuple(SlowPath(path, state, slow.requests, slow.worst) for (state, path), slow in slowest),
        tuple(breaches),
    )


def _told(state: str, answers: HdrHistogram, total: int) -> Answers:
    count = answers.get_total_count()
    if not count:
        return Answers(state, 0, 0.0 if total else None, None, None, None, None)
    p50, p95, p99 = (answers.get_value_at_percentile(share) for share in (50, 95, 99))
    return Answers(state, count, count / total, p50, p95, p99, within(answers) / count)

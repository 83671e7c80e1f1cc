"""How long a site's visitors waited for its answers, from what the renderer daemon keeps of nginx's logs."""

from __future__ import annotations

import time
from dataclasses import dataclass

from hdrh.histogram import HdrHistogram

from pressroom.operations.cache import ask_renderer
from pressroom.operations.node import Node
from pressroom.pagecache.renderer.latency import BYPASS, STATES, Breach, span_of, within


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
    """From ``since`` to ``until`` (Unix seconds). ``bypassed``: requests by the reason of their bypass.

    ``breaches`` are the newest of ``breach_count``.
    """

    domain: str
    since: float
    until: float
    answers: tuple[Answers, ...]
    bypassed: dict[str, int]
    slowest: tuple[SlowPath, ...]
    breaches: tuple[Breach, ...]
    breach_count: int


def latency(node: Node, domain: str, *, seconds: float) -> Latency:
    """Of the last so many seconds. NotRunning while the renderer is down, who keeps it."""
    site = node.state.site(domain)
    until = time.time()
    since = until - seconds
    told = ask_renderer(node, {"op": "latency", "site": site.name, "since": since, "until": until})
    span = span_of(told)
    total = span.all_of(*STATES).get_total_count()
    answers = [_told(state, span.all_of(state), total) for state in STATES]
    answers.append(_told("all", span.all_of(*STATES), total))
    reasons = {reason: hist.get_total_count() for (state, reason), hist in span.answers.items() if state == BYPASS}
    return Latency(
        site.domain,
        since,
        until,
        tuple(answers),
        dict(sorted(reasons.items(), key=lambda item: -item[1])),
        tuple(SlowPath(path, state, slow.requests, slow.worst) for (state, path), slow in span.slow.items()),
        tuple(Breach(**breach) for breach in told["breaches"]),
        told["breach_count"],
    )


def _told(state: str, answers: HdrHistogram, total: int) -> Answers:
    count = answers.get_total_count()
    if not count:
        return Answers(state, 0, 0.0 if total else None, None, None, None, None)
    p50, p95, p99 = (answers.get_value_at_percentile(share) for share in (50, 95, 99))
    return Answers(state, count, count / total, p50, p95, p99, within(answers) / count)

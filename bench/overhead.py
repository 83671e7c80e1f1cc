"""What a site's walls and its firewall cost: a page by PHP with and without, each wall by itself, and a hit.

    sudo .venv/bin/python -m bench.overhead walls firewall hits --root var [--rounds 6] [--requests 40]

``walls``: the site's PHP-FPM as the node runs it, behind all its walls, behind none, and behind all but one; asked
without an nginx between. ``firewall``: by nginx with the setting off, detect and block, and the node's own firewall.
``hits``: by nginx as it is, and without what walls and firewall have put into its configuration. All in turns, in
random order, and started anew in each round; medians, and the processor's time of PHP's worker or the firewall's.
Needs a running demo, and nothing else that runs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.overhead_nginx import AS_IT_IS, WITHOUT, firewall, hits
from bench.overhead_walls import Took, walls
from bench.quiet import quietly, wake
from bench.side_by_side import machine

from pressroom.model.site import Site
from pressroom.operations import cache
from pressroom.operations.node import Node, open_node

_RESTS = 3600.0  # seconds for which the renderer does nothing of its own accord


def table(took: dict[str, dict[str, Took]], what: str) -> str:
    """In Markdown. Ratios to the first of each page."""
    lines = [f"| page | {what} | ms | ratio | ms of the processor | ratio |", "|---|---|---|---|---|---|"]
    for page, by in took.items():
        first = next(iter(by.values()))
        for kind, one in by.items():
            waited, worked = _ms(one.waited), _ms(one.worked)
            of_worked = f"{worked / _ms(first.worked):.3f}" if _ms(first.worked) > 0.1 else "-"
            lines.append(
                f"| {page} | {kind} | {waited:.2f} | {waited / _ms(first.waited):.3f} | {worked:.2f} | {of_worked} |"
            )
    return "\n".join(lines)


def _ms(seconds: Sequence[float]) -> float:
    return 1000 * statistics.median(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["walls", "firewall", "hits"], metavar="walls|firewall|hits")
    parser.add_argument("--root", type=Path, default=Path("var"))
    parser.add_argument("--domain", default="news.localhost")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--requests", type=int, default=40, help="in each round")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    written = arguments.json and arguments.json.absolute()  # a program's start leaves this process in another folder
    quietly()
    node = open_node(arguments.root)
    site = node.state.site(arguments.domain)
    cache.warm(node, arguments.domain)
    cache.rest(node, _RESTS)
    found: dict[str, Any] = {"machine": machine()}
    parts: dict[str, Callable[[], str]] = {
        "walls": lambda: _told_walls(node, site, arguments, found),
        "firewall": lambda: _told_firewall(node, site, arguments, found),
        "hits": lambda: _told_hits(node, site, arguments, found),
    }
    try:
        for part in arguments.parts:
            print(parts[part](), flush=True)
    finally:
        wake(node)
    if written:
        written.write_text(json.dumps(found, indent=1, default=vars))


def _told_walls(node: Node, site: Site, arguments: argparse.Namespace, found: dict[str, Any]) -> str:
    took, memory = asyncio.run(walls(node, site, arguments.rounds, arguments.requests))
    found |= {"walls": took, "bytes of bwrap": memory}
    return f"{table(took, 'walls')}\nbwrap of a site that is awake: {memory / 1024:.0f} KB"


def _told_firewall(node: Node, site: Site, arguments: argparse.Namespace, found: dict[str, Any]) -> str:
    found["firewall"] = firewall(node, site, arguments.rounds, arguments.requests)
    return table(found["firewall"], "firewall")


def _told_hits(node: Node, site: Site, arguments: argparse.Namespace, found: dict[str, Any]) -> str:
    found["hits"] = hits(node, site, arguments.rounds, 4)
    waited = {kind: 1000 * _ms(one.waited) for kind, one in found["hits"].items()}
    worked = {kind: 1000 * _ms(one.worked) for kind, one in found["hits"].items()}
    lines = [f"a hit, nginx {kind}: {waited[kind]:.1f} µs, {worked[kind]:.1f} of the processor" for kind in waited]
    pairs = zip(found["hits"][WITHOUT].worked, found["hits"][AS_IT_IS].worked, strict=True)
    ratio = statistics.median(without / as_it_is for without, as_it_is in pairs)
    return "\n".join([*lines, f"by the processor, of each round: {ratio:.3f} of the hits without"])


if __name__ == "__main__":
    main()

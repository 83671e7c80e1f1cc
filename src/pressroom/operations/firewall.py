"""What the firewall found in a site's requests, read from the end of its log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pressroom.operations.node import Node
from pressroom.stack.nginx import REFUSED

_READ = 16 * 2**20  # bytes of the log of all sites, from its end
_SCORE = "949110"  # the rule that adds up what the others found; it is none of what was found
_REFUSING = frozenset({_SCORE, "200002", "200003"})  # stack/templates/firewall-rules.conf.j2
_TIME = "%a %b %d %H:%M:%S %Y"  # as ModSecurity writes it, in the machine's own time


@dataclass(frozen=True)
class Match:
    """A rule that applied. ``data`` is what it found and where, as somebody sent it."""

    rule: str
    message: str
    data: str


@dataclass(frozen=True)
class Finding:
    """A request in which something was found. ``verdict``: `refused`; `would be refused` (the site's setting is
    detect); `noted` (too little to refuse it for).
    """

    at: str
    client: str
    request: str
    verdict: str
    matches: tuple[Match, ...]

    @property
    def blocked(self) -> bool:
        return self.verdict == "refused"


def findings(node: Node, domain: str, most: int) -> list[Finding]:
    """The newest of a site, the newest last. A line that cannot be read (it was cut) is passed over."""
    site = node.state.site(domain)
    mark = f'"unique_id":"{site.name}.'.encode()
    log = node.layout.firewall_log
    lines = [line for path in (log.with_name(f"{log.name}.1"), log) for line in _end_of(path) if mark in line]
    found: list[Finding] = []
    for line in reversed(lines):
        if len(found) == most:
            break
        found += _read(line, site.name)
    return found[::-1]


def _end_of(path: Path) -> list[bytes]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _READ))
            return file.read().split(b"\n")
    except FileNotFoundError:
        return []


def _read(line: bytes, site: str) -> Iterator[Finding]:
    """What was sent may be no UTF-8, and hold anything: the site's name counts where ModSecurity writes it alone."""
    try:
        told = json.loads(line.decode(errors="replace"), strict=False)["transaction"]
        if told["unique_id"].split(".")[0] == site:
            yield _finding(told)
    except (ValueError, KeyError, TypeError):
        return


def _finding(told: dict[str, Any]) -> Finding:
    matches = [
        Match(str(one["details"]["ruleId"]), str(one["message"]), str(one["details"]["data"]))
        for one in told["messages"]
    ]
    verdict = "noted"
    if told["response"]["http_code"] == REFUSED:
        verdict = "refused"
    elif any(match.rule in _REFUSING for match in matches):
        verdict = "would be refused"
    return Finding(
        at=datetime.strptime(told["time_stamp"], _TIME).astimezone().isoformat(),
        client=str(told["client_ip"]),
        request=f"{told['request']['method']} {told['request']['uri']}",
        verdict=verdict,
        matches=tuple(match for match in matches if match.rule != _SCORE),
    )

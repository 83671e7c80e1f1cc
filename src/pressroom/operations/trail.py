"""The audit trail as its reader sees it: commands with their outcome, and whether any line was changed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pressroom.model.errors import InvalidInput
from pressroom.model.trail import BEGAN, Line, Verdict, verify
from pressroom.operations.node import Node
from pressroom.system.actor import still_runs

UNDER_WAY, NOT_FINISHED = "under way", "not finished"
_HASH = re.compile(r"[0-9a-fA-F]{12,64}\Z")


@dataclass(frozen=True)
class Entry:
    """A command. ``number`` and ``hash`` are of its last line. ``outcome``: done, refused, failed, given up; `under
    way`, or `not finished` when its process is gone and has told no end.
    """

    number: int
    at: str
    ended_at: str | None
    person: str
    person_by: str
    user: str
    origin: str
    origin_by: str
    terminal: str
    command: str
    site: str
    outcome: str
    detail: str
    hash: str


def entries(node: Node, *, seconds: float | None = None, site: str = "", limit: int | None = None) -> list[Entry]:
    """In the order in which they began. `site`: by its domain as it was then, or an alias that it has now."""
    since = "" if seconds is None else (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()
    wanted = node.canonical_domain(site) if site else ""
    found: dict[int, Entry] = {}
    for row in node.state.trail.rows():
        try:
            line = Line.read(row.text)
        except ValueError:
            continue  # `verify` names it
        found[line.begun or line.number] = _entry(line, found.get(line.begun or 0), row.hash)
    chosen = [one for one in found.values() if one.at >= since and wanted in ("", one.site)]
    return chosen[-limit:] if limit else chosen


def _entry(line: Line, begun: Entry | None, digest: str) -> Entry:
    who = line.actor
    if line.event == BEGAN:
        outcome = UNDER_WAY if still_runs(who.process) else NOT_FINISHED
        ended_at = None
    else:
        outcome, ended_at = line.event, line.at
    return Entry(
        line.number, begun.at if begun else line.at, ended_at, who.person, who.person_by, who.user, who.origin,
        who.origin_by, who.terminal, line.command, line.site, outcome, line.detail, digest,
    )  # fmt: skip


def check(node: Node, noted: str = "") -> Verdict:
    """Walk the chain, and compare it with its copy. `noted`: a hash that somebody wrote down, or its beginning."""
    if noted and not _HASH.match(noted):
        hint = "write one that `pressroom audit verify` printed: 64 digits, of which 12 are enough"
        raise InvalidInput(f"{noted!r} is no hash", hint=hint)
    path = node.layout.audit_log
    # The copy first: what is appended meanwhile is in the trail then.
    copy = path.read_text(errors="replace").splitlines() if path.exists() else []
    return verify(node.state.trail.rows(), copy, noted)

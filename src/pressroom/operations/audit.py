"""Checks the page cache's promise when its owner asks: the same check as the one that goes on all the time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pressroom.model.errors import NotRunning
from pressroom.operations.cache import stored_pages
from pressroom.operations.node import Node
from pressroom.pagecache.outcomes import FAILED, OVERTAKEN, RANDOM, VIOLATION
from pressroom.system import messages

_LONGEST_CHECK = 200.0  # seconds: two renders that come to their last moment, and the wait for what is under way


@dataclass(frozen=True)
class Violation:
    """A stored page that differed from a fresh render, with the differing lines; ``evidence`` is a folder."""

    url: str
    difference: str
    evidence: str


@dataclass(frozen=True)
class Audit:
    """How many stored pages were compared, and those that were not right.

    ``stored``: how many there were to choose from. ``overtaken`` pages changed while they were compared; ``random``
    ones are never the same twice (a shuffled list); the render of ``failed`` ones did not come to its end. Only
    ``checked`` ones, random ones among them, say anything.
    """

    checked: int
    stored: int
    overtaken: int
    random: int
    failed: int
    violations: tuple[Violation, ...]


def audit(node: Node, domain: str, *, limit: int = 50) -> Audit:
    """Have stored pages rendered afresh and compared. Those that are not right are taken out, and rendered again."""
    site = node.state.site(domain)
    outcomes: list[str] = []
    violations = []
    pages = stored_pages(node, domain)
    for row in _sample(pages, limit):
        request = {"op": "audit", "site": site.name, "key": row["key"]}
        answer = messages.ask(node.layout.renderer_socket, request, what="renderer", timeout=_LONGEST_CHECK)
        if not answer["ok"]:
            raise NotRunning(f"the renderer could not check a page: {answer['why']}", hint="pressroom status")
        outcomes.append(answer["outcome"])
        if answer["outcome"] == VIOLATION:
            evidence = evidence_folder(node, site.name, answer["folder"]) if answer["folder"] else ""
            violations.append(Violation(row["key"], answer["why"], str(evidence)))
    untold = outcomes.count(OVERTAKEN) + outcomes.count(FAILED)
    return Audit(
        len(outcomes) - untold,
        len(pages),
        outcomes.count(OVERTAKEN),
        outcomes.count(RANDOM),
        outcomes.count(FAILED),
        tuple(violations),
    )


def evidence_folder(node: Node, site: str, name: str) -> Path:
    """Where the user finds what is kept of a violation."""
    return node.root / node.layout.audit.name / site / name


def _sample(rows: list[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    step = max(1, len(rows) // max(1, limit))
    return rows[::step][:limit]

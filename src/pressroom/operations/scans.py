"""What the scanner knows of a site's files; files into quarantine and back; the core put right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pressroom.model import errors
from pressroom.model.site import Site
from pressroom.operations.node import Node
from pressroom.system import messages

_PATIENCE = 1200.0  # seconds; a look is bounded itself


@dataclass(frozen=True)
class Finding:
    """``kind`` as in docs/security.md; ``what`` stands behind the path; ``since``: when it was found first;
    ``changed``: when the file was changed last (ctime); both in ISO 8601.
    """

    id: str
    kind: str
    path: str
    what: str
    rules: tuple[str, ...]
    since: str
    changed: str | None


@dataclass(frozen=True)
class Quarantined:
    """A file in quarantine: where it was, in the document root."""

    id: str
    path: str
    owner: str
    mode: str
    size: int
    sha256: str
    taken: str
    why: str


@dataclass(frozen=True)
class Extension:
    """A plugin or theme that files are compared by. ``source``: core, wordpress.org, or `first seen`."""

    place: str
    version: str
    source: str
    since: str


@dataclass(frozen=True)
class Scanned:
    """``at``: the last whole scan; ``trouble``: why it may not have seen all."""

    at: str | None
    files: int
    seconds: float
    trouble: str | None
    findings: list[Finding]
    quarantine: list[Quarantined]
    extensions: list[Extension]


def scan(node: Node, domain: str) -> Scanned:
    """Look at a site's files now."""
    return _known(node, node.state.site(domain), "scan")


def known(node: Node, domain: str) -> Scanned:
    """What the last look found."""
    return _known(node, node.state.site(domain), "findings")


def quarantine(node: Node, domain: str, what: str) -> Quarantined:
    """Take a finding's file (by id or path) away. Raises NotFound, Conflict when it is another by now."""
    site = node.state.site(domain)
    return _quarantined(node, site, _ask(node, site, "take", what)["taken"])


def restore(node: Node, domain: str, id: str) -> Quarantined:
    """Put a file back, which is accepted from then on. Raises NotFound, Conflict when something is in its place."""
    site = node.state.site(domain)
    return _quarantined(node, site, _ask(node, site, "restore", id)["taken"])


def discard(node: Node, domain: str, id: str) -> Quarantined:
    """Remove a file from quarantine for good. Raises NotFound."""
    site = node.state.site(domain)
    return _quarantined(node, site, _ask(node, site, "discard", id)["taken"])


def accept(node: Node, domain: str, what: str) -> Finding:
    """A finding (by id or path) is none any more, until the file changes."""
    return _finding(_ask(node, node.state.site(domain), "accept", what)["finding"])


def repair(node: Node, domain: str) -> None:
    """Put the core's files back as they are stored. What lies among them and is none of theirs is left at the root."""
    site = node.state.site(domain)
    node.hands.repair_core(site, node.state.settings())


def overview(node: Node) -> dict[str, dict[str, Any]]:
    """A line for each site, by its short name: ``at`` (Unix) of its last scan, ``trouble``, ``findings`` (how many)."""
    sites: dict[str, dict[str, Any]] = _answer(node, {"op": "status"})["sites"]
    return sites


def rest(node: Node, seconds: float) -> None:
    """For so long, the scanner looks at nothing that nobody asked for."""
    _answer(node, {"op": "rest", "seconds": seconds})


def _known(node: Node, site: Site, op: str) -> Scanned:
    told = _ask(node, site, op)
    last = told["scan"] or {"at": None, "files": 0, "seconds": 0.0, "trouble": "it was not looked at yet"}
    return Scanned(
        None if last["at"] is None else _time(last["at"]),
        last["files"],
        last["seconds"],
        last["trouble"],
        [_finding(one) for one in told["findings"]],
        [_quarantined(node, site, one) for one in told["quarantine"]],
        [Extension(e["place"], e["version"], e["source"], _time(e["since"])) for e in told["extensions"]],
    )


def _finding(one: dict[str, Any]) -> Finding:
    changed = None if one["time"] is None else _time(one["time"])
    return Finding(
        one["id"], one["kind"], one["path"], one["detail"], tuple(one["rules"]), _time(one["since"]), changed
    )


def _quarantined(node: Node, site: Site, one: dict[str, Any]) -> Quarantined:
    owner = node.layout.site(site.name).unix_user
    mode = f"{one['mode']:04o}"
    return Quarantined(one["id"], one["path"], owner, mode, one["size"], one["digest"], _time(one["at"]), one["why"])


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _ask(node: Node, site: Site, op: str, what: str = "") -> dict[str, Any]:
    return _answer(node, {"op": op, "site": site.name, "what": what})


def _answer(node: Node, request: messages.Message) -> dict[str, Any]:
    """Raises what the scanner says, and NotRunning."""
    answer = messages.ask(node.layout.scanner_socket, request, what="scanner", timeout=_PATIENCE)
    if answer["ok"]:
        return answer
    raise errors.told(answer)

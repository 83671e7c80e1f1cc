"""What a run of the truth test amounts to, by group of kinds: in words, and as JSON lines to compare runs by."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.truth.truth import Finding

# Names a file to which the figures are added.
FILE = "PRESSROOM_TRUTH_FIGURES"


def report(where: str, groups: Mapping[str, Sequence[Finding]]) -> None:
    """Print a line a group and one for all; `where` is the stage. A line a kind goes to the file alone."""
    everything = [finding for findings in groups.values() for finding in findings]
    for group, findings in {**groups, "all": everything}.items():
        if findings:
            line = _totals(findings)
            print(f"\n{where} {group:10} " + ", ".join(f"{value} {name}" for name, value in line.items()), end="")
            note({"where": where, "group": group, **line})
    for finding in everything:
        note(
            {"where": where, "kind": finding.kind, **_totals([finding]), "why": finding.why, "pages": finding.needless}
        )


def note(line: Mapping[str, object]) -> None:
    """Add a line to the file that the environment names, if it does."""
    path = os.environ.get(FILE)
    if path:
        with Path(path).open("a") as file:
            file.write(json.dumps(line) + "\n")


def _totals(findings: Sequence[Finding]) -> dict[str, float]:
    stored = sum(finding.stored for finding in findings)
    touched = [finding.back for finding in findings if finding.taken] or [0.0]
    return {
        "kinds": len(findings),
        "comparisons": sum(finding.comparisons for finding in findings),
        "missed": sum(len(finding.stale) for finding in findings),
        "taken": sum(finding.taken for finding in findings),
        "needless": sum(len(finding.needless) for finding in findings),
        "needless_percent": round(100 * sum(len(finding.needless) for finding in findings) / (stored or 1), 1),
        "back_median_seconds": round(statistics.median(touched), 2),
        "back_worst_seconds": round(max(touched), 2),
    }

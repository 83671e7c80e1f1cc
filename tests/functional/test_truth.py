"""The truth test on each stage: in short on the first in `make test`, as a whole in `make test-freshness`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pytest

from pressroom.model.errors import CommandFailed
from pressroom.operations import sites
from pressroom.operations.node import Node
from tests.functional.newspaper import Newspaper
from tests.truth import figures
from tests.truth.content import furnished
from tests.truth.kinds import SHORT
from tests.truth.stages import STAGES
from tests.truth.truth import Finding, Kind, try_out

# Needless: pages that went though they stayed the same, as a share of all that were stored.
MOST_NEEDLESS = 0.25


@pytest.fixture(scope="module")
def site(node: Node, request: pytest.FixtureRequest) -> Iterator[Newspaper]:
    domain = f"{request.param}.localhost"
    with furnished(node, domain, STAGES[request.param]) as paper:
        node.engine.stop("cron")  # WordPress's own events would be counted with the change
        yield paper
        node.engine.start("cron")
    sites.delete(node, domain)


def _run(paper: Newspaper, name: str, groups: Mapping[str, Sequence[Kind]]) -> None:
    found: dict[str, list[Finding]] = {}
    failed = []
    for group, kinds in groups.items():
        found[group] = []
        for kind in kinds:
            if kind.themes and STAGES[name].theme not in kind.themes:
                continue
            try:
                finding = try_out(paper, kind)
            except (CommandFailed, AssertionError, IndexError) as error:
                failed.append(f"{kind.name}: {str(error)[-300:]}")
                continue
            found[group].append(finding)
            print("\n".join(["", str(finding), *finding.stale]), end="")
            if kind.quiet and finding.taken:
                failed.append(f"{kind.name}: {finding.taken} pages went")
    figures.report(name, found)
    findings = [finding for group in found.values() for finding in group]
    assert failed == []
    assert [(finding.kind, finding.stale) for finding in findings if finding.stale] == []
    stored, needless = sum(f.stored for f in findings), sum(len(f.needless) for f in findings)
    assert needless <= MOST_NEEDLESS * stored


@pytest.mark.parametrize("site", ["classic"], indirect=True)
def test_the_truth_in_short(site: Newspaper) -> None:
    groups = STAGES["classic"].groups
    _run(site, "classic", {name: [kind for kind in kinds if kind.name in SHORT] for name, kinds in groups.items()})


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("site", "stage"), [(name, name) for name in STAGES], indirect=["site"])
def test_the_whole_truth(site: Newspaper, stage: str) -> None:
    _run(site, stage, STAGES[stage].groups)

"""A browser's long way through wp-admin with the firewall on: nothing of it is taken for an attack (tests/trial)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pressroom.operations import settings, sites
from pressroom.operations.node import Node
from tests.functional.browser import chromium
from tests.functional.newspaper import Newspaper
from tests.trial.walk import Walk, begun
from tests.trial.whole import PARTS, WORDPRESS, counted, told

SHORT = ("plugin", "article", "programs")  # in a minute


@pytest.fixture(scope="module")
def worked_at(node: Node) -> Iterator[Newspaper]:
    new = sites.NewSite.check(
        "worked.localhost", title="Worked", admin_email="", admin_user="editor", aliases=[], wordpress="debian"
    )
    site = sites.create(node, new)
    settings.change_site(node, site.domain, ["firewall=block"])
    sites.finish(node, node.state.site(site.domain))
    with Newspaper(node, site) as worked_at:
        yield worked_at
    sites.delete(node, site.domain)


def _walked(paper: Newspaper, parts: tuple[str, ...]) -> Walk:
    with chromium() as browser, begun(paper, browser) as walk:
        assert walk.require_watched() == "refused", "an attack is, meanwhile"
        for part in parts:
            PARTS[part](walk)
    assert not [step for step in walk.steps if step.broken or step.taken_for_attacks], told(walk.steps)
    return walk


@pytest.mark.long
def test_a_minutes_work_is_not_taken_for_attacks(worked_at: Newspaper) -> None:
    assert len(counted(_walked(worked_at, SHORT).steps)) > 60


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_days_work_is_not_taken_for_attacks(worked_at: Newspaper) -> None:
    parts = tuple(part for part in WORDPRESS if part not in SHORT)  # which have been walked
    assert len(counted(_walked(worked_at, parts).steps)) > 130

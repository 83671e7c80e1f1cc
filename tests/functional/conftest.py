"""A real node with a real WordPress site, made once for all functional tests."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pressroom.model.errors import NotRunning
from pressroom.model.site import Site
from pressroom.operations import cache, scans, settings, sites
from pressroom.operations import running as nodes
from pressroom.operations.node import Node, open_node
from tests.conftest import find_free_port, until
from tests.functional.command_line import CommandLine
from tests.functional.newspaper import Newspaper

FOREVER = 1e6  # seconds
PLUGIN = Path(__file__).parent / "plugin" / "pressroom-test"


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    """A running node below a folder of its own, with pause points; removed without rest afterwards."""
    root = Path(tempfile.mkdtemp(prefix="pressroom-test-", dir="/var/tmp"))
    os.chmod(root, 0o755)  # noqa: PTH101
    node = open_node(root, pauses=True)
    try:
        nodes.up(node, port=find_free_port())
        # The tests that stop a render at a pause point, or count renders, expect none but the renderer's own; those
        # that look for processes, that none goes by itself.
        settings.change(node, ["cache.audit_percent=0", "php.sleep_seconds=0"])
        nodes.up(node)
        nodes.wait_for_answer(node)
        _rest(node)
        yield node
    finally:
        nodes.clean(node)
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="module", autouse=True)
def undisturbed(node: Node) -> None:
    """Tests of an earlier file have perhaps started its daemons anew."""
    _rest(node)


def _rest(node: Node) -> None:
    until(lambda: _scanner_answers(node), seconds=60)
    scans.rest(node, FOREVER)
    cache.rest(node, FOREVER)  # pictures are made in the pool that tests stop, and where it is asked for


def _scanner_answers(node: Node) -> bool:
    """Nothing waits for it when a node begins."""
    try:
        scans.overview(node)
    except NotRunning:
        return False
    return True


@pytest.fixture(scope="session")
def command(node: Node) -> CommandLine:
    """The `pressroom` command for that node."""
    return CommandLine(node.root)


@pytest.fixture(scope="session")
def paper(node: Node) -> Iterator[Newspaper]:
    """A site with some content and a plugin that shows on every page what changes are about."""
    site = new_site(node, "paper", title="The Test Paper", aliases=["www.paper.localhost"])
    sites.install_extension(node, site, PLUGIN, "plugins")
    with Newspaper(node, site) as paper:
        paper.prepare()
        yield paper


@pytest.fixture(scope="session")
def neighbour(node: Node) -> Iterator[Newspaper]:
    """Another site of the node, with a few articles."""
    with Newspaper(node, new_site(node, "neighbour", title="The Neighbour")) as neighbour:
        neighbour.publish_articles(3)
        neighbour.warm()
        yield neighbour


def new_site(node: Node, name: str, *, title: str, aliases: Sequence[str] = ()) -> Site:
    """`name`.localhost, by Debian's WordPress."""
    domain = f"{name}.localhost"
    new = sites.NewSite.check(
        domain,
        title=title,
        admin_email=f"editor@{domain}",
        admin_user="editor",
        aliases=list(aliases),
        wordpress="debian",
    )
    return sites.create(node, new)

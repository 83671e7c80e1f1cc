"""A site for the kinds of change, made as its stage says."""

from __future__ import annotations

import os
from pathlib import Path

from pressroom.operations import sites
from pressroom.operations.node import Node
from tests.functional.newspaper import Newspaper
from tests.truth.stages import CONTENT, TABLES, Stage

# Names another source of WordPress than Debian's package, with the stages' themes in it.
WORDPRESS = "PRESSROOM_TRUTH_WORDPRESS"
_PLUGIN = Path(__file__).parents[1] / "functional/plugin/pressroom-test"


def furnished(node: Node, domain: str, stage: Stage) -> Newspaper:
    """A new site with all of the content, its pages stored."""
    wordpress = os.environ.get(WORDPRESS, "debian")
    new = sites.NewSite.check(
        domain, title="Truth", admin_email=f"editor@{domain}", admin_user="editor", aliases=[], wordpress=wordpress
    )
    made = sites.create(node, new)
    for plugin in (_PLUGIN, *(_PLUGIN.with_name(name) for name in stage.extensions)):
        sites.install_extension(node, made, plugin, "plugins")
    paper = Newspaper(node, made)
    paper.prepare()
    paper.php(CONTENT)
    paper.sql(TABLES)
    paper.php(f"switch_theme('{stage.theme}');")
    stage.prepare(paper)
    paper.warm()
    return paper

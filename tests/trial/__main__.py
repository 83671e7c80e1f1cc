"""A long walk through a site with the firewall on, and what was taken for an attack on the way.

    sudo .venv/bin/python -m tests.trial --root var --wordpress DIR --plugin DIR [--theme DIR] [--how detect|block] [--part writing …]

The site is made anew on a running node and removed again. Where there is a WooCommerce among the plugins, shopping and
running the shop are a part. Exit code 1 if something was taken for an attack, or a step could not be taken.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from contextlib import suppress
from pathlib import Path

import structlog

from pressroom.model.errors import NotFound
from pressroom.operations import settings, sites
from pressroom.operations.node import Node, open_node
from tests.functional.browser import chromium
from tests.functional.newspaper import Newspaper
from tests.trial.walk import Walk, begun
from tests.trial.whole import PARTS, SHOP, WORDPRESS, told, told_of

DOMAIN = "trial.localhost"


def _site(node: Node, wordpress: str, plugins: list[Path], theme: Path | None, how: str) -> Newspaper:
    with suppress(NotFound):
        sites.delete(node, DOMAIN)
    new = sites.NewSite.check(
        DOMAIN, title="Trial", admin_email="e@example.org", admin_user="editor", aliases=[], wordpress=wordpress
    )
    site = sites.create(node, new)
    for plugin in plugins:
        sites.install_extension(node, site, plugin, "plugins")
    paper = Newspaper(node, site)
    if theme:
        sites.install_extension(node, site, theme, "themes")
        paper.php(f"switch_theme('{theme.name}');")
    paper.php("require_once ABSPATH . 'wp-admin/includes/plugin.php'; activate_plugins(array_keys(get_plugins()));")
    paper.php(
        "if (class_exists('WC_Install')) { WC_Install::install(); WC_Install::create_pages(); flush_rewrite_rules(false); }"
    )
    settings.change_site(node, DOMAIN, [f"firewall={how}"])
    sites.finish(node, node.state.site(DOMAIN))
    return paper


def _walk(paper: Newspaper, parts: list[str]) -> Walk:
    with chromium() as browser, begun(paper, browser) as walk:
        walk.taken = lambda step: print(*told_of(step), sep="\n", end="\n" if told_of(step) else "", flush=True)
        for part in parts:
            began = time.monotonic()
            PARTS[part](walk)
            print(f"{len(walk.steps)} steps; {part}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return walk


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("var"))
    parser.add_argument("--wordpress", default="debian", help="a folder or a zip; else Debian's package")
    parser.add_argument("--plugin", type=Path, action="append", default=[])
    parser.add_argument("--theme", type=Path)
    parser.add_argument("--how", choices=("detect", "block"), default="block")
    parser.add_argument("--part", choices=list(PARTS), action="append", help="may be repeated; else all")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    node = open_node(arguments.root)
    with _site(node, arguments.wordpress, arguments.plugin, arguments.theme, arguments.how) as paper:
        shop = paper.php("echo class_exists('WooCommerce') ? 'shop' : '';") == "shop"
        walk = _walk(paper, arguments.part or [*WORDPRESS, *(SHOP if shop else {})])
    sites.delete(node, DOMAIN)
    print(told(walk.steps).rpartition("\n")[2])
    return int(any(step.broken or step.taken_for_attacks for step in walk.steps))


if __name__ == "__main__":
    sys.exit(main())

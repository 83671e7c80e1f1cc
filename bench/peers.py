"""The truth test's kinds of change, for the page store and for what others put in front of the same WordPress.

    sudo .venv/bin/python -m bench.peers --root var [--plugin nginx-helper] [--first 4] [--json FILE]

One new site of the node, several caches in front of it at once, so that each change is the same one for all:
``pressroom``, its store; ``ttl``, nginx's fastcgi_cache as WordOps, EasyEngine and Trellis set it up, 10 minutes;
``hooks``, the same, purged by bench/purge-by-hooks; ``plugin``, the same, purged by rtCamp's Nginx Helper, with its
own defaults, when its folder is given. Before each change every cache holds every page it may hold, as it is; when the
change is answered (0.3 s later where nobody waits), what each cache answers by itself is compared with fresh renders.
The site is deleted at the end.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.peer_fronts import FastcgiCache, folder_of, fronts
from bench.quiet import quietly
from tests.functional.newspaper import Newspaper
from tests.truth.content import furnished
from tests.truth.stages import STAGES, Stage
from tests.truth.truth import Finding, Kind, try_beside

from pressroom.model.errors import CommandFailed
from pressroom.operations import sites
from pressroom.operations.node import Node, open_node

_TTL = 600  # seconds
_HOOKS = Path(__file__).parent / "purge-by-hooks"
_DOMAIN = "peers.localhost"
# Where both purging plugins find their cache's files. Nginx Helper 2.3.5 calls is_plugin_active(), which WordPress
# before 6.5 does not load for visitors.
_CONSTANTS = (
    "<?php define( 'PURGE_BY_HOOKS_CACHE', '{hooks}' ); define( 'RT_WP_NGINX_HELPER_CACHE_PATH', '{plugin}' );"
    " require_once ABSPATH . 'wp-admin/includes/plugin.php';"
)
# Its own defaults, with purging switched on.
_NGINX_HELPER = (
    "global $nginx_helper_admin; $o = $nginx_helper_admin->nginx_helper_default_settings();"
    "$o['enable_purge'] = 1; $o['purge_method'] = 'unlink_files'; update_site_option('rt_wp_nginx_helper_options', $o);"
)


@contextmanager
def site(node: Node, stage: Stage, plugin: Path | None) -> Iterator[Newspaper]:
    """The truth test's site with the purging plugins; deleted at the end."""
    node.engine.stop("cron")  # WordPress's own events would be counted with the change
    try:
        with furnished(node, _DOMAIN, stage) as paper:
            # The test plugin's line at the foot of each page names all articles: on no site of people's is that so.
            paper.php("update_option('pressroom_test_foot', 'off');")
            add_plugins(paper, plugin)
            yield paper
    finally:
        node.engine.start("cron")
        sites.delete(node, _DOMAIN)


def add_plugins(paper: Newspaper, plugin: Path | None) -> None:
    folder = paper.place.content / "mu-plugins"
    folder.mkdir(exist_ok=True)
    constants = _CONSTANTS.format(hooks=folder_of(paper, "hooks"), plugin=folder_of(paper, "plugin"))
    (folder / "peers.php").write_text(constants)
    for extension in filter(None, (_HOOKS, plugin)):
        sites.install_extension(paper.node, paper.site, extension, "plugins")
        paper.php(f"is_null(activate_plugin('{extension.name}/{extension.name}.php')) || exit(1);")
    if plugin:
        paper.php(_NGINX_HELPER)


def compare(
    paper: Newspaper, kinds: Mapping[str, Sequence[Kind]], caches: list[FastcgiCache], minutes: float
) -> list[dict[str, Any]]:
    """A row for each kind and cache; after that many minutes no further kind is begun."""
    until = time.monotonic() + minutes * 60
    names = ["pressroom", *(cache.name for cache in caches)]
    rows = []
    for group, members in kinds.items():
        for kind in members:
            if time.monotonic() > until:
                break
            try:
                findings = try_beside(paper, kind, caches)
            except (CommandFailed, AssertionError, IndexError) as error:
                print(f"{kind.name}: not made: {str(error)[-200:]}")
                continue
            new = [row(group, name, finding) for name, finding in zip(names, findings, strict=True)]
            print(
                f"{kind.name:44} " + "  ".join(f"{one['cache']} {one['stale']}/{one['needless']}" for one in new),
                flush=True,
            )
            rows += new
    return rows


def row(group: str, cache: str, finding: Finding) -> dict[str, Any]:
    """``changed``: held pages that a fresh render shows to be others; those that stayed in the cache are ``stale``."""
    stale, needless = len(finding.stale), len(finding.needless)
    return {
        "group": group, "kind": finding.kind, "cache": cache, "held": finding.stored, "taken": finding.taken,
        "stale": stale, "needless": needless, "changed": stale + finding.taken - needless,
        "stale_pages": [text.splitlines()[0] for text in finding.stale],
    }  # fmt: skip


def table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """By cache: all kinds, then each group. Stale pages as a share of the changed ones, needless of all held."""
    yield "cache      group      kinds   held changed          stale kinds stale      needless"
    for cache in dict.fromkeys(row["cache"] for row in rows):
        for group in ["all", *dict.fromkeys(row["group"] for row in rows)]:
            mine = [row for row in rows if row["cache"] == cache and group in ("all", row["group"])]
            held, changed, stale, needless = (
                sum(row[name] for row in mine) for name in ("held", "changed", "stale", "needless")
            )
            yield (
                f"{cache:10} {group:10} {len(mine):5} {held:6} {changed:7} {stale:6} {stale / max(1, changed):7.1%}"
                f" {sum(row['stale'] > 0 for row in mine):11} {needless:5} {needless / max(1, held):7.1%}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("var"))
    parser.add_argument("--stage", choices=list(STAGES), default="classic")
    parser.add_argument("--plugin", type=Path, help="the folder of Nginx Helper, kept outside of this repository")
    parser.add_argument("--port", type=int, default=8281, help="the first of three")
    parser.add_argument("--first", type=int, help="this many kinds of each group")
    parser.add_argument("--minutes", type=float, default=120.0, help="begin no further kind after this time")
    parser.add_argument("--json", type=Path, help="a file for all rows")
    arguments = parser.parse_args()
    quietly()
    stage = STAGES[arguments.stage]
    kinds = {
        group: [kind for kind in members if not kind.themes or stage.theme in kind.themes][: arguments.first]
        for group, members in stage.groups.items()
    }
    node = open_node(arguments.root)
    names = ["ttl", "hooks", *(["plugin"] if arguments.plugin else [])]
    with (
        node.changing("bench peers"),
        site(node, stage, arguments.plugin) as paper,
        fronts(paper, names, arguments.port, _TTL) as caches,
    ):
        rows = compare(paper, kinds, caches, arguments.minutes)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()

"""The truth test on a classic and a block theme: in short in `make test`, as a whole in `make test-freshness`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pressroom.model.errors import CommandFailed
from pressroom.operations import sites
from pressroom.operations.node import Node
from tests.functional.conftest import PLUGIN
from tests.functional.newspaper import Newspaper
from tests.truth.kinds import ALL, SHORT
from tests.truth.truth import Finding, Kind, try_out

# Needless: pages that went though they stayed the same, as a share of all that were stored.
MOST_NEEDLESS = 0.25

_CONTENT = """
require_once ABSPATH . 'wp-admin/includes/plugin.php';
foreach (['Town', 'Country', 'Sea'] as $name) { wp_insert_term($name, 'category'); }
wp_create_user('second', 'x', 'second@example.org');
get_user_by('login', 'second')->set_role('author');
for ($i = 1; $i <= 12; $i++) {
    $category = get_term_by('slug', ['town', 'country', 'sea'][$i % 3], 'category')->term_id;
    $id = get_page_by_path("article-$i", OBJECT, 'post')->ID;
    wp_set_post_categories($id, [$category]);
    wp_set_post_tags($id, $i % 2 ? 'odd' : 'even');
    wp_update_post(['ID' => $id, 'post_author' => $i % 4 ? 1 : 2]);
    if ($i % 3 === 0) {
        wp_insert_comment(['comment_post_ID' => $id, 'comment_content' => "Comment $i", 'comment_author' => 'A reader',
            'comment_author_email' => 'reader@example.org',
            'comment_approved' => 1, 'comment_date' => sprintf('2026-02-%02d 10:00:00', $i)]);
    }
}
wp_insert_post(['post_type' => 'page', 'post_title' => 'About', 'post_status' => 'publish']);
"""


THEMES = ("twentytwentyone", "twentytwentytwo")  # a classic one, and one of blocks


@pytest.fixture(scope="module")
def site(node: Node, request: pytest.FixtureRequest) -> Iterator[Newspaper]:
    domain = f"{request.param}.localhost"
    new = sites.NewSite.check(
        domain, title="Truth", admin_email=f"editor@{domain}", admin_user="editor", aliases=[], wordpress="debian"
    )
    made = sites.create(node, new)
    sites.install_extension(node, made, PLUGIN, "plugins")
    with Newspaper(node, made) as paper:
        paper.prepare()
        paper.php(_CONTENT)
        paper.php(f"switch_theme('{request.param}');")
        paper.warm()
        node.engine.stop("cron")  # WordPress's own events would be counted with the change
        yield paper
        node.engine.start("cron")
    sites.delete(node, domain)


def _run(paper: Newspaper, kinds: list[Kind]) -> list[Finding]:
    findings, failed = [], []
    for kind in kinds:
        try:
            findings.append(try_out(paper, kind))
        except (CommandFailed, AssertionError, IndexError) as error:
            failed.append(f"{kind.name}: {str(error)[-300:]}")
            continue
        print(f"\n{findings[-1]}", end="")
    stored, needless = sum(f.stored for f in findings), sum(len(f.needless) for f in findings)
    print(f"\n{stored} comparisons, {needless} needless ({needless / stored:.1%})", end="")
    assert failed == []
    assert [(f.kind, f.stale) for f in findings if f.stale] == []
    assert needless <= MOST_NEEDLESS * stored
    return findings


@pytest.mark.parametrize("site", THEMES[:1], indirect=True)
def test_the_truth_in_short(site: Newspaper) -> None:
    _run(site, [kind for kind in ALL if kind.name in SHORT])


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("site", THEMES, indirect=True)
def test_the_whole_truth(site: Newspaper) -> None:
    _run(site, ALL)

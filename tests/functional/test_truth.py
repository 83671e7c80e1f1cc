"""The truth test on a classic and a block theme: in short in `make test`, as a whole in `make test-freshness`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pressroom.model.errors import CommandFailed
from pressroom.operations import sites
from pressroom.operations.node import Node
from tests.functional.conftest import PLUGIN
from tests.functional.newspaper import Newspaper
from tests.truth import figures
from tests.truth.kinds import GROUPS, SHORT
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
wp_insert_post(['post_type' => 'page', 'post_title' => 'By option', 'post_status' => 'publish',
    'post_content' => '[pressroom_option name="pressroom_shown"] [pressroom_post slug="article-6"]']);
foreach (['test rows="1,4"', 'keyless', 'child', 'big rows="1,77777"'] as $table) {
    wp_insert_post(['post_type' => 'page', 'post_title' => 'By ' . strtok($table, ' '), 'post_status' => 'publish',
        'post_content' => "[pressroom_table name=$table]"]);
}
$picture = wp_upload_bits('picture.png', null, base64_decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ'
    . 'AAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='));
wp_insert_attachment(['post_title' => 'Picture', 'post_mime_type' => 'image/png',
    'post_name' => 'picture'], $picture['file']);
"""
# Tables of a plugin: with a foreign key, without any key, and with many rows.
_TABLES = """
CREATE TABLE wp_pressroom_parent (id INT PRIMARY KEY);
CREATE TABLE wp_pressroom_child (id INT PRIMARY KEY, parent INT, word VARCHAR(50),
    FOREIGN KEY (parent) REFERENCES wp_pressroom_parent (id) ON DELETE CASCADE ON UPDATE CASCADE);
INSERT INTO wp_pressroom_parent VALUES (1), (2);
INSERT INTO wp_pressroom_child VALUES (1, 1, 'first child'), (2, 2, 'second child');
CREATE TABLE wp_pressroom_keyless (id INT, word VARCHAR(50));
INSERT INTO wp_pressroom_keyless VALUES (1, 'twin'), (1, 'twin'), (2, 'single');
CREATE TABLE wp_pressroom_big (id INT PRIMARY KEY, word VARCHAR(50));
INSERT INTO wp_pressroom_big SELECT seq, CONCAT('old', seq) FROM seq_1_to_100000;
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
        paper.sql(_TABLES)
        paper.php(f"switch_theme('{request.param}');")
        paper.warm()
        node.engine.stop("cron")  # WordPress's own events would be counted with the change
        yield paper
        node.engine.start("cron")
    sites.delete(node, domain)


def _run(paper: Newspaper, theme: str, groups: dict[str, list[Kind]]) -> None:
    found: dict[str, list[Finding]] = {}
    failed = []
    for group, kinds in groups.items():
        found[group] = []
        for kind in kinds:
            if kind.themes and theme not in kind.themes:
                continue
            try:
                found[group].append(try_out(paper, kind))
            except (CommandFailed, AssertionError, IndexError) as error:
                failed.append(f"{kind.name}: {str(error)[-300:]}")
                continue
            print(f"\n{found[group][-1]}", end="")
    figures.report(theme, found)
    findings = [finding for group in found.values() for finding in group]
    assert failed == []
    assert [(finding.kind, finding.stale) for finding in findings if finding.stale] == []
    stored, needless = sum(f.stored for f in findings), sum(len(f.needless) for f in findings)
    assert needless <= MOST_NEEDLESS * stored


@pytest.mark.parametrize("site", THEMES[:1], indirect=True)
def test_the_truth_in_short(site: Newspaper) -> None:
    _run(site, THEMES[0], {name: [kind for kind in kinds if kind.name in SHORT] for name, kinds in GROUPS.items()})


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("site", "theme"), [(theme, theme) for theme in THEMES], indirect=["site"])
def test_the_whole_truth(site: Newspaper, theme: str) -> None:
    _run(site, theme, GROUPS)

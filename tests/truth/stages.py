"""The sites that the truth test is played on: what lies in each, and which kinds of change are made there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.functional.newspaper import Newspaper
from tests.truth.kinds import GROUPS
from tests.truth.kinds_magazine import EVENTS, LANGUAGES, RELATED
from tests.truth.kinds_network import NETWORK
from tests.truth.kinds_shop import SHOP
from tests.truth.truth import Kind

CONTENT = """
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
TABLES = """
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
_SHOP = """
$page = function ($title, $content) { wp_insert_post(['post_type' => 'page', 'post_title' => $title,
    'post_status' => 'publish', 'post_content' => $content]); };
foreach (['furniture', 'clothes'] as $kind) { wp_insert_term($kind, 'product_cat'); }
foreach (['red', 'blue'] as $colour) { wp_insert_term($colour, 'pa_colour'); }
foreach (['Chair' => 50, 'Table' => 90, 'Lamp' => 30, 'Vase' => 200, 'Mug' => 5, 'Shirt' => 20] as $name => $price) {
    $id = shop_add($name, ['regular_price' => $price, 'sale_price' => $name === 'Lamp' ? 25 : '',
        'stock' => $name === 'Table' ? 3 : '']);
    wp_set_object_terms($id, $price < 10 || $name === 'Shirt' ? 'clothes' : 'furniture', 'product_cat');
    wp_set_object_terms($id, $price % 20 ? 'red' : 'blue', 'pa_colour');
}
foreach (['S' => 20, 'M' => 22] as $size => $price) {
    shop_add("Shirt $size", ['regular_price' => $price, 'sale_price' => '', 'stock' => 5], shop_find('Shirt'));
}
shop_coupon('winter', '10 off');
foreach (['price', 'rating', 'sales'] as $by) { $page("By $by", "[shop_list by=$by]"); }
foreach (['on_sale', 'filter', 'coupons'] as $list) { $page("Shop $list", "[shop_$list]"); }
"""
_MAGAZINE = """
foreach (['en' => 'English', 'de' => 'Deutsch'] as $slug => $name) {
    wp_insert_term($name, 'language', ['slug' => $slug]);
    $page("In $name", "[magazine_in language=$slug]");
}
$article = function ($number) { return get_page_by_path("article-$number", OBJECT, 'post')->ID; };
magazine_translate(['en' => $article(1), 'de' => $article(2)]);
magazine_event('Concert', 3 * 86400); magazine_event('Fair', 10 * 86400); magazine_event('Parade', -3 * 86400);
$page('Today', '[magazine_events from=today]'); $page('Now', '[magazine_events from=now]');
flush_rewrite_rules(false);
"""
_ON = """
require_once ABSPATH . 'wp-admin/includes/plugin.php';
foreach (['shop', 'magazine'] as $name) { activate_plugin("pressroom-$name/pressroom-$name.php"); }
"""
_INSTALL_NETWORK = """
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
foreach ($GLOBALS['wpdb']->tables('ms_global') as $table => $name) { $GLOBALS['wpdb']->$table = $name; }
install_network();
populate_network(1, wp_parse_url(home_url(), PHP_URL_HOST) . ':' . wp_parse_url(home_url(), PHP_URL_PORT),
    'editor@network.localhost', 'The network', '/', false);
"""
_NETWORK = """
require_once ABSPATH . 'wp-admin/includes/plugin.php';
activate_plugin('pressroom-network/pressroom-network.php', '', true);
update_network_option(null, 'pressroom_network', 'one');
wp_insert_site(['domain' => get_network()->domain, 'path' => '/second/', 'title' => 'Second blog', 'user_id' => 1,
    'network_id' => 1]);
// With the test's port, which WordPress takes out of a blog's domain.
$GLOBALS['wpdb']->update($GLOBALS['wpdb']->blogs, ['domain' => get_network()->domain], ['blog_id' => 2]);
foreach (['siteurl', 'home'] as $name) { update_blog_option(2, $name, home_url('/second')); }
foreach (['[network_option name="pressroom_network"]', '[network_post blog="2" slug="second-one"]', '[network_blogs]',
    '[network_admins]'] as $code) {
    wp_insert_post(['post_type' => 'page', 'post_status' => 'publish', 'post_title' => strtok($code, '[ ]'),
        'post_content' => $code]);
}
switch_to_blog(2);
switch_theme('twentytwentyone');
$GLOBALS['wp_rewrite']->init();
$GLOBALS['wp_rewrite']->set_permalink_structure('/%postname%/');
foreach (['One' => '2026-02-01', 'Two' => '2026-02-02'] as $number => $day) {
    wp_insert_post(['post_title' => "Second $number", 'post_content' => 'Text.', 'post_status' => 'publish',
        'post_date' => "$day 10:00:00"]);
}
wp_insert_post(['post_type' => 'page', 'post_title' => 'Of the network', 'post_status' => 'publish',
    'post_content' => '[network_option name="pressroom_network"] [network_post blog="1" slug="article-5"]']);
restore_current_blog();
"""


@dataclass(frozen=True)
class Stage:
    """A site with this theme and these plugins of ours; ``prepare`` puts more into it than the common content."""

    theme: str
    groups: Mapping[str, Sequence[Kind]]
    extensions: tuple[str, ...] = ()
    prepare: Callable[[Newspaper], object] = lambda paper: None


def _prepare_plugins(paper: Newspaper) -> None:
    paper.php(_ON)
    paper.php(_SHOP + _MAGAZINE)


def _prepare_network(paper: Newspaper) -> None:
    """WordPress's own way: its tables, then the constants that the network's owner puts into a file."""
    paper.php(_INSTALL_NETWORK)
    constants = {
        "MULTISITE": "true", "SUBDOMAIN_INSTALL": "false", "DOMAIN_CURRENT_SITE": f"'{paper.host}'",
        "PATH_CURRENT_SITE": "'/'", "SITE_ID_CURRENT_SITE": "1", "BLOG_ID_CURRENT_SITE": "1",
    }  # fmt: skip
    lines = [f"define( '{name}', {value} );" for name, value in constants.items()]
    (paper.place.content / "constants.php").write_text("<?php\n" + "\n".join(lines) + "\n")
    paper.php(_NETWORK)
    paper.log_in()  # the cookies of a network have other names


STAGES = {
    "classic": Stage("twentytwentyone", GROUPS),
    "blocks": Stage("twentytwentytwo", GROUPS),
    "plugins": Stage(
        "twentytwentyone",
        {"shop": SHOP, "related": RELATED, "languages": LANGUAGES, "events": EVENTS},
        ("pressroom-shop", "pressroom-magazine"),
        _prepare_plugins,
    ),
    "network": Stage(
        "twentytwentyone", {"network": NETWORK}, ("pressroom-network", "pressroom-magazine"), _prepare_network
    ),
}

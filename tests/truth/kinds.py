"""The kinds of change, each by an interface that people use: wp-admin and REST, PHP (as WP-Cron and plugins), SQL."""

from __future__ import annotations

from collections.abc import Callable

from tests.functional.newspaper import Newspaper
from tests.truth.truth import Kind

# An article's number by its name, in SQL.
_ARTICLE = "(SELECT ID FROM (SELECT ID FROM wp_posts WHERE post_name='article-{}' LIMIT 1) AS x)"


def _php(code: str) -> Callable[[Newspaper], object]:
    return lambda paper: paper.php(code)


def _sql(statement: str) -> Callable[[Newspaper], object]:
    return lambda paper: paper.sql(statement)


def _edit(paper: Newspaper, name: str, **fields: object) -> None:
    number = paper.rest("GET", f"posts?slug={name}")[0]["id"]
    paper.rest("POST", f"posts/{number}", **fields)


def _post(name: str) -> str:
    return f"get_page_by_path('{name}', OBJECT, 'post')->ID"


def _rest(method: str, path: str, **fields: object) -> Callable[[Newspaper], object]:
    return lambda paper: paper.rest(method, path, **fields)


def _comment(paper: Newspaper) -> None:
    number = paper.rest("GET", "posts?slug=article-5")[0]["id"]
    with paper.client() as reader:
        reader.post(
            "/wp-comments-post.php",
            data={"comment": "By form", "author": "R", "email": "r@example.org", "comment_post_ID": number},
        )


def _file(path: str, text: str) -> Callable[[Newspaper], object]:
    return lambda paper: (paper.place.content / path).write_text(text)


POSTS = [
    Kind("publish by REST", _rest("POST", "posts", title="New one", content="n", status="publish", date="2026-03-01T10:00:00")),
    Kind("edit the text by REST", lambda paper: _edit(paper, "article-3", content="Another text.")),
    Kind("edit the title by REST", lambda paper: _edit(paper, "article-3", title="Another title")),
    Kind("edit with nothing changed", lambda paper: _edit(paper, "article-4")),
    Kind("draft by REST", _rest("POST", "posts", title="A draft", content="d", status="draft")),
    Kind("publish the draft", _php("$d = get_posts(['post_status' => 'draft'])[0]; wp_publish_post($d->ID);")),
    Kind("autosave", _php(f"require_once ABSPATH . 'wp-admin/includes/post.php'; wp_create_post_autosave(['post_ID' => {_post('article-4')}, 'post_type' => 'post',"
                          " 'post_content' => 'auto', 'post_title' => 'auto', 'post_excerpt' => '']);")),
    Kind("edit lock", _php(f"require_once ABSPATH . 'wp-admin/includes/post.php'; wp_set_post_lock({_post('article-4')});")),
    Kind("sticky", _php(f"stick_post({_post('article-9')});")),
    Kind("not sticky", _php(f"unstick_post({_post('article-9')});")),
    Kind("password", _php(f"wp_update_post(['ID' => {_post('article-10')}, 'post_password' => 'x']);")),
    Kind("no password", _php(f"wp_update_post(['ID' => {_post('article-10')}, 'post_password' => '']);")),
    Kind("slug", _php(f"wp_update_post(['ID' => {_post('article-11')}, 'post_name' => 'article-eleven']);")),
    Kind("date", _php(f"wp_update_post(['ID' => {_post('article-8')}, 'post_date' => '2026-02-02 10:00:00', 'edit_date' => true]);")),
    Kind("author", _php(f"wp_update_post(['ID' => {_post('article-7')}, 'post_author' => 2]);")),
    Kind("trash", _php(f"wp_trash_post({_post('article-12')});")),
    Kind("restore", _php("wp_untrash_post(get_posts(['post_status' => 'trash'])[0]->ID);")),
    Kind("schedule", _php("wp_insert_post(['post_title' => 'Later', 'post_status' => 'future', 'post_date' => '2027-01-01 10:00:00']);")),
    Kind("scheduled post comes due", _php("$f = get_posts(['post_status' => 'future'])[0]; wp_publish_post($f->ID);")),
    Kind("delete for good", _php("wp_delete_post(get_page_by_path('new-one', OBJECT, 'post')->ID, true);")),
    Kind("a page", _php("wp_insert_post(['post_type' => 'page', 'post_title' => 'Imprint', 'post_status' => 'publish']);")),
    Kind("a page below a page", _php("$p = get_page_by_path('imprint'); wp_insert_post(['post_type' => 'page', 'post_title' => 'Inner',"
                                    " 'post_status' => 'publish', 'post_parent' => $p->ID]);")),
    Kind("excerpt", _php(f"wp_update_post(['ID' => {_post('article-6')}, 'post_excerpt' => 'In short.']);")),
    Kind("custom field", _php(f"update_post_meta({_post('article-6')}, 'mood', 'good');")),
    Kind("view counter", _php(f"update_post_meta({_post('article-6')}, 'views', 5);")),
]  # fmt: skip

COMMENTS = [
    Kind("comment by form", _comment),
    Kind("comment held for moderation", _php(f"wp_insert_comment(['comment_post_ID' => {_post('article-2')}, 'comment_content' => 'held',"
                                             " 'comment_approved' => 0, 'comment_author' => 'H', 'comment_author_email' => 'h@example.org']);")),
    Kind("approve it", _php("$c = get_comments(['status' => 'hold'])[0]; wp_set_comment_status($c->comment_ID, 'approve');")),
    Kind("edit a comment", _php("$c = get_comments(['number' => 1])[0];"
                                " wp_update_comment(['comment_ID' => $c->comment_ID, 'comment_content' => 'edited']);")),
    Kind("spam a comment", _php("$c = get_comments(['number' => 1])[0]; wp_spam_comment($c->comment_ID);")),
    Kind("comments closed", _php(f"wp_update_post(['ID' => {_post('article-2')}, 'comment_status' => 'closed']);")),
]  # fmt: skip

TERMS = [
    Kind("new category", _php("wp_insert_term('Weather', 'category');")),
    Kind("rename a category", _php("wp_update_term(get_term_by('slug', 'town', 'category')->term_id, 'category', ['name' => 'City']);")),
    Kind("describe a category", _php("wp_update_term(get_term_by('slug', 'town', 'category')->term_id, 'category', ['description' => 'd']);")),
    Kind("put an article into it", _php(f"wp_set_post_categories({_post('article-6')}, [get_term_by('slug', 'town', 'category')->term_id], true);")),
    Kind("tag an article", _php(f"wp_set_post_tags({_post('article-6')}, 'fresh', true);")),
    Kind("delete a tag", _php("wp_delete_term(get_term_by('name', 'fresh', 'post_tag')->term_id, 'post_tag');")),
    Kind("re-parent a category", _php("wp_update_term(get_term_by('slug', 'weather', 'category')->term_id, 'category',"
                                      " ['parent' => get_term_by('slug', 'town', 'category')->term_id]);")),
]  # fmt: skip

SITE = [
    Kind("title", _php("update_option('blogname', 'Another Paper');")),
    Kind("tagline", _rest("POST", "settings", description="Another line")),
    Kind("date format", _php("update_option('date_format', 'Y-m-d');")),
    Kind("posts per page", _php("update_option('posts_per_page', 5);")),
    Kind("posts per feed", _php("update_option('posts_per_rss', 3);")),
    Kind("timezone", _php("update_option('timezone_string', 'Europe/Berlin');")),
    Kind("an option of a plugin, autoloaded", _php("update_option('some_plugin', ['a' => 1]);")),
    Kind("an option of a plugin, not autoloaded", _php("update_option('other_plugin', ['a' => 1], false);")),
    Kind("a transient", _php("set_transient('some_transient', 'x', 60);")),
    Kind("the test plugin's option", _php("update_option('pressroom_test_option', 'truth');")),
    Kind("a cron event", _php("wp_schedule_single_event(time() + 86400, 'nothing');")),
    Kind("front page is a page", _php("update_option('page_on_front', get_page_by_path('imprint')->ID); update_option('show_on_front', 'page');")),
    Kind("front page is the list again", _php("update_option('show_on_front', 'posts');")),
    Kind("menu renamed", _php("wp_update_nav_menu_object(wp_get_nav_menus()[0]->term_id, ['menu-name' => 'Renamed']);")),
    Kind("menu item added", _php("wp_update_nav_menu_item(wp_get_nav_menus()[0]->term_id, 0, ['menu-item-title' => 'Link',"
                                " 'menu-item-url' => 'http://example.org/', 'menu-item-status' => 'publish']);")),
    Kind("widget changed", _php("$w = get_option('widget_block'); $w[99] = ['content' => '<p>Widget</p>']; update_option('widget_block', $w);"
                                " $s = wp_get_sidebars_widgets(); $s['sidebar-1'][] = 'block-99'; wp_set_sidebars_widgets($s);")),
    Kind("custom css", _php("wp_update_custom_css_post('body { margin: 1px; }');")),
    Kind("theme mod", _php("set_theme_mod('background_color', 'ff0000');")),
    Kind("site icon", _php("update_option('site_icon', 0);")),
]  # fmt: skip

PEOPLE = [
    Kind("display name", _php("wp_update_user(['ID' => 2, 'display_name' => 'Somebody Else']);")),
    Kind("biography", _php("update_user_meta(2, 'description', 'About me.');")),
    Kind("session", _php("WP_Session_Tokens::get_instance(1)->create(time() + 3600);")),
    Kind("new user", _php("wp_create_user('fourth', 'x', 'fourth@example.org');")),
    Kind("role", _php("get_user_by('id', 2)->set_role('editor');")),
]  # fmt: skip

SQL = [
    Kind("SQL: title", _sql("UPDATE wp_posts SET post_title='By SQL' WHERE post_name='article-5'"), waits=False),
    Kind("SQL: all titles", _sql("UPDATE wp_posts SET post_title=CONCAT(post_title, '.') WHERE post_type='post'"), waits=False),
    Kind("SQL: plugin's table", _sql("UPDATE wp_pressroom_test SET word='truth' WHERE id=1"), waits=False),
    Kind("SQL: plugin's table, another row", _sql("UPDATE wp_pressroom_test SET views=views+1 WHERE id=2"), waits=False),
    Kind("SQL: rolled back", _sql("START TRANSACTION; UPDATE wp_posts SET post_title='never'; ROLLBACK"), waits=False),
    Kind("SQL: savepoint", _sql("START TRANSACTION; SAVEPOINT a; UPDATE wp_posts SET post_title='never'; ROLLBACK TO a;"
                               " UPDATE wp_posts SET post_excerpt='savepoint' WHERE post_name='article-7'; COMMIT"), waits=False),
    Kind("SQL: REPLACE", _sql("REPLACE INTO wp_pressroom_test (id, word) VALUES (1, 'replaced')"), waits=False),
    Kind("SQL: ON DUPLICATE KEY", _sql("INSERT INTO wp_options (option_name, option_value) VALUES ('blogname', 'Dup')"
                                       " ON DUPLICATE KEY UPDATE option_value='Dup'"), waits=False),
    Kind("SQL: two tables", _sql("UPDATE wp_posts p JOIN wp_pressroom_test t ON t.id=1 SET p.post_excerpt='two', t.word='two'"
                                 " WHERE p.post_name='article-1'"), waits=False),
    Kind("SQL: ALTER", _sql("ALTER TABLE wp_pressroom_test ADD COLUMN more int DEFAULT 1"), waits=False),
    Kind("SQL: trigger", _sql("CREATE TRIGGER pt AFTER UPDATE ON wp_pressroom_test FOR EACH ROW UPDATE wp_options SET"
                              " option_value=CONCAT('t', option_value) WHERE option_name='blogdescription';"
                              " UPDATE wp_pressroom_test SET word='pulled' WHERE id=1; DROP TRIGGER pt"), waits=False),
    Kind("SQL: TRUNCATE", _sql("TRUNCATE wp_comments"), waits=False),
]  # fmt: skip

FILES = [
    Kind("plugin's file", _file("plugins/pressroom-test/word.php", "<?php return 'by file';"), waits=False),
    Kind("plugin off and on", _php("require ABSPATH . 'wp-admin/includes/plugin.php'; deactivate_plugins('pressroom-test/pressroom-test.php');"
                                   " activate_plugin('pressroom-test/pressroom-test.php');")),
]  # fmt: skip

ALL = [*POSTS, *COMMENTS, *TERMS, *SITE, *PEOPLE, *FILES, *SQL]
SHORT = {
    "publish by REST", "edit the title by REST", "edit lock", "trash", "comment by form", "rename a category", "tagline",
    "menu renamed", "session", "SQL: title",
}  # fmt: skip

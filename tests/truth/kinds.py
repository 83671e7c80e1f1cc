"""The kinds of change, each by the way that people make it: wp-admin, REST, a shell, WP-Cron, SQL."""

from __future__ import annotations

from tests.functional import forms
from tests.functional.newspaper import Newspaper
from tests.truth.kinds_look import BLOCKS, LOOK, MEDIA
from tests.truth.kinds_sql import SQL
from tests.truth.truth import Kind
from tests.truth.ways import editor, event, file, number_of, post, rest, shell


def _edit(paper: Newspaper, slug: str, **fields: object) -> None:
    paper.rest("POST", f"posts/{number_of(paper, slug)}", **fields)


def _comment(paper: Newspaper, **fields: str) -> None:
    number = str(number_of(paper, "article-5"))
    data = {"comment": "By form", "author": "R", "email": "r@example.org", "comment_post_ID": number, **fields}
    with paper.client() as reader:
        assert reader.post("/wp-comments-post.php", data=data).status_code == 302


def _reply(paper: Newspaper) -> None:
    """To the first comment there is, so that it is nested."""
    first = paper.rest("GET", "comments?order=asc&per_page=1")[0]
    data = {"comment": "A reply", "email": "other@example.org", "comment_parent": str(first["id"])}
    _comment(paper, **data, comment_post_ID=str(first["post"]))


_PLUGIN = "pressroom-test/pressroom-test.php"

POSTS = [
    Kind("publish by REST", rest("POST", "posts", title="New one", content="n", status="publish", date="2026-03-01T10:00:00")),
    Kind("edit the text by REST", lambda paper: _edit(paper, "article-3", content="Another text.")),
    Kind("edit the title by REST", lambda paper: _edit(paper, "article-3", title="Another title")),
    Kind("edit with nothing changed", lambda paper: _edit(paper, "article-4")),
    Kind("draft by REST", rest("POST", "posts", title="A draft", content="d", status="draft")),
    Kind("publish the draft", editor("$d = get_posts(['post_status' => 'draft'])[0]; wp_publish_post($d->ID);")),
    Kind("autosave", editor(f"require_once ABSPATH . 'wp-admin/includes/post.php'; wp_create_post_autosave(['post_ID' => {post('article-4')}, 'post_type' => 'post',"
                          " 'post_content' => 'auto', 'post_title' => 'auto', 'post_excerpt' => '']);")),
    Kind("edit lock", editor(f"require_once ABSPATH . 'wp-admin/includes/post.php'; wp_set_post_lock({post('article-4')});")),
    Kind("sticky", editor(f"stick_post({post('article-9')});")),
    Kind("not sticky", editor(f"unstick_post({post('article-9')});")),
    Kind("password", editor(f"wp_update_post(['ID' => {post('article-10')}, 'post_password' => 'x']);")),
    Kind("no password", editor(f"wp_update_post(['ID' => {post('article-10')}, 'post_password' => '']);")),
    Kind("slug", editor(f"wp_update_post(['ID' => {post('article-11')}, 'post_name' => 'article-eleven']);")),
    Kind("date", editor(f"wp_update_post(['ID' => {post('article-8')}, 'post_date' => '2026-02-02 10:00:00', 'edit_date' => true]);")),
    Kind("author", editor(f"wp_update_post(['ID' => {post('article-7')}, 'post_author' => 2]);")),
    Kind("trash", editor(f"wp_trash_post({post('article-12')});")),
    Kind("restore", editor("wp_untrash_post(get_posts(['post_status' => 'trash'])[0]->ID);")),
    Kind("schedule", editor("wp_insert_post(['post_title' => 'Later', 'post_status' => 'future', 'post_date' => '2027-01-01 10:00:00']);")),
    Kind("scheduled post comes due", event("$f = get_posts(['post_status' => 'future'])[0]; wp_publish_post($f->ID);"), waits=False),
    Kind("delete for good", editor("wp_delete_post(get_page_by_path('new-one', OBJECT, 'post')->ID, true);")),
    Kind("a page", editor("wp_insert_post(['post_type' => 'page', 'post_title' => 'Imprint', 'post_status' => 'publish']);")),
    Kind("a page below a page", editor("$p = get_page_by_path('imprint'); wp_insert_post(['post_type' => 'page', 'post_title' => 'Inner',"
                                    " 'post_status' => 'publish', 'post_parent' => $p->ID]);")),
    Kind("excerpt", editor(f"wp_update_post(['ID' => {post('article-6')}, 'post_excerpt' => 'In short.']);")),
    Kind("custom field", editor(f"update_post_meta({post('article-6')}, 'mood', 'good');")),
    Kind("view counter", shell(f"update_post_meta({post('article-6')}, 'views', 5);")),
    Kind("edit an old article", lambda paper: _edit(paper, "article-1", title="An old one", content="Read me.")),
    Kind("edit the newest article's text", lambda paper: _edit(paper, "article-12", content="The newest text.")),
    Kind("quick edit", lambda paper: forms.quick_edit(paper, number_of(paper, "article-3"), post_title="Edited quickly", post_name="article-3")),
    Kind("bulk edit", lambda paper: forms.bulk_edit(paper, [number_of(paper, f"article-{number}") for number in (2, 3, 4)], tax_input="", post_author="2")),
    Kind("revision restored", editor(f"$r = wp_get_post_revisions({post('article-1')}); wp_restore_post_revision(end($r)->ID);")),
    Kind("revision deleted", editor(f"$r = wp_get_post_revisions({post('article-1')}); wp_delete_post_revision(end($r)->ID);")),
    Kind("private", editor(f"wp_update_post(['ID' => {post('article-2')}, 'post_status' => 'private']);")),
    Kind("pending review", editor(f"wp_update_post(['ID' => {post('article-2')}, 'post_status' => 'pending', 'post_name' => 'article-2']);")),
    Kind("published after review", editor("wp_publish_post(get_posts(['post_status' => 'pending'])[0]->ID);")),
    Kind("post format", editor(f"set_post_format({post('article-2')}, 'aside');")),
    Kind("a page's text", editor("wp_update_post(['ID' => get_page_by_path('about')->ID, 'post_content' => 'About us.']);")),
    Kind("a page's order", editor("wp_update_post(['ID' => get_page_by_path('about')->ID, 'menu_order' => 5]);")),
    Kind("bulk: two articles into the trash and back", editor(f"foreach ([{post('article-3')}, {post('article-4')}] as $id) {{ wp_trash_post($id); wp_untrash_post($id); wp_publish_post($id); }}")),
]  # fmt: skip

COMMENTS = [
    Kind("comment by form", _comment),
    Kind("comment held for moderation", shell(f"wp_insert_comment(['comment_post_ID' => {post('article-2')}, 'comment_content' => 'held',"
                                             " 'comment_approved' => 0, 'comment_author' => 'H', 'comment_author_email' => 'h@example.org']);")),
    Kind("approve it", editor("$c = get_comments(['status' => 'hold'])[0]; wp_set_comment_status($c->comment_ID, 'approve');")),
    Kind("edit a comment", editor("$c = get_comments(['number' => 1])[0];"
                                " wp_update_comment(['comment_ID' => $c->comment_ID, 'comment_content' => 'edited']);")),
    Kind("spam a comment", editor("$c = get_comments(['number' => 1])[0]; wp_spam_comment($c->comment_ID);")),
    Kind("comments closed", editor(f"wp_update_post(['ID' => {post('article-2')}, 'comment_status' => 'closed']);")),
    Kind("comment reply", _reply),
    Kind("comments on pages of two", editor("update_option('page_comments', 1); update_option('comments_per_page', 2); update_option('default_comments_page', 'oldest');")),
    Kind("a comment begins a new page", lambda paper: _comment(paper, comment="On a new page", email="third@example.org")),
    Kind("newest comments first", editor("update_option('comment_order', 'desc');")),
    Kind("comment taken back", editor("$c = get_comments(['number' => 1, 'status' => 'approve'])[0]; wp_set_comment_status($c->comment_ID, 'hold');")),
    Kind("comment approved again", editor("$c = get_comments(['number' => 1, 'status' => 'hold'])[0]; wp_set_comment_status($c->comment_ID, 'approve');")),
    Kind("comment in the trash", editor("wp_trash_comment(get_comments(['number' => 1, 'status' => 'approve'])[0]->comment_ID);")),
    Kind("comment out of the trash", editor("wp_untrash_comment(get_comments(['number' => 1, 'status' => 'trash'])[0]->comment_ID);")),
    Kind("spam is none", editor("wp_unspam_comment(get_comments(['number' => 1, 'status' => 'spam'])[0]->comment_ID);")),
    Kind("commenter's name", editor("$c = get_comments(['number' => 1, 'status' => 'approve'])[0]; wp_update_comment(['comment_ID' => $c->comment_ID, 'comment_author' => 'Renamed']);")),
    Kind("a pingback", shell(f"wp_insert_comment(['comment_post_ID' => {post('article-8')}, 'comment_type' => 'pingback', 'comment_content' => 'p', 'comment_author' => 'Blog',"
                            " 'comment_author_url' => 'http://example.org/', 'comment_approved' => 1]);")),
    Kind("comment's meta", editor("add_comment_meta(get_comments(['number' => 1])[0]->comment_ID, 'note', 'x');")),
    Kind("delete a comment for good", editor("wp_delete_comment(get_comments(['number' => 1])[0]->comment_ID, true);")),
]  # fmt: skip

TERMS = [
    Kind("new category", editor("wp_insert_term('Weather', 'category');")),
    Kind("rename a category", editor("wp_update_term(get_term_by('slug', 'town', 'category')->term_id, 'category', ['name' => 'City']);")),
    Kind("describe a category", editor("wp_update_term(get_term_by('slug', 'town', 'category')->term_id, 'category', ['description' => 'd']);")),
    Kind("put an article into it", editor(f"wp_set_post_categories({post('article-6')}, [get_term_by('slug', 'town', 'category')->term_id], true);")),
    Kind("tag an article", editor(f"wp_set_post_tags({post('article-6')}, 'fresh', true);")),
    Kind("delete a tag", editor("wp_delete_term(get_term_by('name', 'fresh', 'post_tag')->term_id, 'post_tag');")),
    Kind("re-parent a category", editor("wp_update_term(get_term_by('slug', 'weather', 'category')->term_id, 'category',"
                                      " ['parent' => get_term_by('slug', 'town', 'category')->term_id]);")),
    Kind("merge two tags", editor("$odd = get_term_by('slug', 'odd', 'post_tag')->term_id; $even = get_term_by('slug', 'even', 'post_tag')->term_id;"
                                  " wp_delete_term($even, 'post_tag', ['default' => $odd, 'force_default' => true]);")),
    Kind("untag, which changes the tag's count", editor(f"wp_set_post_tags({post('article-11')}, [], false);")),
    Kind("count a tag anew", editor("$t = get_term_by('slug', 'odd', 'post_tag'); wp_update_term_count_now([$t->term_taxonomy_id], 'post_tag');")),
    Kind("delete a category", editor("wp_delete_term(get_term_by('slug', 'sea', 'category')->term_id, 'category');")),
    Kind("a category's slug", editor("wp_update_term(get_term_by('slug', 'weather', 'category')->term_id, 'category', ['slug' => 'sky']);")),
    Kind("a category's meta", editor("update_term_meta(get_term_by('slug', 'town', 'category')->term_id, 'colour', 'red');")),
    Kind("the default category", editor("update_option('default_category', get_term_by('slug', 'country', 'category')->term_id);")),
]  # fmt: skip

SITE = [
    Kind("title", editor("update_option('blogname', 'Another Paper');")),
    Kind("tagline", rest("POST", "settings", description="Another line")),
    Kind("date format", editor("update_option('date_format', 'Y-m-d');")),
    Kind("posts per page", editor("update_option('posts_per_page', 5);")),
    Kind("posts per feed", editor("update_option('posts_per_rss', 3);")),
    Kind("time format", editor("update_option('time_format', 'H:i:s');")),
    Kind("start of the week", editor("update_option('start_of_week', 0);")),
    Kind("timezone", editor("update_option('timezone_string', 'Europe/Berlin');")),
    Kind("an option of a plugin, autoloaded", editor("update_option('some_plugin', ['a' => 1]);")),
    Kind("an option of a plugin, not autoloaded", editor("update_option('other_plugin', ['a' => 1], false);")),
    Kind("an option deleted", editor("delete_option('other_plugin');")),
    Kind("a transient", shell("set_transient('some_transient', 'x', 60);")),
    Kind("the test plugin's option", editor("update_option('pressroom_test_option', 'truth');")),
    Kind("a cron event", shell("wp_schedule_single_event(time() + 86400, 'nothing');")),
    Kind("front page is a page", editor("update_option('page_on_front', get_page_by_path('imprint')->ID); update_option('show_on_front', 'page');")),
    Kind("front page is the list again", editor("update_option('show_on_front', 'posts');")),
    Kind("the list is another page", editor("update_option('page_for_posts', get_page_by_path('about')->ID); update_option('show_on_front', 'page');")),
    Kind("the list is the front page again", editor("update_option('page_for_posts', 0); update_option('show_on_front', 'posts');")),
    Kind("menu renamed", editor("wp_update_nav_menu_object(wp_get_nav_menus()[0]->term_id, ['menu-name' => 'Renamed']);")),
    Kind("menu item added", editor("wp_update_nav_menu_item(wp_get_nav_menus()[0]->term_id, 0, ['menu-item-title' => 'Link',"
                                " 'menu-item-url' => 'http://example.org/', 'menu-item-status' => 'publish']);")),
    Kind("widget changed", editor("$w = get_option('widget_block'); $w[99] = ['content' => '<p>Widget</p>']; update_option('widget_block', $w);"
                                " $s = wp_get_sidebars_widgets(); $s['sidebar-1'][] = 'block-99'; wp_set_sidebars_widgets($s);")),
    Kind("custom css", editor("wp_update_custom_css_post('body { margin: 1px; }');")),
    Kind("theme mod", editor("set_theme_mod('background_color', 'ff0000');")),
    Kind("site icon", editor("update_option('site_icon', 0);")),
    Kind("title by wp-admin's form", lambda paper: forms.change_title(paper, "The Form's Paper")),
    Kind("avatar default", editor("update_option('avatar_default', 'retro');")),
    Kind("avatars off", editor("update_option('show_avatars', 0);")),
    Kind("language", editor("update_option('WPLANG', 'de_DE');")),
    Kind("language back", editor("update_option('WPLANG', '');")),
    Kind("search engines kept out", editor("update_option('blog_public', 0);")),
    Kind("search engines let in", editor("update_option('blog_public', 1);")),
    Kind("sitemap: a new kind of page", lambda paper: paper.rest("POST", "pages", title="On the map", status="publish")),
    Kind("feed: summaries", editor("update_option('rss_use_excerpt', 1);")),
    Kind("permalinks", editor("global $wp_rewrite; $wp_rewrite->set_permalink_structure('/read/%postname%/'); $wp_rewrite->flush_rules();")),
    Kind("permalinks back", editor("global $wp_rewrite; $wp_rewrite->set_permalink_structure('/%postname%/'); $wp_rewrite->flush_rules();")),
    Kind("base of categories", editor("global $wp_rewrite; $wp_rewrite->set_category_base('topics'); $wp_rewrite->flush_rules();")),
    Kind("shortcode's option", editor("update_option('pressroom_shown', 'another');")),
    Kind("shortcode's option, deleted", editor("delete_option('pressroom_shown');")),
    Kind("shortcode's option, not autoloaded", editor("add_option('pressroom_shown', 'by itself', '', 'no');")),
    Kind("shortcode's option, changed by itself", shell("update_option('pressroom_shown', 'by itself again');")),
    Kind("shortcode's post", editor(f"wp_update_post(['ID' => {post('article-6')}, 'post_title' => 'Shown elsewhere']);")),
    Kind("an option, by an event", event("update_option('pressroom_shown', 'by event');"), waits=False),
]  # fmt: skip

PEOPLE = [
    Kind("display name", editor("wp_update_user(['ID' => 2, 'display_name' => 'Somebody Else']);")),
    Kind("biography", editor("update_user_meta(2, 'description', 'About me.');")),
    Kind("session", shell("WP_Session_Tokens::get_instance(1)->create(time() + 3600);")),
    Kind("new user", editor("wp_create_user('fourth', 'x', 'fourth@example.org');")),
    Kind("role", editor("get_user_by('id', 2)->set_role('editor');")),
    Kind("address, and so the avatar", editor("wp_update_user(['ID' => 2, 'user_email' => 'else@example.org']);")),
    Kind("name in the address of the author's page", editor("wp_update_user(['ID' => 2, 'user_nicename' => 'somebody']);")),
    Kind("user deleted, articles to another", editor("require_once ABSPATH . 'wp-admin/includes/user.php'; wp_delete_user(2, 1);")),
]  # fmt: skip

FILES = [
    Kind("plugin's file", file("plugins/pressroom-test/word.php", "<?php return 'by file';"), waits=False),
    Kind("plugin off", lambda paper: forms.switch_plugin(paper, "deactivate", _PLUGIN)),
    Kind("plugin on", lambda paper: forms.switch_plugin(paper, "activate", _PLUGIN)),
    Kind("plugin updated", editor("$to = WP_PLUGIN_DIR . '/pressroom-test'; $new = WP_CONTENT_DIR . '/upgrade/new'; $old = WP_CONTENT_DIR . '/upgrade/old';"
                                  " require_once ABSPATH . 'wp-admin/includes/file.php'; WP_Filesystem(); wp_mkdir_p($new); copy_dir($to, $new);"
                                  " file_put_contents(\"$new/word.php\", \"<?php return 'of the new version';\"); rename($to, $old); rename($new, $to);")),
    Kind("a plugin that must be used", editor("wp_mkdir_p(WPMU_PLUGIN_DIR); file_put_contents(WPMU_PLUGIN_DIR . '/must.php',"
                                             " \"<?php add_action('wp_head', function () { echo '<!-- must -->'; });\");")),
]  # fmt: skip

GROUPS = {
    "posts": POSTS, "comments": COMMENTS, "terms": TERMS, "site": SITE, "look": LOOK, "media": MEDIA,
    "blocks": BLOCKS, "people": PEOPLE, "files": FILES, "sql": SQL,
}  # fmt: skip
SHORT = {
    "publish by REST", "edit the title by REST", "comment reply", "menu assigned to a location",
    "SQL: title", "SQL: foreign key cascade", "quick edit",
}  # fmt: skip

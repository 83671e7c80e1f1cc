"""Changes of a network (multisite): of its options, of one blog's content that others show, of who is who."""

from __future__ import annotations

from tests.truth.truth import Kind
from tests.truth.ways import Change, editor, post, shell, sql


def _second(code: str) -> Change:
    """PHP for the second blog, in the request of an editor of the network."""
    return editor(f"switch_to_blog(2); {code} restore_current_blog();")


NETWORK = [
    Kind("network: an option", editor("update_network_option(null, 'pressroom_network', 'another');")),
    Kind("network: an option nobody shows", editor("update_network_option(null, 'pressroom_other', wp_rand());")),
    Kind("network: its name", editor("update_network_option(null, 'site_name', 'Another network');")),
    Kind("network: a transient", shell("set_site_transient('pressroom_network', 'x', 60);")),
    Kind("network: another blog's post, shown", _second(f"wp_update_post(['ID' => {post('second-one')}, 'post_title' => 'Shown on the first']);")),
    Kind("network: another blog's post, its text", _second(f"wp_update_post(['ID' => {post('second-two')}, 'post_content' => 'Its own text.']);")),
    Kind("network: another blog's new post", _second("wp_insert_post(['post_title' => 'Third', 'post_status' => 'publish', 'post_content' => 't']);")),
    Kind("network: another blog's post in the trash", _second(f"wp_trash_post({post('second-two')});")),
    Kind("network: a blog's own post", editor(f"wp_update_post(['ID' => {post('article-5')}, 'post_title' => 'On the first']);")),
    Kind("network: another blog's title", _second("update_option('blogname', 'Renamed blog');")),
    Kind("network: another blog's option", _second("update_option('pressroom_shown', 'on the second');")),
    Kind("network: another blog's comment", _second(f"wp_insert_comment(['comment_post_ID' => {post('second-one')}, 'comment_content' => 'There', 'comment_author_email' => 't@example.org', 'comment_approved' => 1]);")),
    Kind("network: another blog's menu", _second("wp_create_nav_menu('Second menu');")),
    Kind("network: a third blog", editor("wp_insert_site(['domain' => get_network()->domain, 'path' => '/third/', 'title' => 'Third blog', 'user_id' => 1, 'network_id' => 1]);")),
    Kind("network: a blog archived", editor("update_blog_status(get_sites(['path' => '/third/'])[0]->blog_id, 'archived', 1);")),
    Kind("network: a blog open again", editor("update_blog_status(get_sites(['path' => '/third/'])[0]->blog_id, 'archived', 0);")),
    Kind("network: a blog deleted", editor("require_once ABSPATH . 'wp-admin/includes/ms.php'; wpmu_delete_blog(get_sites(['path' => '/third/'])[0]->blog_id, true);")),
    Kind("network: a super admin more", editor("require_once ABSPATH . 'wp-admin/includes/user.php'; grant_super_admin(get_user_by('login', 'second')->ID);")),
    Kind("network: a super admin less", editor("revoke_super_admin(get_user_by('login', 'second')->ID);")),
    Kind("network: a user of another blog", editor("add_user_to_blog(2, get_user_by('login', 'second')->ID, 'author');")),
    Kind("network: a display name", editor("wp_update_user(['ID' => 1, 'display_name' => 'One for all']);")),
    Kind("network: a plugin on for all", editor("require_once ABSPATH . 'wp-admin/includes/plugin.php'; activate_plugin('pressroom-magazine/pressroom-magazine.php', '', true);")),
    Kind("network: a plugin off for all", editor("require_once ABSPATH . 'wp-admin/includes/plugin.php'; deactivate_plugins('pressroom-magazine/pressroom-magazine.php', false, true);")),
    Kind("network: another blog's theme", _second("switch_theme('twentytwentytwo');")),
    Kind("network: SQL, another blog's title", sql("UPDATE wp_2_options SET option_value='By SQL' WHERE option_name='blogname'"), waits=False),
    Kind("network: SQL, a network option", sql("UPDATE wp_sitemeta SET meta_value='by SQL' WHERE meta_key='pressroom_network'"), waits=False),
]  # fmt: skip

"""Changes of a site's look: menus, widgets, themes, the customizer, blocks; and of its pictures."""

from __future__ import annotations

from typing import Any

from tests.functional import forms
from tests.functional.newspaper import Newspaper
from tests.truth.truth import Kind
from tests.truth.ways import editor

CLASSIC, BLOCK = ("twentytwentyone",), ("twentytwentytwo",)  # a classic theme, and one of blocks


def _theme_and_back(paper: Newspaper) -> None:
    here = paper.value("SELECT option_value FROM wp_options WHERE option_name='stylesheet'")
    there = (BLOCK if here in CLASSIC else CLASSIC)[0]
    forms.switch_theme(paper, there)
    forms.switch_theme(paper, here)


def _template(paper: Newspaper, name: str, content: str) -> None:
    paper.rest("POST", f"templates/twentytwentytwo//{name}", content=content)


def _part(paper: Newspaper, content: str) -> None:
    paper.rest("POST", "template-parts/twentytwentytwo//footer", content=content)


def _styles(paper: Newspaper, **styles: Any) -> None:
    paper.as_editor("WP_Theme_JSON_Resolver::get_user_global_styles_post_id();")  # made when the site editor opens
    number = paper.value("SELECT ID FROM wp_posts WHERE post_type='wp_global_styles' ORDER BY ID DESC LIMIT 1")
    paper.rest("POST", f"global-styles/{number}", styles=styles)


def _pattern(paper: Newspaper) -> None:
    """A reusable block, and a page that shows it."""
    number = paper.rest("POST", "blocks", title="Pattern", content="<p>In a pattern</p>", status="publish")["id"]
    paper.rest("POST", "pages", title="Patterned", content=f'<!-- wp:block {{"ref":{number}}} /-->', status="publish")


def _change_pattern(paper: Newspaper) -> None:
    number = paper.rest("GET", "blocks?search=Pattern")[0]["id"]
    paper.rest("POST", f"blocks/{number}", content="<p>Another pattern</p>")


def _navigation(paper: Newspaper) -> None:
    """A navigation of one link; the block theme's header shows the newest."""
    link = '<!-- wp:navigation-link {"label":"One link","url":"/about/","kind":"custom"} /-->'
    number = paper.rest("POST", "navigation", title="Main", content=link, status="publish")["id"]
    header = f'<!-- wp:navigation {{"ref":{number}}} /-->'
    paper.rest("POST", "template-parts/twentytwentytwo//header", content=header)


def _change_navigation(paper: Newspaper) -> None:
    number = paper.rest("GET", "navigation?search=Main")[0]["id"]
    link = '<!-- wp:navigation-link {"label":"Another link","url":"/about/","kind":"custom"} /-->'
    paper.rest("POST", f"navigation/{number}", content=link)


_PICTURE = "get_page_by_path('picture', OBJECT, 'attachment')->ID"

LOOK = [
    Kind("menu renamed by wp-admin's form", lambda paper: forms.rename_menu(paper, "By form"), themes=CLASSIC),
    Kind(
        "menu assigned to a location",
        editor("set_theme_mod('nav_menu_locations', ['primary' => wp_get_nav_menus()[0]->term_id]);"),
    ),
    Kind(
        "assigned menu: an article added",
        editor(
            "$id = get_page_by_path('article-5', OBJECT, 'post')->ID;"
            " wp_update_nav_menu_item(wp_get_nav_menus()[0]->term_id, 0, ['menu-item-object-id' => $id,"
            " 'menu-item-object' => 'post', 'menu-item-type' => 'post_type', 'menu-item-status' => 'publish']);"
        ),
    ),
    Kind(
        "assigned menu: its article renamed",
        editor("wp_update_post(['ID' => get_page_by_path('article-5', OBJECT, 'post')->ID, 'post_title' => 'In menu']);"),
    ),
    Kind(
        "assigned menu: an item taken out",
        editor("wp_delete_post(wp_get_nav_menu_items(wp_get_nav_menus()[0]->term_id)[0]->ID, true);"),
    ),
    Kind("menu deleted", editor("wp_delete_nav_menu(wp_get_nav_menus()[0]->term_id);")),
    Kind(
        "block widget of newest articles",
        editor(
            "$w = get_option('widget_block'); $w[98] = ['content' => '<!-- wp:latest-posts /-->'];"
            " update_option('widget_block', $w); $s = wp_get_sidebars_widgets(); $s['sidebar-1'][] = 'block-98';"
            " wp_set_sidebars_widgets($s);"
        ),
    ),
    Kind("block widget: an article renamed", editor("wp_update_post(['ID' => get_posts()[0]->ID, 'post_title' => 'W']);")),
    Kind("widgets taken out", editor("$s = wp_get_sidebars_widgets(); $s['sidebar-1'] = []; wp_set_sidebars_widgets($s);")),
    Kind(
        "classic widget of newest articles",
        editor(
            "update_option('widget_recent-posts', [2 => ['title' => 'Newest', 'number' => 3], '_multiwidget' => 1]);"
            " $s = wp_get_sidebars_widgets(); $s['sidebar-1'] = ['recent-posts-2']; wp_set_sidebars_widgets($s);"
        ),
    ),
    Kind("classic widget: an article renamed", editor("wp_update_post(['ID' => get_posts()[0]->ID, 'post_title' => 'C']);")),
    Kind(
        "classic widget: its title",
        editor("$w = get_option('widget_recent-posts'); $w[2]['title'] = 'Latest'; update_option('widget_recent-posts', $w);"),
    ),
    Kind("customizer: title and tagline", lambda paper: forms.customize(paper, blogname="Cust", blogdescription="Omized")),
    Kind("customizer: colour", lambda paper: forms.customize(paper, background_color="#00ff00"), themes=CLASSIC),
    Kind("theme switched and back", _theme_and_back),
]  # fmt: skip

MEDIA = [
    Kind("logo", editor(f"set_theme_mod('custom_logo', {_PICTURE});")),
    Kind("logo: another text for it", editor(f"update_post_meta({_PICTURE}, '_wp_attachment_image_alt', 'A logo');")),
    Kind("site icon from a picture", editor(f"update_option('site_icon', {_PICTURE});")),
    Kind("thumbnail of an article", editor(f"set_post_thumbnail(get_page_by_path('article-10', OBJECT, 'post')->ID, {_PICTURE});")),
    Kind("picture: title", editor(f"wp_update_post(['ID' => {_PICTURE}, 'post_title' => 'Another title']);")),
    Kind("picture: caption", editor(f"wp_update_post(['ID' => {_PICTURE}, 'post_excerpt' => 'A caption']);")),
    Kind("picture: replaced, under its name", editor(f"$file = get_attached_file({_PICTURE}); file_put_contents($file, file_get_contents($file) . ' ');")),
    Kind("picture: a new one", editor("wp_insert_attachment(['post_title' => 'Other', 'post_mime_type' => 'image/png'], get_attached_file(" + _PICTURE + "));")),
    Kind(
        "picture: sizes made anew",
        editor(
            "require_once ABSPATH . 'wp-admin/includes/image.php';"
            f" $id = {_PICTURE}; $m = wp_generate_attachment_metadata($id, get_attached_file($id)); $m['width'] = 301;"
            " wp_update_attachment_metadata($id, $m);"
        ),
    ),
    Kind(
        "picture: file renamed",
        editor(
            f"$id = {_PICTURE}; $file = get_attached_file($id); $new = dirname($file) . '/renamed.png'; rename($file, $new);"
            " update_attached_file($id, $new);"
        ),
    ),
    Kind("picture deleted", editor(f"wp_delete_attachment({_PICTURE}, true);")),
]  # fmt: skip

BLOCKS = [
    Kind("template", lambda paper: _template(paper, "single", "<!-- wp:post-title /--><!-- wp:post-content /-->"), themes=BLOCK),
    Kind("template again", lambda paper: _template(paper, "single", "<!-- wp:post-title /--><p>Again</p>"), themes=BLOCK),
    Kind("template part", lambda paper: _part(paper, "<!-- wp:site-title /--><p>A footer</p>"), themes=BLOCK),
    Kind("template part again", lambda paper: _part(paper, "<p>Another footer</p>"), themes=BLOCK),
    Kind("pattern and a page with it", _pattern),
    Kind("pattern changed", _change_pattern),
    Kind("global styles", lambda paper: _styles(paper, color={"background": "#123456"}), themes=BLOCK),
    Kind("global styles again", lambda paper: _styles(paper, color={"background": "#654321"}), themes=BLOCK),
    Kind("navigation", _navigation, themes=BLOCK),
    Kind("navigation changed", _change_navigation, themes=BLOCK),
    Kind("template taken back", editor("wp_delete_post(get_page_by_path('single', OBJECT, 'wp_template')->ID, true);"), themes=BLOCK),
]  # fmt: skip

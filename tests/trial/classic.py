"""In wp-admin's forms: classic posts, media, comments, terms."""

from __future__ import annotations

import time
from urllib.parse import quote

from tests.trial import words
from tests.trial.walk import Walk
from tests.trial.words import LINK, MARKUP, PHP, PROSE, QUOTES, SHELL, SQL


def plugin(walk: Walk) -> None:
    """A plugin as a zip, which the rest of the walk needs; its file edited; its own page of settings."""
    upload = words.archive("trial-notes", {"trial-notes.php": words.PLUGIN, "x.js": "eval('1'); document.cookie"})
    walk.form(
        "a plugin as a zip", "/wp-admin/plugin-install.php?tab=upload", {"#pluginzip": upload}, "#install-plugin-submit"
    )
    walk.form("the plugin activated", "", {}, "a[href*='action=activate']")
    walk.visit("plugins", "/wp-admin/plugins.php")
    with walk.step("the plugin's file edited"):
        walk.page.goto(
            f"{walk.url}/wp-admin/plugin-editor.php?plugin=trial-notes%2Ftrial-notes.php&file=trial-notes%2Ftrial-notes.php"
        )
        _type_code(walk, words.PLUGIN + "/* system( 'id' ); eval( $_GET['x'] ); */\n")
    walk.form("a plugin's settings", "/wp-admin/options-general.php?page=trial", {"#trial_head": MARKUP}, "#submit")
    walk.form("a plugin's own page", "/wp-admin/options-general.php?page=trial", {"#css": words.STYLE + SQL}, "#go")


def _type_code(walk: Walk, text: str) -> None:
    """Into the editor of files, and save."""
    walk.page.wait_for_function("document.querySelector('.CodeMirror') && wp.themePluginEditor")
    walk.page.evaluate("text => document.querySelector('.CodeMirror').CodeMirror.setValue(text)", text)
    with walk.page.expect_response(lambda answer: "admin-ajax.php" in answer.url and answer.request.method == "POST"
                                   and "edit-theme-plugin-file" in (answer.request.post_data or "")):  # fmt: skip
        walk.press("#submit")


def notes(walk: Walk) -> None:
    fields = {"#title": QUOTES, "#content": f"<p>{PROSE}</p><pre>{SHELL}</pre>{MARKUP}", "#excerpt": SQL}
    with walk.step("a classic article"):
        walk.page.goto(f"{walk.url}/wp-admin/post-new.php?post_type=note", wait_until="load")
        walk.press("#content-html")
        walk.put(fields)
        walk.press("#publish")
    with walk.step("a field of its own"):
        walk.put({"#metakeyinput": "code <x>", "#metavalue": PHP})
        walk.press("#newmeta-submit")
    with walk.step("its address"):
        walk.press("#edit-slug-buttons .edit-slug")
        walk.put({"#new-post-slug": "union select -- from/../x"})
        walk.press("#edit-slug-buttons .save")
    with walk.step("changed"):
        walk.press("#content-html")
        walk.put({"#content": f"{PHP}\n{SQL}\n{MARKUP}\n{QUOTES}"})
        walk.press("#publish")
    walk.form(
        "a thought on the dashboard",
        "/wp-admin/index.php",
        {"#quick-press #title": SQL, "#quick-press #content": SHELL},
        "#save-post",
    )
    for search in words.SEARCHES:
        walk.visit(f"articles with {search}", f"/wp-admin/edit.php?s={quote(search)}&post_status=all&post_type=post")
    walk.visit(
        "articles, sorted", "/wp-admin/edit.php?post_type=post&orderby=title&order=desc&m=0&cat=0&filter_action=Filter"
    )
    with walk.step("quick edit"):
        walk.page.goto(f"{walk.url}/wp-admin/edit.php", wait_until="load")
        walk.press("#the-list .editinline")
        walk.put(
            {
                ".inline-edit-row:not(#inline-edit) input[name=post_title]": QUOTES,
                ".inline-edit-row:not(#inline-edit) input[name=post_name]": "drop-table",
            }
        )
        walk.press(".inline-edit-row .save")
    walk.form(
        "several at once",
        "/wp-admin/edit.php",
        {"#the-list input[name='post[]']": True, "#bulk-action-selector-top": "trash"},
        "#doaction",
    )
    walk.form("and back", "", {}, "#message a[href*='untrash']")


def media(walk: Walk) -> None:
    for upload in (words.picture(), words.picture("select * from users; -- (1).jpg", "JPEG"), words.document()):
        walk.form(
            f"{upload['name']} in the browser's form",
            "/wp-admin/media-new.php?browser-uploader",
            {"#async-upload": upload},
            "#html-upload",
        )
    with walk.step("a picture dropped"):
        walk.page.goto(f"{walk.url}/wp-admin/media-new.php", wait_until="load")
        walk.page.locator(".moxie-shim input[type=file]").first.set_input_files(words.picture("x' or '1'='1.png"))
        walk.page.wait_for_selector(".media-item .edit-attachment, .media-item .attachment-details", state="attached")
    number = walk.paper.value("SELECT MAX(ID) FROM wp_posts WHERE post_mime_type='image/png'")
    fields = {
        "#title": QUOTES,
        "#attachment_alt": '"A" & <b> \' or 1=1',
        "#attachment_caption": MARKUP,
        "#attachment_content": SQL,
    }
    walk.form("a picture's words", f"/wp-admin/post.php?post={number}&action=edit", fields, "#publish")
    with walk.step("a picture turned"):
        walk.page.goto(f"{walk.url}/wp-admin/post.php?post={number}&action=edit", wait_until="load")
        walk.press(f"#imgedit-open-btn-{number}")
        walk.page.wait_for_selector(".imgedit-rright", state="attached")
        walk.settle()
        walk.press(".imgedit-rright")
        walk.settle()
        walk.press(".imgedit-submit-btn")
    for search in words.SEARCHES[:3]:
        walk.visit(f"media with {search}", f"/wp-admin/upload.php?mode=grid&search={quote(search)}")
    walk.visit("media as a list", f"/wp-admin/upload.php?mode=list&s={quote(QUOTES)}")


def comments(walk: Walk) -> None:
    number = walk.paper.php(
        "echo wp_insert_post(['post_title' => 'Talk', 'post_status' => 'publish', 'comment_status' => 'open']);"
    )
    said = [
        PROSE,
        words.SAID,
        'I\'d write <code>$x = 1;</code> and <a href="https://example.org/?a=b">this</a>; see https://example.org -- thanks!',
    ]
    with walk.as_visitor():
        for at, text in enumerate(said):
            fields = {
                "#comment": text,
                "#author": "Anna O'Neil",
                "#email": f"a{at}@example.org",
                "#url": "https://example.org/~a?b=c",
            }
            walk.form(f"a reader's comment {at + 1}", f"/?p={number}", fields, "#submit")
    walk.form("the editor's comment", f"/?p={number}", {"#comment": MARKUP + SHELL + SQL}, "#submit")
    walk.visit("comments", "/wp-admin/edit-comments.php")
    walk.form("approved", "", {}, "#the-comment-list .unapproved .approve a")
    with walk.step("a reply"):
        walk.page.goto(f"{walk.url}/wp-admin/edit-comments.php", wait_until="load")
        walk.press("#the-comment-list .reply button")
        walk.put({"#replycontent": f"<pre>{SHELL}</pre> {SQL}"})
        walk.press("#replybtn")
    with walk.step("edited in the list"):
        walk.page.goto(f"{walk.url}/wp-admin/edit-comments.php", wait_until="load")
        walk.press("#the-comment-list .quickedit button")
        walk.put({"#replycontent": MARKUP, "#author-name": "O'Neil <b>"})
        walk.press("#savebtn")
    one = walk.paper.value("SELECT MAX(comment_ID) FROM wp_comments")
    walk.form(
        "edited in the form",
        f"/wp-admin/comment.php?action=editcomment&c={one}",
        {"#content": PHP + QUOTES, "#newcomment_author_url": LINK},
        "#save",
    )
    for what, where in (("spam", ".spam a"), ("trash", ".trash a")):
        walk.form(what, "/wp-admin/edit-comments.php", {}, f"#the-comment-list {where}")
    for search in words.SEARCHES[:3]:
        walk.visit(f"comments with {search}", f"/wp-admin/edit-comments.php?s={quote(search)}&comment_status=all")


def terms(walk: Walk) -> None:
    for taxonomy in ("category", "post_tag"):
        fields = {
            "#tag-name": f"{QUOTES} {time.monotonic_ns()}",
            "#tag-slug": "union-select",
            "#tag-description": MARKUP + SQL,
        }
        walk.form(f"a {taxonomy}", f"/wp-admin/edit-tags.php?taxonomy={taxonomy}", fields, "#addtag #submit")
    number = walk.paper.value("SELECT MAX(term_id) FROM wp_terms")
    walk.form(
        "a tag changed",
        f"/wp-admin/term.php?taxonomy=post_tag&tag_ID={number}",
        {"#name": SQL[:60], "#description": SHELL},
        "input[type=submit]",
    )
    walk.visit("tags", f"/wp-admin/edit-tags.php?taxonomy=post_tag&s={quote(words.SEARCHES[1])}")

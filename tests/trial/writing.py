"""In the block editor and the site editor: by what their own buttons call."""

from __future__ import annotations

import base64
from typing import Any

from tests.trial import words
from tests.trial.walk import Walk
from tests.trial.words import LINK, MARKUP, PHP, PROSE, QUOTES, SHELL, SQL, STYLE

_READY = (
    "window.wp && wp.data && wp.blocks && wp.blocks.getBlockTypes().length > 20"
    " && wp.data.select('core/editor') && wp.data.select('core/editor').getCurrentPostId()"
)
_SAVE = """
const save = async () => {
    await wp.data.dispatch('core/editor').savePost();
    if (!wp.data.select('core/editor').didPostSaveRequestSucceed()) throw new Error('it was not saved');
    return wp.data.select('core/editor').getCurrentPostId();
};
"""
_EDIT = f"async fields => {{ {_SAVE} await wp.data.dispatch('core/editor').editPost(fields); return save(); }}"
_ADD = f"""async ([name, attributes, inner]) => {{
    {_SAVE}
    const made = wp.blocks.createBlock(name, attributes, (inner || []).map(one => wp.blocks.createBlock(...one)));
    wp.data.dispatch('core/block-editor').insertBlocks([made]);
    return save();
}}"""
_AUTOSAVE = """async content => {
    await wp.data.dispatch('core/editor').editPost({content});
    await wp.data.dispatch('core/editor').autosave();
}"""
_ENTITY = """async ([kind, name, record]) => {
    const saved = await wp.data.dispatch('core').saveEntityRecord(kind, name, record, {throwOnError: true});
    if (!saved) throw new Error('it was not saved');
    return saved.id;
}"""
_FETCH = "async path => { await wp.apiFetch({path}); }"
_UPLOAD = """async ([name, type, text]) => {
    const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
    const form = new FormData();
    form.append('file', new File([bytes], name, {type}));
    return (await wp.apiFetch({path: '/wp/v2/media', method: 'POST', body: form})).id;
}"""

# A name, its attributes, blocks within it.
BLOCKS: list[tuple[str, dict[str, Any], list[Any]]] = [
    ("core/paragraph", {"content": SQL}, []),
    ("core/paragraph", {"content": f'<a href="{LINK}" target="_blank">{QUOTES}</a>'}, []),
    ("core/heading", {"content": QUOTES, "anchor": "or-1=1--"}, []),
    ("core/list", {}, [["core/list-item", {"content": SHELL}], ["core/list-item", {"content": SQL}]]),
    ("core/quote", {"citation": QUOTES}, [["core/paragraph", {"content": PROSE}]]),
    ("core/pullquote", {"value": QUOTES, "citation": "; ls -la"}, []),
    ("core/code", {"content": PHP}, []),
    ("core/code", {"content": SHELL}, []),
    ("core/preformatted", {"content": SQL}, []),
    ("core/verse", {"content": "Drop, table,\nselect your union from\nthe information schema"}, []),
    ("core/html", {"content": MARKUP}, []),
    ("core/html", {"content": f"<style>{STYLE}</style><script>window.dataLayer=[];eval('1')</script>"}, []),
    ("core/freeform", {"content": f"<p>{PROSE}</p><!--more--><pre>{SHELL}</pre>"}, []),
    ("core/shortcode", {"text": '[gallery ids="1,2" link="file"] [embed]http://127.0.0.1/[/embed] [php]eval($x);[/php]'}, []),
    ("core/table", {"body": [{"cells": [{"content": SQL, "tag": "td"}, {"content": "=cmd|' /C calc'!A0", "tag": "td"}]}]}, []),
    ("core/image", {"url": "http://192.0.2.1/a.png?x=../y", "alt": QUOTES, "caption": MARKUP}, []),
    ("core/gallery", {}, [["core/image", {"url": "data:image/png;base64,AAAA", "alt": "a"}]]),
    ("core/cover", {"url": "http://192.0.2.1/b.jpg", "dimRatio": 50}, [["core/paragraph", {"content": SQL}]]),
    ("core/media-text", {"mediaUrl": "http://192.0.2.1/b.jpg", "mediaType": "image"}, [["core/paragraph", {"content": PHP}]]),
    ("core/buttons", {}, [["core/button", {"text": "Buy <now>", "url": "javascript:void(0)"}]]),
    ("core/columns", {}, [["core/column", {}, []], ["core/column", {}, []]]),
    ("core/group", {"className": "or 1=1 <x>"}, [["core/paragraph", {"content": SHELL}]]),
    ("core/embed", {"url": "https://www.youtube.com/watch?v=x&list=../etc", "type": "video"}, []),
    ("core/video", {"src": "http://192.0.2.1/x.mp4;id"}, []),
    ("core/audio", {"src": "file:///etc/passwd"}, []),
    ("core/file", {"href": "http://192.0.2.1/../../x.zip", "fileName": "../x.zip"}, []),
    ("core/social-links", {}, [["core/social-link", {"service": "x", "url": "https://x.com/${user}"}]]),
    ("core/search", {"label": "select * from", "placeholder": "<union select>"}, []),
    ("core/latest-posts", {"postsToShow": 3}, []),
    ("core/rss", {"feedURL": "https://example.org/feed/?cat=1&tag=a+b"}, []),
    ("core/separator", {"className": "javascript:alert(1)"}, []),
]  # fmt: skip


def _base64(upload: words.Upload) -> list[str]:
    return [upload["name"], upload["mimeType"], base64.b64encode(upload["buffer"]).decode()]


def _open(walk: Walk, what: str, path: str) -> None:
    with walk.step(what):
        walk.page.goto(f"{walk.url}{path}", wait_until="load")
        walk.page.wait_for_function(_READY)


def article(walk: Walk, most: int | None = None) -> None:
    """One article of all kinds of blocks, saved after each."""
    _open(walk, "a new article", "/wp-admin/post-new.php")
    number = walk.script("its title and address", _EDIT, {"title": QUOTES, "slug": "select-a-plan", "status": "draft"})
    for name, attributes, inner in BLOCKS[:most]:
        walk.script(f"block {name}", _ADD, [name, attributes, inner])
    walk.script("published", _EDIT, {"status": "publish", "excerpt": MARKUP, "comment_status": "open"})
    walk.script("an autosave", _AUTOSAVE, PROSE)
    walk.visit("its preview", f"/?p={number}&preview=true&preview_id={number}")
    walk.visit("the article opened again", f"/wp-admin/post.php?post={number}&action=edit")


def around(walk: Walk) -> None:
    """What else the editor asks the API for."""
    _open(walk, "a second article", "/wp-admin/post-new.php")
    picture = walk.script("a picture dropped into it", _UPLOAD, _base64(words.picture()))
    walk.script("a PDF dropped into it", _UPLOAD, _base64(words.document()))
    walk.script("a featured picture", _EDIT, {"title": SQL, "featured_media": picture or 0, "status": "publish"})
    for search in words.SEARCHES:
        walk.script(f"a link looked for: {search}", "async s => { await wp.apiFetch({path: wp.url.addQueryArgs("
                    "'/wp/v2/search', {search: s, per_page: 20, type: 'post'})}); }", search)  # fmt: skip
    walk.script("what a link leads to", "async url => { await wp.apiFetch({path: wp.url.addQueryArgs("
                "'/wp-block-editor/v1/url-details', {url})}).catch(() => 0); }", LINK)  # fmt: skip
    walk.script("an embed", "async url => { await wp.apiFetch({path: wp.url.addQueryArgs("
                "'/oembed/1.0/proxy', {url})}).catch(() => 0); }", "https://www.youtube.com/watch?v=x&t=1")  # fmt: skip
    walk.script("a block that the server makes", "async () => { await wp.apiFetch({path: wp.url.addQueryArgs("
                "'/wp/v2/block-renderer/core/archives', {context: 'edit', attributes: {className: '<b> or 1=1'}})}); }")  # fmt: skip
    category = walk.script(
        "a category", _ENTITY, ["taxonomy", "category", {"name": "Drop; table's <b>", "description": SQL}]
    )
    tag = walk.script("a tag", _ENTITY, ["taxonomy", "post_tag", {"name": "../etc & union select"}])
    walk.script("both put to use", _EDIT, {"categories": [category or 1], "tags": [tag or 1]})
    walk.script("behind a password", _EDIT, {"password": words.PASSWORD[:20]})
    walk.script("for tomorrow", _EDIT, {"password": "", "status": "future", "date": "2098-01-01T10:00:00"})
    walk.script("a pattern of one's own", _ENTITY,
                ["postType", "wp_block", {"title": QUOTES, "content": f"<!-- wp:html -->{MARKUP}<!-- /wp:html -->", "status": "publish"}])  # fmt: skip
    walk.script("a page", _ENTITY, ["postType", "page", {"title": SHELL, "content": PHP, "status": "publish"}])
    walk.script("the site's words", _ENTITY, ["root", "site", {"title": "Paper & <Sons>", "description": QUOTES}])
    walk.script("types", _FETCH, "/wp/v2/types?context=edit&_locale=user&per_page=-1")


def site_editor(walk: Walk) -> None:
    """With a theme of blocks."""
    theme = "twentytwentythree"
    _activate(walk, theme)
    walk.visit("the site editor", "/wp-admin/site-editor.php")
    walk.page.wait_for_function("window.wp && wp.data && wp.data.select('core')")
    code = f"<!-- wp:html -->{MARKUP}<!-- /wp:html --><!-- wp:paragraph --><p>{SQL}</p><!-- /wp:paragraph -->"
    walk.script(
        "a template", _ENTITY, ["postType", "wp_template", {"id": f"{theme}//home", "slug": "home", "content": code}]
    )
    walk.script("a template of one's own", _ENTITY,
                ["postType", "wp_template", {"slug": "trial-page", "title": QUOTES, "content": code, "status": "publish"}])  # fmt: skip
    walk.script(
        "a part",
        _ENTITY,
        ["postType", "wp_template_part", {"id": f"{theme}//header", "slug": "header", "content": code}],
    )
    walk.script("a navigation", _ENTITY, ["postType", "wp_navigation", {
        "title": QUOTES, "status": "publish",
        "content": f'<!-- wp:navigation-link {{"label":"A \\u003cb\\u003e","url":"{LINK}"}} /-->'}])  # fmt: skip
    walk.script("styles", """async css => {
        const id = await wp.data.resolveSelect('core').__experimentalGetCurrentGlobalStylesId();
        await wp.apiFetch({path: '/wp/v2/global-styles/' + id, method: 'PUT',
            data: {id, styles: {css, color: {background: 'var(--x)'}}, settings: {}}});
    }""", STYLE)  # fmt: skip
    walk.visit("the front page", "/?trial")
    _activate(walk, "twentytwentyone")


def _activate(walk: Walk, theme: str) -> None:
    with walk.step(f"the theme {theme}"):
        walk.page.goto(f"{walk.url}/wp-admin/themes.php", wait_until="load")
        way = walk.page.locator(f"a[href*='action=activate'][href*='stylesheet={theme}&']").first.get_attribute("href")
        assert way, f"{theme} is not there"
        walk.page.goto(way if way.startswith("http") else f"{walk.url}/wp-admin/{way}", wait_until="load")

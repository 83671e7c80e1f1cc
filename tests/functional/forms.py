"""wp-admin's forms, filled in and sent as a browser does it."""

from __future__ import annotations

import html
import json
import re
from typing import Any
from urllib.parse import quote

from tests.functional.newspaper import Newspaper


def rename_menu(paper: Newspaper, word: str) -> None:
    page = _page(paper, "nav-menus.php")
    data = {
        "action": "update", "menu": _found(r'name="menu" id="menu" value="([0-9]+)"', page), "menu-name": word,
        "update-nav-menu-nonce": _found(r'name="update-nav-menu-nonce" value="([0-9a-f]+)"', page),
        "save_menu": "Save Menu",
    }  # fmt: skip
    assert paper.editor.post("/wp-admin/nav-menus.php", data=data).status_code in (200, 302)


def change_title(paper: Newspaper, word: str) -> None:
    """The site's title, in the general settings."""
    page = _page(paper, "options-general.php")
    fields = dict(re.findall(r'<input name="([^"]+)"[^>]*?value="([^"]*)"', page))
    hidden = dict(re.findall(r"<input type='hidden' name='([^']+)' value='([^']*)'", page))
    nonce = _found(r'name="_wpnonce" value="([0-9a-f]+)"', page)
    radios = dict(re.findall(r"<input type='radio' name='([^']+)' value='([^']*)' checked", page))
    selected: dict[str, str] = {}
    for name, options in re.findall(r"""<select[^>]* name=['"]([^'"]+)['"][^>]*>(.*?)</select>""", page, re.DOTALL):
        chosen = re.search(r"""<option selected=['"]selected['"] value=['"]([^'"]*)['"]""", options)
        chosen = chosen or re.search(r"""<option value=['"]([^'"]*)['"][^>]*selected""", options)
        selected[name] = chosen.group(1) if chosen else ""
    data = {**fields, **radios, **selected, **hidden, "_wpnonce": nonce, "action": "update", "blogname": word}
    answer = paper.editor.post("/wp-admin/options.php", data=data)
    assert answer.status_code == 302, answer.text[:500]


def switch_theme(paper: Newspaper, theme: str) -> None:
    page = _page(paper, "themes.php").replace("&#038;", "&")
    nonce = _found(rf"action=activate&stylesheet={theme}&_wpnonce=([0-9a-f]+)", page)
    answer = paper.editor.get(f"/wp-admin/themes.php?action=activate&stylesheet={theme}&_wpnonce={nonce}")
    assert answer.status_code == 302


def switch_plugin(paper: Newspaper, way: str, plugin: str) -> None:
    """`way`: activate or deactivate."""
    page = html.unescape(_page(paper, "plugins.php"))
    link = _found(rf'href="(plugins\.php\?action={way}&plugin={quote(plugin, safe="")}[^"]*)"', page)
    answer = paper.editor.get(f"/wp-admin/{link}")
    assert answer.status_code == 302 and f"{way}=true" in answer.headers["location"], answer.headers


def quick_edit(paper: Newspaper, number: int, **fields: str) -> None:
    """What the list of articles saves by itself."""
    nonce = _found(r'name="_inline_edit" value="([0-9a-f]+)"', _page(paper, "edit.php"))
    data = {
        "action": "inline-save", "post_ID": str(number), "post_type": "post", "_inline_edit": nonce,
        "post_view": "list", "screen": "edit-post", "_status": "publish", "comment_status": "open", **fields,
    }  # fmt: skip
    answer = paper.editor.post("/wp-admin/admin-ajax.php", data=data)
    assert answer.status_code == 200 and "<tr" in answer.text, answer.text[:500]


def bulk_edit(paper: Newspaper, numbers: list[int], **fields: str) -> None:
    """Several articles at once, in the list of articles."""
    nonce = _found(r'name="_wpnonce" value="([0-9a-f]+)"', _page(paper, "edit.php"))
    unchanged = {
        "post_author": "-1",
        "comment_status": "",
        "ping_status": "",
        "_status": "-1",
        "sticky": "",
        "post_format": "-1",
    }
    data = {
        "post_type": "post", "action": "edit", "bulk_edit": "Update", "post_view": "list", "screen": "edit-post",
        "_wpnonce": nonce, "post[]": [str(number) for number in numbers], **unchanged, **fields,
    }  # fmt: skip
    answer = paper.editor.get("/wp-admin/edit.php", params=data)
    assert answer.status_code == 302 and f"updated={len(numbers)}" in answer.headers["location"], answer.headers


def customize(paper: Newspaper, **settings: Any) -> None:
    """Publish settings in the customizer."""
    page = _page(paper, "customize.php")
    data = {
        "wp_customize": "on", "action": "customize_save", "customize_changeset_status": "publish",
        "customize_theme": _found(r'"theme":\{"stylesheet":"([^"]+)"', page),
        "customize_changeset_uuid": _found(r'"uuid":"([0-9a-f-]+)"', page),
        "nonce": _found(r'"nonce":\{"save":"([0-9a-f]+)"', page),
        "customize_changeset_data": json.dumps({name: {"value": value} for name, value in settings.items()}),
    }  # fmt: skip
    answer = paper.editor.post("/wp-admin/admin-ajax.php", data=data)
    assert answer.status_code == 200 and answer.json()["success"], answer.text[:1000]


def _page(paper: Newspaper, name: str) -> str:
    answer = paper.editor.get(f"/wp-admin/{name}")
    assert answer.status_code == 200, f"{name}: {answer.status_code} {answer.text[-600:]}"
    return html.unescape(answer.text) if name == "themes.php" else answer.text


def _found(pattern: str, page: str) -> str:
    match = re.search(pattern, page)
    assert match, f"{pattern} is not in the page"
    return match.group(1)

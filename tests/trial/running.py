"""Running a site: settings, appearance, people, tools."""

from __future__ import annotations

from urllib.parse import quote

from playwright.sync_api import Response

from tests.trial import words
from tests.trial.classic import _type_code
from tests.trial.walk import Walk
from tests.trial.words import LINK, MARKUP, PASSWORD, PHP, QUOTES, SHELL, SQL, STYLE

_SETTINGS = [
    ("general", "options-general.php", {"#blogname": "Paper & <Sons>", "#blogdescription": QUOTES, "#date_format_custom": "j. F Y; \\x"}),
    ("writing", "options-writing.php", {"#mailserver_url": "mail.example.org;id", "#mailserver_pass": PASSWORD}),
    ("reading", "options-reading.php", {"#posts_per_page": "12"}),
    ("discussion", "options-discussion.php", {"#disallowed_keys": words.ROBOTS, "#moderation_keys": f"{SQL}\n{MARKUP}"}),
    ("media", "options-media.php", {"#thumbnail_size_w": "151"}),
    ("permalinks", "options-permalink.php", {"#category_base": "drop/table", "#permalink_structure": "/%postname%/"}),
    ("all of them", "options.php", {"#blogdescription": QUOTES}),
]  # fmt: skip


def settings(walk: Walk) -> None:
    for name, page, fields in _SETTINGS:
        walk.form(f"settings: {name}", f"/wp-admin/{page}", fields, "#submit, [name=Update]")
    for page in (
        "index.php",
        "options-privacy.php",
        "site-health.php",
        "site-health.php?tab=debug",
        "update-core.php",
        "tools.php",
        "privacy-policy-guide.php",
    ):
        walk.visit(page, f"/wp-admin/{page}")


def people(walk: Walk) -> None:
    fields = {"#user_login": "o.neil", "#email": "o'neil@example.org", "#first_name": "Anna <b>", "#last_name": "O'Neil; --", "#url": LINK,
              "#pass1": PASSWORD, "#pass2": PASSWORD, "#send_user_notification": False}  # fmt: skip
    walk.form("a user", "/wp-admin/user-new.php", fields, "#createusersub")
    number = walk.paper.value("SELECT MAX(ID) FROM wp_users")
    walk.form(
        "a user changed",
        f"/wp-admin/user-edit.php?user_id={number}",
        {"#description": MARKUP + SQL, "#nickname": QUOTES[:40], "#url": LINK},
        "#submit",
    )
    walk.form(
        "one's profile", "/wp-admin/profile.php", {"#description": f"{PHP}\n{SHELL}", "#first_name": "'; --"}, "#submit"
    )
    with walk.step("a password for a program"):
        walk.page.goto(f"{walk.url}/wp-admin/profile.php", wait_until="load")
        walk.put({"#new_application_password_name": "My $(script); 'x'"})
        walk.press("#do_new_application_password")
        walk.page.wait_for_selector("#new-application-password-value", state="attached")
    for search in words.SEARCHES[:3]:
        walk.visit(f"users with {search}", f"/wp-admin/users.php?s={quote(search)}")
    with walk.as_visitor():
        where = "/wp-login.php?redirect_to=" + quote(f"{walk.url}/wp-admin/edit.php?post_type=page&s=select", safe="")
        walk.form(
            "a login with the wrong password",
            where,
            {"#user_login": "o'neil -- <b>", "#user_pass": PASSWORD},
            "#wp-submit",
        )
        walk.form("a login", where, {"#user_login": "o.neil", "#user_pass": PASSWORD}, "#wp-submit")
        walk.visit("that user's profile", "/wp-admin/profile.php")
        walk.form(
            "a lost password", "/wp-login.php?action=lostpassword", {"#user_login": "o'neil@example.org"}, "#wp-submit"
        )
    walk.form("a user deleted", f"/wp-admin/users.php?s={quote('neil')}", {}, ".row-actions .delete a")
    walk.form("for certain", "", {}, "#submit")


def appearance(walk: Walk) -> None:
    """With a theme of PHP, uploaded as a zip."""
    upload = words.archive("trial-child", {"style.css": words.STYLESHEET, "functions.php": words.FUNCTIONS})
    walk.form(
        "a theme as a zip",
        "/wp-admin/theme-install.php?upload",
        {"input[name=themezip]": upload},
        "#install-theme-submit",
    )
    walk.form("the theme activated", "", {}, "a[href*='action=activate']")
    for file, text in (
        ("functions.php", words.FUNCTIONS + f"/* {PHP[6:]} */\n"),
        ("style.css", words.STYLESHEET + STYLE),
    ):
        with walk.step(f"the theme's {file}"):
            walk.page.goto(f"{walk.url}/wp-admin/theme-editor.php?theme=trial-child&file={file}", wait_until="load")
            _type_code(walk, text)
    customizer(walk)
    widgets(walk)
    menus(walk)


_CHANGE = "([name, value]) => { wp.customize(name).set(value); wp.customize.previewer.refresh(); }"


def _is_preview(answer: Response) -> bool:
    return "customize_changeset_uuid" in answer.url


def customizer(walk: Walk) -> None:
    with walk.step("the customizer"):
        walk.page.goto(
            f"{walk.url}/wp-admin/customize.php?url={quote(walk.url + '/?p=1&x=2', safe='')}", wait_until="load"
        )
        walk.page.wait_for_function("window.wp && wp.customize && wp.customize.previewer && wp.customize('blogname')")
    for name, value in (
        ("blogname", "Paper & <Sons>"),
        ("blogdescription", QUOTES),
        ("custom_css[trial-child]", STYLE),
    ):
        with walk.step(f"customizer: {name} seen"), walk.page.expect_response(_is_preview):
            walk.page.evaluate(_CHANGE, [name, value])
    walk.script(
        "customizer: a draft",
        "async () => { wp.customize.state('selectedChangesetStatus').set('draft'); await wp.customize.previewer.save({status: 'draft'}); }",
    )
    walk.script("customizer: published", "async () => { await wp.customize.previewer.save({status: 'publish'}); }")


def widgets(walk: Walk) -> None:
    with walk.step("widgets"):
        walk.page.goto(f"{walk.url}/wp-admin/widgets.php", wait_until="load")
        walk.page.wait_for_function("window.wp && wp.apiFetch && wp.data && wp.data.select('core')")
    make = "async ([path, data]) => { await wp.apiFetch({path, method: 'POST', data}); }"
    for what, code in (
        ("markup", MARKUP),
        ("code", PHP),
        ("a form", f"<form action='{LINK}'><input name=q value=\"{QUOTES}\"></form>"),
    ):
        content = f"<!-- wp:html -->{code}<!-- /wp:html -->"
        walk.script(
            f"a widget of {what}",
            make,
            ["/wp/v2/widgets", {"id_base": "block", "sidebar": "sidebar-1", "instance": {"raw": {"content": content}}}],
        )
    walk.script(
        "a widget of the old kind",
        make,
        [
            "/wp/v2/widget-types/text/encode",
            {
                "number": 9,
                "form_data": "widget-text[9][text]=%3Cscript%3Ealert(1)%3C%2Fscript%3E&widget-text[9][title]=a",
            },
        ],
    )


def menus(walk: Walk) -> None:
    walk.form(
        "a menu",
        "/wp-admin/nav-menus.php?action=edit&menu=0",
        {"#menu-name": "Top (main); <b>"},
        "#save_menu_footer, #save_menu_header",
    )
    with walk.step("a link in it"):
        walk.put({"#custom-menu-item-url": LINK, "#custom-menu-item-name": QUOTES})
        walk.press("#submit-customlinkdiv")
        walk.page.wait_for_selector("#menu-to-edit li", state="attached")
    walk.form("the menu saved", "", {}, "#save_menu_footer, #save_menu_header")


def tools(walk: Walk) -> None:
    with walk.step("all exported"):
        walk.page.goto(f"{walk.url}/wp-admin/export.php", wait_until="load")
        with walk.page.expect_download():
            walk.press("#submit")
    walk.visit("import", "/wp-admin/import.php")
    walk.form(
        "somebody's data",
        "/wp-admin/export-personal-data.php",
        {"#username_or_email_for_privacy_request": "o'neil@example.org"},
        "#submit",
    )
    walk.form(
        "to be erased",
        "/wp-admin/erase-personal-data.php",
        {"#username_or_email_for_privacy_request": "o'neil@example.org"},
        "#submit",
    )
    for search in words.SEARCHES[:3]:
        walk.visit(f"plugins with {search}", f"/wp-admin/plugins.php?s={quote(search)}")
    walk.visit("pages", f"/wp-admin/edit.php?post_type=page&s={quote(QUOTES)}")


def readers(walk: Walk) -> None:
    with walk.as_visitor():
        for search in (
            "select a plan",
            'O\'Neil & "Sons" 50% off',
            "the best drop-off table (2026)",
            "how to update from A to B",
            "C++ <vector>",
        ):
            walk.form(f"a reader looks for {search}", f"/?s={quote(search)}", {}, "body")
        for path in (
            "/?utm_source=a&ref=https%3A%2F%2Fexample.org%2F%3Fa%3Db",
            "/?feed=rss2&x=1",
            "/?author=1",
            "/?m=202611",
            "/?p=1#comment-1",
            "/?embed=true&p=1",
        ):
            with walk.step(f"a reader at {path}"):
                walk.page.goto(f"{walk.url}{path}", wait_until="commit")
        walk.form("a page's password", "/wp-login.php?action=postpass", {}, "body")

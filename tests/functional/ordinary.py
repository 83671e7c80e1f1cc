"""What people do at a WordPress all day, as requests. None of them may be taken for an attack."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

PROSE = (
    "<p>Select a plan from the table below, or <em>update</em> yours; 'drop' us a line -- we delete nothing.</p>"
    '<p>See <a href="https://example.org/a?b=c&d=e#f">our page</a> and ../images/. 1 = 1; 50% off (today)!</p>'
)
MARKUP = (
    PROSE + "<script>document.write(location.href); window.dataLayer = window.dataLayer || [];</script>"
    '<iframe src="https://www.youtube.com/embed/x" onload="go()"></iframe><style>.a{background:url(data:image/png)}</style>'
    "<!-- wp:code --><pre>&lt;?php system($_GET['x']); ?&gt; SELECT * FROM wp_users WHERE 1=1; /etc/passwd; `ls -la`</pre>"
    "<!-- /wp:code -->"
)
CODE = "<?php\n/* A theme's file. */\nrequire_once '../inc.php';\n$rows = $wpdb->get_results('SELECT * FROM t');\neval($x);\n"
SETTINGS = json.dumps({"blogname": {"value": "Paper & Sons"}, "custom_css[twentytwentyone]": {"value": "a{color:red}"}})


@dataclass(frozen=True)
class Ask:
    """A request. ``person``: by somebody who is logged in, else by a guest; ``json`` goes with the editor's nonce."""

    what: str
    method: str
    path: str
    person: bool = True
    data: dict[str, Any] | None = None
    json: Any = None
    files: dict[str, Any] | None = None
    content: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


def _post(what: str, path: str, **data: str) -> Ask:
    return Ask(what, "POST", path, data=data)


def _ajax(what: str, action: str, **data: str) -> Ask:
    return Ask(what, "POST", "/wp-admin/admin-ajax.php", data={"action": action, **data})


def _rest(what: str, method: str, path: str, **fields: Any) -> Ask:
    return Ask(what, method, f"/wp-json/{path}", json=fields)


def _guest(what: str, path: str, **data: str) -> Ask:
    return Ask(what, "POST" if data else "GET", path, person=False, data=data or None)


SEARCHES = ("<script>alert(1)</script>", "../../etc/passwd", "union select -- x", '100 % & "more"; 50%')
_SEARCHED = {"Referer": "http://guarded.localhost/wp-admin/edit.php?s=" + quote(SEARCHES[0])}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
ZIP = b"PK\x03\x04" + b"<?php eval($_POST['x']); system('id'); ?> ../../etc/passwd\r\n--\r\n" * 200

ORDINARY = [
    # The block editor and the site editor.
    _rest("a post with markup", "POST", "wp/v2/posts", title="Select a plan", content=MARKUP, status="draft"),
    _rest("a post by override", "PUT", "wp/v2/posts/1", content=MARKUP, excerpt=PROSE, meta={"x": "<script>1</script>"}),
    _rest("an autosave", "POST", "wp/v2/posts/1/autosaves?_locale=user", title="<b>x</b>", content=MARKUP),
    _rest("a page", "POST", "wp/v2/pages?_locale=user", title="Union -- select", content=MARKUP, status="draft"),
    _rest("a reusable block", "POST", "wp/v2/blocks", title="Code", content=MARKUP, status="publish"),
    _rest("a template", "POST", "wp/v2/templates/twentytwentythree//home?_locale=user", content=MARKUP),
    _rest("global styles", "POST", "wp/v2/global-styles/5", styles={"css": "a{content:'<script>'}"}, settings={}),
    _rest("a navigation", "POST", "wp/v2/navigation", title="Menu", content='<!-- wp:navigation-link {"url":"/"} /-->'),
    _rest("a widget", "POST", "wp/v2/widgets", id_base="block", sidebar="sidebar-1", instance={"raw": {"content": MARKUP}}),
    _rest("a category", "POST", "wp/v2/categories", name="Drop table", description=PROSE),
    _rest("the site's title", "POST", "wp/v2/settings", title="Paper & Sons", description="It's <all> here"),
    _rest("a profile", "POST", "wp/v2/users/1", description=MARKUP, url="http://127.0.0.1/"),
    _rest("a batch", "POST", "batch/v1", requests=[{"path": "/wp/v2/posts", "body": {"content": MARKUP}}]),
    _rest("a rendered block", "POST", "wp/v2/block-renderer/core/archives?context=edit", attributes={"x": MARKUP}),
    _rest("a product", "POST", "wc/v3/products", name="Plan", description=MARKUP, short_description=PROSE),
    Ask("a search in the editor", "GET", "/wp-json/wp/v2/search?search=select%20a%20plan%20from%20us&per_page=20"),
    Ask("a preview of a link", "GET", "/wp-json/wp-block-editor/v1/url-details?url=https%3A%2F%2Fexample.org%2Fa%3Fb%3Dc"),
    Ask("an embed", "GET", "/wp-json/oembed/1.0/proxy?url=https%3A%2F%2Fwww.youtube.com%2Fwatch%3Fv%3Dx"),
    Ask("posts for the editor", "GET", "/wp-json/wp/v2/posts?context=edit&_locale=user&_fields=id,title&orderby=date"),
    # Media, plugins, themes.
    Ask("a picture", "POST", "/wp-json/wp/v2/media", content=PNG,
        headers={"Content-Type": "image/png", "Content-Disposition": 'attachment; filename="a.png"'}),
    Ask("a picture in a form", "POST", "/wp-json/wp/v2/media", files={"file": ("a b.png", PNG, "image/png")}),
    Ask("a picture by wp-admin", "POST", "/wp-admin/async-upload.php", data={"name": "a.png", "action": "upload-attachment"},
        files={"async-upload": ("it's.png", PNG, "image/png")}),
    Ask("a plugin", "POST", "/wp-admin/update.php?action=upload-plugin", data={"_wpnonce": "0123456789"},
        files={"pluginzip": ("plugin.zip", ZIP, "application/zip")}),
    Ask("a theme", "POST", "/wp-admin/update.php?action=upload-theme", data={"_wpnonce": "0123456789"},
        files={"themezip": ("theme.zip", ZIP, "application/zip")}),
    _post("a theme's file", "/wp-admin/theme-editor.php", newcontent=CODE, file="functions.php", action="update"),
    _ajax("a theme's file at once", "edit-theme-plugin-file", newcontent=CODE, file="functions.php", theme="x"),
    # The classic wp-admin.
    _post("a classic post", "/wp-admin/post.php", action="editpost", content=MARKUP, post_title="Select from <b>", excerpt=PROSE),
    _post("a post's meta", "/wp-admin/post.php", action="editpost", metavalue=MARKUP, tracking="<script>ga()</script>"),
    _post("settings", "/wp-admin/options.php", option_page="general", action="update", blogdescription="It's <all> -- here",
          siteurl="http://127.0.0.1:8080", home="http://127.0.0.1:8080"),
    _post("a plugin's settings", "/wp-admin/options.php", option_page="header", action="update", head_code=MARKUP),
    _post("a plugin's page", "/wp-admin/admin.php?page=seo-tool&tab=general", robots="Disallow: /etc/\nAllow: ../", css=MARKUP),
    _post("the discussion's words", "/wp-admin/options.php", option_page="discussion", action="update",
          disallowed_keys="union select\n<script>\n/etc/passwd\n127.0.0.1"),
    _post("permalinks", "/wp-admin/options-permalink.php", permalink_structure="/%year%/%postname%/", selection="custom"),
    _post("a menu", "/wp-admin/nav-menus.php", action="update", **{
        "menu-name": "Top (main)", "nav-menu-data": json.dumps([{"name": "menu-item-url[1]", "value": "http://1.2.3.4/?"}])}),
    _post("a profile by form", "/wp-admin/profile.php", action="update", description=PROSE, url="http://1.2.3.4/",
          pass1="' OR 1=1 -- <script>"),
    _post("a user", "/wp-admin/user-new.php", action="createuser", user_login="o'neil", pass1="select * from t;"),
    _post("a comment edited", "/wp-admin/comment.php", action="editedcomment", content=MARKUP),
    _ajax("a text widget", "save-widget", **{"widget-text[2][text]": MARKUP, "widget-id": "text-2"}),
    _ajax("a block widget", "update-widget", **{"widget-block[3][content]": MARKUP}),
    _ajax("the customizer", "customize_save", wp_customize="on", customized=SETTINGS, customize_changeset_status="publish"),
    Ask("the customizer's preview", "POST", "/?customize_changeset_uuid=0b5f&customize_theme=x",
        data={"wp_customize": "on", "customized": json.dumps({"html": {"value": MARKUP}}), "partials": "{}"}),
    Ask("the customizer's page", "GET", f"/wp-admin/customize.php?url={quote('http://guarded.localhost/?p=1', safe='')}"),
    _ajax("the heartbeat", "heartbeat", **{
        "data[wp_autosave][content]": MARKUP, "data[wp_autosave][post_title]": "Select", "data[wp-refresh-post-lock][lock]": "1:1"}),
    _ajax("quick edit", "inline-save", post_title="Union 'select' <b>", post_name="x"),
    _ajax("a reply", "replyto-comment", content=PROSE + "<code>rm -rf /</code>"),
    _ajax("the media library", "query-attachments", **{"query[s]": "select a plan", "query[orderby]": "date"}),
    _ajax("a picture's words", "save-attachment", **{"changes[alt]": '"A" & <b>', "changes[description]": MARKUP}),
    _ajax("an embed by form", "parse-embed", shortcode="[embed]https://www.youtube.com/watch?v=x[/embed]"),
    Ask("a search in wp-admin", "GET", "/wp-admin/edit.php?s=select+*+from+users&post_type=post&action=-1&m=0"),
    Ask("joined scripts", "GET", "/wp-admin/load-scripts.php?c=0&load%5Bchunk_0%5D=jquery-core,jquery-migrate,utils&ver=6.1"),
    Ask("joined styles", "GET", "/wp-admin/load-styles.php?c=0&dir=ltr&load%5Bchunk_0%5D=dashicons,admin-bar,common&ver=6.1"),
    Ask("a list with a way back", "GET", "/wp-admin/edit.php?_wp_http_referer=%2Fwp-admin%2Fedit.php%3Fs%3Dx&action=trash&post%5B%5D=1"),
    # What a long walk by a browser found (tests/trial).
    *[Ask(f"{search} in a list", "GET", "/wp-admin/edit.php?" + urlencode({"s": search, "post_type": "post"})) for search in SEARCHES],
    *[Ask(f"{search} in the editor", "GET", "/wp-json/wp/v2/search?" + urlencode({"search": search})) for search in SEARCHES],
    *[Ask(f"{path} after a search", "GET", path, headers=_SEARCHED)
      for path in ("/favicon.ico", "/wp-admin/edit.php?paged=1")],
    Ask("what a link to an address leads to", "GET", "/wp-json/wp-block-editor/v1/url-details?url=http%3A%2F%2F192.0.2.1%2F%3Fa%3D..%2Fb"),
    Ask("a program's password", "POST", "/wp-json/wp/v2/users/1/application-passwords", data={"name": "My $(script); ${x}"}),
    Ask("a picture with its words", "POST", "/wp-json/wp/v2/media", data={"title": "SELECT a FROM b -- '; ${x}", "caption": MARKUP},
        files={"file": ("a.png", PNG, "image/png")}),
    _post("an editor's comment", "/wp-comments-post.php", comment=MARKUP + CODE, comment_post_ID="1"),
    Ask("a comment by a program", "POST", "/wp-json/wp/v2/comments/1", person=False, json={"content": MARKUP},
        headers={"Authorization": "Basic eDp5"}),
    # What the same walk found in a shop.
    _rest("the shop's desk", "POST", "wc-admin/onboarding/profile?_locale=user", store_name="O'Neil & ${x}", industry=[{"detail": MARKUP}]),
    _rest("a mail of the shop's", "POST", "wc-admin-email/settings/email/save-transient?nonce=0a&_locale=user", value=MARKUP),
    _rest("a report by mail", "POST", "wc-analytics/reports/orders/export", report_args={"filter": MARKUP}),
    Ask("orders looked for", "GET", "/wp-admin/admin.php?" + urlencode({"page": "wc-orders", "s": SEARCHES[0] + "${x}"})),
    Ask("products looked for", "GET", "/wp-admin/admin-ajax.php?" + urlencode(
        {"action": "woocommerce_json_search_products", "term": SEARCHES[2], "security": "0a"}), headers=_SEARCHED),
    *[Ask(f"{path} asked after a search", "GET", f"/wp-json/{path}", headers=_SEARCHED)
      for path in ("wp/v2/users/me?context=edit", "wc-analytics/orders?page=1", "wc-admin/options?options=a%2Cb")],
    *[_ajax(f"{action} in the shop", f"woocommerce_{action}", **{field: MARKUP + "${x}"}) for action, field in (
        ("add_order_note", "note"), ("save_order_items", "items"), ("calc_line_taxes", "items"), ("refund_line_items", "refund_reason"),
        ("save_variations", "variable_description[0]"), ("save_attributes", "data"), ("update_api_key", "description"),
        ("shipping_zone_methods_save_changes", "changes[zone_name]"), ("tax_rates_save_changes", "changes[a][tax_rate_name]"))],
    # Readers and customers.
    _guest("a search", "/?s=select+a+plan"),
    _guest("a search with quotes", "/?" + urlencode({"s": "the \"best\" it's all about: drop-off & table (2026)"})),
    _guest("a campaign's link", "/?utm_source=news&utm_campaign=select_plan&x=1&ref=" + quote("https://example.org/?a=b", safe="")),
    _guest("a comment with links", "/wp-comments-post.php", author="Anna O'Neil", email="a@example.org", url="https://example.org/",
           comment="Have a look at https://example.org/a?b=c and <a href=\"https://example.org\">this</a> -- it's great; I select it.",
           comment_post_ID="1"),
    _guest("a login", "/wp-login.php", log="editor", pwd="' OR 1=1; <script>--", redirect_to="http://guarded.localhost/wp-admin/"),
    _guest("a new password", "/wp-login.php?action=resetpass", pass1="' OR 1=1; <script>--", pass2="' OR 1=1; <script>--",
           rp_key="x"),
    _guest("a page's password", "/wp-login.php?action=postpass", post_password="<script>' or 1=1"),
    _guest("the cart", "/?wc-ajax=add_to_cart", product_id="12", quantity="1"),
    _guest("the checkout", "/?wc-ajax=checkout", billing_first_name="Anna", billing_last_name="O'Neil",
           billing_address_1="12 Union St. (rear), Flat #3", billing_email="a@example.org", billing_phone="+44 20 7946 0000",
           order_comments="Please don't ring -- leave at no. 10; or select a shop & update me.", account_password="a' OR 1=1;--",
           _wp_http_referer="/checkout/?a=b", payment_method="cod", terms="on"),
    _guest("the checkout's form so far", "/?wc-ajax=update_order_review", security="0a", payment_method="cod", country="GB",
           post_data="wc_order_attribution_user_agent=Mozilla%2F5.0%20(X11%3B%20Linux)&billing_first_name=Anna&billing_last_name=O'Neil"),
    Ask("the checkout of blocks", "POST", "/wp-json/wc/store/v1/checkout", person=False, json={
        "billing_address": {"first_name": "Anna", "last_name": "O'Neil", "address_1": "12 Union St.", "country": "GB"},
        "customer_note": "Select a shop, or leave it at the table -- it's fine.", "payment_method": "cod"}),
    _guest("a contact form", "/wp-json/contact-form-7/v1/contact-forms/5/feedback", **{
        "your-name": "Anna", "your-message": "Hello,\nI'd like to update my plan from A to B. See https://example.org?x=1 -- thanks!"}),
    _guest("a shop's filter", "/shop/?min_price=10&max_price=50&orderby=price-desc&filter_colour=red,blue"),
]  # fmt: skip

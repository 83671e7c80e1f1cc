"""Generated requests, each with a marker of its own somewhere: a seed gives the same ones again."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.functional.raw import request

_HEADERS = (
    "X-Forwarded-Host: {m}.example", "X-Forwarded-For: {m}", "X-Forwarded-Proto: {m}", "X-Forwarded-Prefix: /{m}",
    "X-Original-URL: /{m}", "X-Rewrite-URL: /{m}", "X-Host: {m}", "Forwarded: host={m};for={m}", "Client-IP: {m}",
    "Accept: {m}/{m}", "Accept: application/json", "Accept: image/avif,{m}", "Accept-Language: {m}", "Accept-Charset: {m}",
    "Accept-Encoding: {m}", "Accept-Encoding: br;Q=0, {m}", "Accept-Encoding: gzip;q=0.000, br;q={m}",
    "Accept-Encoding: gzip, deflate, br", "User-Agent: {m} iPhone Mobile", "Referer: http://{h}/{m}", "Origin: http://{m}.example",
    "Range: bytes=0-{n}", "Range: bytes={n}-", "Range: bytes=0-1,3-4,{n}-", "Range: {m}=1", "If-Range: \"{m}\"",
    "If-None-Match: \"{m}\"", "If-None-Match: *", "If-Modified-Since: Wed, 01 Jan 2098 00:00:00 GMT", "If-Match: {m}",
    "Cache-Control: no-cache, {m}", "Pragma: {m}", "Via: 1.1 {m}", "Max-Forwards: 0", "Expect: {m}", "Upgrade: {m}",
    "Connection: keep-alive, {m}", "Connection: X-Forwarded-Host", "X-HTTP-Method-Override: PUT", "X-Requested-With: {m}",
    "X-Pressroom-Ticket: {m}", "X-Pressroom-Urgent: {m}", "X-Pressroom-Cache: hit; {m}", "Proxy: {m}", "Status: 200 {m}",
    "X-Accel-Redirect: /{m}", "X-Sendfile: /{m}", "Sec-Fetch-Dest: {m}", "Save-Data: on", "DNT: {m}", "X-WP-Nonce: {m}",
    "Content-Type: text/{m}", "Host-Override: {m}", "x_forwarded_host: {m}", "X-\xff{m}: \xfe", "X-{m}: {m}", "{m}: x",
)  # fmt: skip
_COOKIES = (
    "{m}=1", "a={m}", "PHPSESSID={m}", "wordpress_test_cookie={m}", "wp-settings-1={m}", "lang={m}; theme={m}", "=; {m}",
    "x_wordpress_logged_in_={m}", "{m}" + "x" * 3000, "a[{m}]={m}", "\xff={m}", "a=\"{m}\"; $Version=1", "pressroom_device={m}.{m}",
)  # fmt: skip
_PERSONS = (
    "wordpress_logged_in_0123={m}%7C1999999999%7Cx%7Cy", "wordpress_sec_0123={m}", "comment_author_0123={m}", "wp-postpass_0123={m}",
    "woocommerce_cart_hash={m}", "wp_woocommerce_session_0={m}",
)  # fmt: skip
_TRACKING = (
    "utm_source={m}",
    "utm_{a}={m}",
    "gclid={m}",
    'fbclid="><{m}>',
    "gclid=%0d%0aX:{m}",
    "_ga={m}",
    "",
    "utm_source=",
)
_ARGUMENTS = (
    "x={m}", "{m}", "utm_source[]={m}", "%75tm_source={m}", "UTM_SOURCE={m}", "_jsonp={m}", "_envelope&{m}", "s={m}", "p=1&{m}",
    "page_id=2&x={m}", "feed={m}", "author={m}", "cat={m}", "m={n}&x={m}", "preview=true&{m}", "query-1-page={m}", "embed={m}",
    "query-1-page=1&query-2-page=1&{m}", "utm_source={m};x={m}", "a=1&a={m}&a[]={m}", "replytocom={m}", "cpage={n}&{m}",
    "rest_route=/wp/v2/posts&search={m}", "rest_route=/{m}", "x=%00{m}", "x=\xff{m}", "orderby={m}", "tb=1&{m}", "robots=1&{m}",
)  # fmt: skip
_ODD_METHODS = ("PURGE", "BAN", "TRACE", "CONNECT", "PROPFIND", "get", "G\xc9T", "{m}", "SUBSCRIBE", "DEBUG")
_ENDS = (
    "?{m}#{m}", "#{m}", "/{m}.css", "%2f{m}.js", "%0a{m}.css", "/index.php/{m}", "/feed/{m}/", "/..;/{m}", "%00{m}", "//{m}", "/./{m}/",
    ";{m}", "/{m}/../", "/%2e%2e/{m}", "\\{m}", "/page/{n}/", "/{n}/?{m}", "/embed/?{m}", "/trackback/{m}", "/{m}/feed/",
)  # fmt: skip
_REST = (
    "posts?search={m}",
    "posts?_jsonp={m}",
    "posts?_envelope={m}",
    "{m}",
    "users?search={m}",
    "posts/1?x={m}",
    "types?_fields={m}",
)
_FILES = (
    "/wp-includes/css/buttons.css?ver={m}", "/wp-includes/css/buttons.css?ver={m}-0123abcd", "/wp-includes/js/jquery/jquery.js?{m}",
    "/wp-includes/images/blank.gif?{m}", "/wp-content/{m}.css", "/wp-content/uploads/{m}.php", "/wp-content/uploads/{m}.jpg/a.php",
    "/.{m}", "/{m}.sql", "/{m}.bak", "/wp-config.php.{m}", "/xmlrpc.php?{m}", "/wp-cron.php?{m}", "/readme.html?{m}",
    "/.pressroom/body/{m}", "/article-1/.page?{m}", "/wp-admin/install.php?{m}", "/robots.txt?{m}", "/wp-includes/{m}/x.php",
)  # fmt: skip
_BROKEN = (
    "GET /article-1/ {m} HTTP/1.1\r\nHost: {h}\r\n\r\n", "GET /{m} HTTP/1.1\r\nHost: {h}\r\nHost: {m}\r\n\r\n",
    "GET /\x00{m} HTTP/1.1\r\nHost: {h}\r\n\r\n", "GET /%2e%2e/%2e%2e/{m} HTTP/1.1\r\nHost: {h}\r\n\r\n",
    "GET /article-1/ HTTP/1.1\r\n X: {m}\r\nHost: {h}\r\n\r\n", "GET /article-1/ HTTP/9.9{m}\r\nHost: {h}\r\n\r\n",
    "GET /article-1/ HTTP/1.1\r\nHost: {h}\r\nX: {m}\x00\r\n\r\n", "GET {m} HTTP/1.1\r\nHost: {h}\r\n\r\n",
    "GET http://{m}.example/article-1/ HTTP/1.1\r\nHost: {h}\r\n\r\n", "GET /article-1/ HTTP/1.1\r\nHost: {m}/{h}\r\n\r\n",
    "GET /article-1/ HTTP/1.1\r\nHost: {h}\r\nContent-Length: {m}\r\n\r\n", "GET /article-1/ HTTP/1.1\r\n\r\nX: {m}",
    "POST /article-1/ HTTP/1.1\r\nHost: {h}\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\nX: {m}\r\n\r\n",
    "GET /article-1/ HTTP/1.1\r\nHost: {h}\r\nCookie: {m}" + "x" * 9000 + "\r\n\r\n",
)  # fmt: skip


@dataclass(frozen=True)
class Hostile:
    """One request and its marker. `may_close`: the other side may end the connection behind its answer, or before."""

    data: bytes
    marker: str


class Traffic:
    """Requests at `pages` of the site `host`; of a hundred some ten have to be answered by PHP."""

    def __init__(self, seed: int, host: str, pages: Sequence[str]) -> None:
        self._chance = random.Random(seed)
        self._host = host
        self._pages = pages
        self._kinds: list[tuple[Callable[[], bytes], int]] = [
            (self._at_a_stored_page, 55),
            (self._at_a_file, 15),
            (self._broken, 10),
            (self._odd_method, 8),
            (self._with_arguments, 3),
            (self._odd_path, 3),
            (self._a_person, 2),
            (self._a_form, 2),
            (self._at_the_api, 2),
        ]
        self._mark = ""

    def next(self) -> Hostile:
        self._mark = f"mk{self._chance.getrandbits(48):012x}"
        make = self._chance.choices([kind for kind, _ in self._kinds], [weight for _, weight in self._kinds])[0]
        return Hostile(make(), self._mark)

    def _filled(self, text: str) -> str:
        for hole, value in (
            ("{m}", self._mark),
            ("{h}", self._host),
            ("{n}", str(self._chance.randint(1, 9999))),
            ("{a}", "x" * 9),
        ):
            text = text.replace(hole, value)
        return text

    def _one(self, choices: Sequence[str]) -> str:
        return self._filled(self._chance.choice(choices))

    def _headers(self, least: int = 0) -> list[str]:
        count = self._chance.randint(least, 4)
        made = [self._one(_HEADERS) for _ in range(count)]
        if self._chance.random() < 0.3:
            made.append(f"Cookie: {self._one(_COOKIES)}")
        return [line for line in made if not line.startswith(("Expect", "Content-Type"))]

    def _page(self) -> str:
        return self._chance.choice(self._pages)

    def _ask(self, target: str, headers: Sequence[str], method: str = "GET", body: bytes = b"") -> bytes:
        return request(target, *headers, host=self._host, method=method, body=body)

    def _at_a_stored_page(self) -> bytes:
        words = "&".join(self._one(_TRACKING) for _ in range(self._chance.randint(0, 3)))
        target = self._page() + (f"?{words}" if words else "")
        return self._ask(target, self._headers(1), self._chance.choice(("GET", "GET", "GET", "HEAD")))

    def _at_a_file(self) -> bytes:
        return self._ask(self._one(_FILES), self._headers())

    def _broken(self) -> bytes:
        return self._one(_BROKEN).encode("latin-1")

    def _odd_method(self) -> bytes:
        return self._ask(self._page(), self._headers(1), self._one(_ODD_METHODS))

    def _with_arguments(self) -> bytes:
        words = "&".join(self._one(_ARGUMENTS + _TRACKING) for _ in range(self._chance.randint(1, 2)))
        return self._ask(f"{self._page()}?{words}", self._headers(), self._chance.choice(("GET", "GET", "HEAD")))

    def _odd_path(self) -> bytes:
        begin = self._chance.choice(("", "", "/", "/.", "/x/..", "/%2e", "/index.php"))
        return self._ask(begin + self._page().rstrip("/") + self._one(_ENDS), self._headers())

    def _a_person(self) -> bytes:
        return self._ask(self._page(), [f"Cookie: {self._one(_PERSONS)}", *self._headers()])

    def _a_form(self) -> bytes:
        body = self._one(("x={m}&log={m}&pwd={m}", '{{"x": "{m}"}}', "<?xml version='1.0'?><{m}/>", "{m}")).encode()
        kind = self._chance.choice(
            ("application/x-www-form-urlencoded", "application/json", "multipart/form-data", "text/xml")
        )
        target = self._chance.choice(
            (self._page(), self._page(), "/wp-login.php", "/wp-admin/admin-ajax.php", "/xmlrpc.php")
        )
        headers = [f"Content-Length: {len(body)}", f"Content-Type: {kind}", *self._headers()]
        return self._ask(target, headers, self._chance.choice(("POST", "POST", "PUT", "PATCH", "DELETE")), body)

    def _at_the_api(self) -> bytes:
        return self._ask(
            f"/wp-json/wp/v2/{self._one(_REST)}",
            self._headers(),
            self._chance.choice(("GET", "GET", "HEAD", "OPTIONS")),
        )

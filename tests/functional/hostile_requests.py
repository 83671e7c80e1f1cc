"""Attempts from outside at the page store: requests, each with a marker, and what they may be answered with."""

from __future__ import annotations

from dataclasses import dataclass

from tests.functional.raw import request

PAGE = "/article-3/"
PERSON = "wordpress_logged_in_0123456789abcdef0123456789abcdef"


@dataclass(frozen=True)
class Attempt:
    """`<M>` stands for the marker, `<H>` for the site's host. `statuses`: what it may be answered with."""

    name: str
    target: str = PAGE
    headers: tuple[str, ...] = ()
    method: str = "GET"
    statuses: tuple[int, ...] = (200,)

    def bytes(self, mark: str, host: str) -> bytes:
        target, *headers = (text.replace("<M>", mark).replace("<H>", host) for text in (self.target, *self.headers))
        if any(header.startswith("Host:") for header in headers):
            return request(target, *headers, host=None, method=self.method)
        return request(target, *headers, host=host, method=self.method)


_FORGED = (
    "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Proto", "X-Forwarded-For",
    "X-Forwarded-Server", "Forwarded", "X-Host", "X-Original-URL", "X-Rewrite-URL", "X-Real-IP", "Client-IP",
)  # fmt: skip
CLAIMED = [Attempt(name, headers=(f"{name}: <M>.example",)) for name in _FORGED]

HEADERS = [
    Attempt("a range", headers=("Range: bytes=0-9", "X-Marked: <M>"), statuses=(200, 206)),
    Attempt("a range beyond the end", headers=("Range: bytes=99999999-", "X-Marked: <M>"), statuses=(200, 416)),
    Attempt("an old version", headers=('If-None-Match: "<M>"',)),
    Attempt("any version", headers=("If-None-Match: *", "X-Marked: <M>"), statuses=(200, 304)),
    Attempt("a later version", headers=("If-Modified-Since: Wed, 01 Jan 2098 00:00:00 GMT", "X-M: <M>"), statuses=(200, 304)),
    Attempt("no version", headers=('If-Match: "<M>"',), statuses=(200, 412)),
    Attempt("a head alone", headers=("X-Marked: <M>",), method="HEAD"),
    Attempt("JSON", headers=("Accept: application/json", "X-Marked: <M>")),
    Attempt("a language", headers=("Accept-Language: <M>",)),
    Attempt("an encoding", headers=("Accept-Encoding: <M>",)),
    Attempt("many encodings", headers=("Accept-Encoding: br;q=0, gzip;Q=1, <M>, *;q=0.1",)),
    Attempt("a forged login", headers=(f"Cookie: {PERSON}=<M>%7C1999999999%7Cx%7Cy",)),
    Attempt("a forged login, second header", headers=("Cookie: a=b", f"Cookie: {PERSON}=<M>")),
    Attempt("a forged unlocked password", headers=("Cookie: wp-postpass_0123456789abcdef=<M>",)),
    Attempt("a forged author of comments", headers=("Cookie: comment_author_0123456789abcdef=<M>",)),
    Attempt("a cart", headers=("Cookie: woocommerce_items_in_cart=1; wp_woocommerce_session_0=<M>",)),
    Attempt("a cookie of 8 KB", headers=("Cookie: a=<M>" + "x" * 8000,)),
    Attempt("a cookie of 9 KB", headers=("Cookie: a=<M>" + "x" * 9000,), statuses=(400,)),
    Attempt("an array of cookies", headers=("Cookie: a[<M>]=1; a[]=<M>; __Host-<M>=1",)),
    Attempt("a name and a password", headers=("Authorization: Basic bWs6bWs=", "X-Marked: <M>")),
    Attempt("another method inside", headers=("X-HTTP-Method-Override: <M>", "X-Method: <M>")),
    Attempt("a script for a script", headers=("X-Requested-With: XMLHttpRequest", "X-Marked: <M>", "Sec-Fetch-Dest: <M>")),
    Attempt("hop by hop", headers=("Connection: close, X-Forwarded-For, <M>", "TE: <M>")),
    Attempt("the recorder's switch", headers=("X-Pressroom-Ticket: <M>", "X-Pressroom-Urgent: 1")),
    Attempt("a line within a header", headers=("X-Marked: <M>\n X-Folded: <M>",), statuses=(200, 400)),
    Attempt("a NUL within a header", headers=("X-Marked: <M>\0",), statuses=(400,)),
    Attempt("a header of 0xff", headers=("X-Marked: <M>\xff\xfe\x80",)),
    Attempt("a carriage return within a header", headers=("X-Marked: <M>\rSet-Cookie: <M>",), statuses=(200, 400)),
]  # fmt: skip

HOSTS = [
    Attempt("two hosts", headers=("Host: <H>", "Host: <M>.example"), statuses=(400,)),
    Attempt("two hosts, other order", headers=("Host: <M>.example", "Host: <H>"), statuses=(400,)),
    Attempt("another host", headers=("Host: <M>.example",), statuses=(404,)),
    Attempt("no host", headers=("Host: ",), statuses=(400,)),
    Attempt("another port", headers=("Host: paper.localhost:1", "X-Marked: <M>")),
    Attempt("a port of words", headers=("Host: paper.localhost:<M>",), statuses=(200, 400)),
    Attempt("a way for a host", headers=("Host: ../../etc/<M>",), statuses=(400,)),
    Attempt("a dot at the end", headers=("Host: paper.localhost.", "X-Marked: <M>")),
    Attempt("an absolute target", target=f"http://<M>.example{PAGE}", statuses=(404,)),
    Attempt("an absolute target, own host", target=f"http://<H>{PAGE}", headers=("Host: <M>.example",)),
    Attempt("an absolute target with a user", target=f"http://<M>@<H>{PAGE}", statuses=(200, 400)),
    Attempt("an alias", headers=("Host: www.paper.localhost", "X-Forwarded-Host: <M>.example"), statuses=(301,)),
]

ARGUMENTS = [
    Attempt(words, target=f"{PAGE}?{words}", statuses=(200, 301, 302, 404))
    for words in (
        'utm_source="><script><M></script>', "utm_source=<M>&utm_source=<M>", "utm_source[]=<M>", "fbclid=<M>#<M>",
        "_jsonp=<M>", "_envelope=<M>", "x=<M>", "<M>", "gclid=%0d%0aSet-Cookie:<M>", "query-1-page=1&<M>",
        "query-1-page=2#<M>", "utm_source=<M>%00", "p=1&x=<M>", "preview=true&x=<M>", "feed=rss2&x=<M>", "s=<M>",
        "?utm_source=<M>", ";utm_source=<M>", "&&&utm_source=<M>&", "%75tm_source=<M>", "utm_source=x%26x=<M>",
        "replytocom=<M>", "wp_customize=<M>", "rest_route=/<M>", "embed=<M>", "cpage=<M>",
    )
]  # fmt: skip

_SHOWN = (200, 301, 302, 400, 404)
PATHS = [
    Attempt(target, target=target, headers=("X-Marked: <M>",), statuses=_SHOWN)
    for target in (
        "//article-3/", "/./article-3/", "/x/../article-3/", "/x/%2e%2e/article-3/", "/x/.%2e/article-3/",
        "/article-3//", "/article-3/.", "/article-3/./", "/article-3/x/..", "/article-3\\", "/\\article-3/",
        "/article-3%5c", "/%5carticle-3/", "/article-3/%00", "/article-3%00/", "/article-3/%0a", "/article-3%0d%0aX:<M>/",
        "/article-3/%2f", "/article%2d3/", "/%61rticle-3/", "/ARTICLE-3/", "/article-3/%", "/article-3/%zz", "/article-3;<M>",
        "/article-3/;<M>", "/article-3/<M>.css", "/article-3/%2f<M>.js", "/article-3/%0a<M>.css", "/article-3/x.css?<M>",
        "/article-3/index.php/<M>", "/index.php/article-3/", "/index.php?p=1&<M>", "/article-3/feed/<M>/", "/article-3/2/",
        "/article-3/page/2/", "/article-3/" + "x" * 4096, "/article-3/%C3%89<M>", "/article-3/%c3%A9<M>", "/article-3#<M>",
        "/article-3/#<M>", "/article-3/*", "*", "http:", "/article-3/ <M>", "/article-3/\xe9", "/article-3/%u0065",
    )
] + [
    Attempt("a forged person at what looks like a style sheet", target="/article-3/<M>.css", headers=(f"Cookie: {PERSON}=<M>",), statuses=_SHOWN),
    Attempt("the same encoded", target="/article-3/%2f<M>.js", headers=(f"Cookie: {PERSON}=<M>",), statuses=_SHOWN),
]  # fmt: skip

METHODS = [
    Attempt(method, headers=("Content-Length: 0", "X-Marked: <M>"), method=method, statuses=statuses)
    for method, statuses in (
        ("POST", (200,)), ("PUT", (200,)), ("DELETE", (200,)), ("PATCH", (200,)), ("OPTIONS", (200,)), ("PURGE", (405,)),
        ("BAN", (405,)), ("TRACE", (405,)), ("CONNECT", (400, 405)), ("PROPFIND", (405,)), ("FAKE", (405,)), ("get", (400,)),
    )
]  # fmt: skip

ATTEMPTS = CLAIMED + HEADERS + HOSTS + ARGUMENTS + PATHS + METHODS

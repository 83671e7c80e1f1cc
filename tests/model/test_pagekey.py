"""Which request targets have a key, and which key."""

from __future__ import annotations

import pytest

from pressroom.model.pagekey import is_canonical_path, is_paging, key_of

CANONICAL = [
    "/",
    "/a",
    "/a/",
    "/2026/01/a-day/",
    "/a.b/..c/...",
    "/.well-known/x",
    "/caf%c3%a9/",
    "/CAF%C3%89/",
    "/~user/",
    "/a!$'()*+,;=:@-_",
    "/" + "a" * 2047,
]
OTHER = [
    "",
    "a",
    "//",
    "//a",
    "/a//",
    "/a//b",
    "/.",
    "/..",
    "/./",
    "/../",
    "/a/./b",
    "/a/../b",
    "/a/..",
    "/a/.",
    "/%2e%2e/",
    "/.%2e/",
    "/%2E./a",
    "/a%2fb",
    "/a%5cb",
    "/a\\b",
    "/a%00",
    "/a%0a",
    "/a%3fb",
    "/a%41",
    "/a%20b",
    "/a%7e",
    "/a%c",
    "/a%",
    "/a%cg",
    "/a%%c3",
    "/caf\xe9/",
    "/a b",
    "/a\n",
    "/a\x00",
    "/a#b",
    "/a?b",
    '/a"',
    "/<script>",
    "/a|b",
    "/a{b}",
    "/" + "a" * 2048,
]


@pytest.mark.parametrize("path", CANONICAL)
def test_a_canonical_path_is_one(path: str) -> None:
    assert is_canonical_path(path)


@pytest.mark.parametrize("path", OTHER)
def test_any_other_form_is_none_and_has_no_key(path: str) -> None:
    assert not is_canonical_path(path)
    assert path == "/a?b" or key_of(path) is None


@pytest.mark.parametrize(
    ("target", "key"),
    [
        ("/a/", "/a/"),
        ("/a/?", "/a/"),
        ("/a/?&", "/a/"),
        ("/a/?utm_source=x", "/a/"),
        ("/a/?utm_source=", "/a/"),
        ("/a/?utm_source=x=y?z", "/a/"),
        ("/a/?gclid=1&fbclid=2&_ga=3", "/a/"),
        ("/a/?query-1-page=2", "/a/?query-1-page=2"),
        ("/a/?utm_medium=x&query-12-page=3&gclid=1", "/a/?query-12-page=3"),
        ("/?query-1234-page=123456", "/?query-1234-page=123456"),
    ],
)
def test_tracking_is_dropped_and_paging_is_kept(target: str, key: str) -> None:
    assert key_of(target) == key


@pytest.mark.parametrize(
    "arguments",
    [
        "x=1",
        "utm_source",
        "UTM_source=x",
        "utm_=x",
        "utm_source[]=x",
        "Xutm_source=x",
        "utm_source=x&y=1",
        "utm_source=x;y=1&y=1",
        "%75tm_source=x",
        "p=1",
        "s=word",
        "preview=true",
        "query-1-page=2&query-1-page=3",
        "query-1-page=2&query-2-page=3",
        "query-1-page=",
        "query-1-page=2x",
        "query-1-page=-2",
        "query-12345-page=1",
        "query-1-page=1234567",
        "query--page=1",
        "Query-1-page=1",
        "query-1-page=2\n",
        "xquery-1-page=2",
    ],
)
def test_any_other_argument_leaves_no_key(arguments: str) -> None:
    assert key_of(f"/a/?{arguments}") is None


@pytest.mark.parametrize(
    "path",
    [
        "/wp-admin",
        "/wp-admin/",
        "/wp-admin/index.php",
        "/wp-json/wp/v2/posts",
        "/wp-content/uploads/a.jpg",
        "/wp-includes/js/x.js",
        "/index.php",
        "/wp-login.php",
        "/a/b.php",
        "/a.php/b",
        "/xmlrpc.php",
        "/.git/config",
        "/.env",
    ],
)
def test_wordpress_own_rooms_scripts_and_dot_files_are_no_pages(path: str) -> None:
    assert key_of(path) is None


@pytest.mark.parametrize("path", ["/wp-adminx/", "/a/wp-admin/", "/a.phpx", "/wp-sitemap.xml", "/feed/", "/robots.txt"])
def test_what_only_looks_like_them_is_a_page(path: str) -> None:
    assert key_of(path) == path


def test_paging_is_one_whole_argument() -> None:
    assert is_paging("query-1-page=2")
    assert not is_paging("query-1-page=2&")
    assert not is_paging("")

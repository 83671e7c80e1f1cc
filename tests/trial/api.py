"""Programs that speak with WordPress's API, by a password of their own."""

from __future__ import annotations

from typing import Any

import httpx

from tests.trial import words
from tests.trial.walk import Walk
from tests.trial.words import LINK, MARKUP, PHP, PROSE, QUOTES, SHELL, SQL

_PASSWORD = "echo WP_Application_Passwords::create_new_application_password(1, ['name' => 'x' . microtime()])[0];"


class _Program:
    """Takes a step for each request."""

    def __init__(self, walk: Walk, client: httpx.Client) -> None:
        self._walk, self._client = walk, client

    def asks(self, method: str, path: str, fields: Any = None, **rest: Any) -> Any:
        with self._walk.step(f"a program: {method} {path.partition('?')[0]}") as step:
            answer = self._client.request(method, f"/wp-json/{path}", json=fields, **rest)
            step.asked.append(f"{method} {path} {answer.status_code}")
            assert answer.status_code < 300, answer.text[:200]
            return answer.json()
        return {}


def programs(walk: Walk) -> None:
    login = (walk.paper.value("SELECT user_login FROM wp_users WHERE ID=1"), walk.paper.php(_PASSWORD))
    with walk.paper.client() as client:
        client.auth = login
        program = _Program(walk, client)
        _posts(program)
        _rest(program)


def _posts(program: _Program) -> None:
    texts = (MARKUP, PHP, SQL, SHELL, QUOTES, f"<!-- wp:code --><pre>{PHP}</pre><!-- /wp:code -->", PROSE * 40)
    for text in texts:
        program.asks("POST", "wp/v2/posts", {"title": QUOTES, "content": text, "status": "publish"})
    number = program.asks("POST", "wp/v2/posts", {"title": SQL, "content": MARKUP, "status": "draft"}).get("id", 1)
    program.asks("PUT", f"wp/v2/posts/{number}", {"content": PHP, "excerpt": SHELL})
    program.asks("PATCH", f"wp/v2/posts/{number}", {"slug": "drop-table", "sticky": True})
    program.asks("POST", f"wp/v2/posts/{number}?_method=PUT", {"title": MARKUP})
    program.asks("GET", f"wp/v2/posts/{number}/revisions?context=edit")
    for search in words.SEARCHES[:2]:
        program.asks("GET", "wp/v2/posts", params={"search": search, "context": "edit", "_fields": "id,title"})
    program.asks(
        "GET",
        "wp/v2/posts?per_page=10&orderby=date&order=desc&categories=1&after=2020-01-01T00:00:00&status=draft,publish&context=edit",
    )
    program.asks("DELETE", f"wp/v2/posts/{number}?force=true")
    comment = program.asks("POST", "wp/v2/comments", {"post": 1, "content": PROSE}).get("id", 1)
    program.asks("POST", f"wp/v2/comments/{comment}", {"content": QUOTES, "status": "hold"})


def _rest(program: _Program) -> None:
    picture, pdf = words.picture("a b.png"), words.document()
    for upload in (picture, pdf):
        name = upload["name"].replace('"', "").replace(";", ",")
        headers = {"Content-Type": upload["mimeType"], "Content-Disposition": f'attachment; filename="{name}"'}
        program.asks("POST", "wp/v2/media", content=upload["buffer"], headers=headers)
    form = {"file": ("it's.png", picture["buffer"], "image/png")}
    number = program.asks("POST", "wp/v2/media", files=form, data={"title": SQL, "alt_text": QUOTES}).get("id", 1)
    program.asks("POST", f"wp/v2/media/{number}", {"caption": MARKUP, "description": PHP})
    program.asks("POST", "wp/v2/pages", {"title": SHELL, "content": MARKUP, "status": "publish"})
    program.asks("POST", "wp/v2/categories", {"name": f"{QUOTES} of programs", "description": SQL})
    program.asks("POST", "wp/v2/tags", {"name": "<b>; drop of programs", "description": MARKUP})
    program.asks("POST", "wp/v2/users/me", {"description": MARKUP + SQL, "url": LINK})
    program.asks("POST", "wp/v2/settings", {"title": "Paper & <Sons>", "description": QUOTES})
    program.asks("POST", "wp/v2/users/me/application-passwords", {"name": "a; b 'c'"})
    program.asks("GET", "wp/v2/users?context=edit&search=O%27Neil")
    program.asks("GET", "wp/v2/plugins")
    program.asks("GET", "wp/v2/themes?status=active")
    program.asks("GET", "?_embed&_fields=name,routes")
    batch = [{"method": "POST", "path": "/wp/v2/tags", "body": {"name": f"batch {at} {SQL[:40]}"}} for at in range(3)]
    program.asks("POST", "batch/v1", {"requests": batch, "validation": "normal"})

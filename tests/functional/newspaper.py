"""The site under test as its people use it: an editor in wp-admin and REST, readers, somebody with an SQL client."""

from __future__ import annotations

import re
import secrets
import shutil
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from pressroom.model.site import Site
from pressroom.operations import cache, sites
from pressroom.operations import running as nodes
from pressroom.operations.node import Node
from pressroom.stack import nginx
from pressroom.system import process
from tests.functional.fresh import internal_client

_FOOT = re.compile(r'<pre id="pressroom-test">(.*?)</pre>', re.DOTALL)


def _quoted(text: str) -> str:
    """As a literal of PHP."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


class Newspaper:
    """One site of a running node, with clients that keep their connections."""

    def __init__(self, node: Node, site: Site) -> None:
        self.node = node
        self.site = site
        self.place = node.layout.site(site.name)
        settings = node.state.settings()
        self.host = nginx.host(site, settings)
        self.base = f"http://127.0.0.1:{settings.http.port}"
        self.editor = self.client()
        self.nonce = ""

    def client(self) -> httpx.Client:
        """A browser without cookies. By plain HTTP, so it does without the certificates, which take 25 ms to load."""
        return httpx.Client(
            base_url=self.base, headers={"Host": self.host}, timeout=60, follow_redirects=False, verify=False
        )

    def prepare(self) -> None:
        """Content, the test plugin, comments without moderation, and a logged-in editor."""
        self.php(
            "require_once ABSPATH . 'wp-admin/includes/plugin.php';"
            "activate_plugin('pressroom-test/pressroom-test.php');"
            "update_option('comment_moderation', 0); update_option('comment_previously_approved', 0);"
            "update_option('comments_notify', 0); update_option('moderation_notify', 0);"
            "switch_theme('twentytwentyone'); wp_create_nav_menu('First menu');"
        )
        self.publish_articles(12)
        self.log_in()
        self.warm()

    def publish_articles(self, count: int) -> None:
        """Article 1, Article 2 and so on, one a day."""
        self.php(
            f"for ($i = 1; $i <= {count}; $i++) {{ wp_insert_post(['post_title' => \"Article $i\","
            " 'post_content' => 'Text.', 'post_status' => 'publish',"
            " 'post_date' => '2026-01-' . sprintf('%02d', $i) . ' 10:00:00']); }"
        )

    def log_in(self) -> None:
        link = sites.login_link(self.node, self.site.domain)
        answer = self.editor.get(link[link.index("/wp-login") :])
        assert answer.status_code == 302, answer.text
        # httpx keeps cookies by the address it speaks to, so that they are sent back to this node alone.
        nonce = self.editor.get("/wp-admin/admin-ajax.php?action=rest-nonce")
        assert nonce.status_code == 200, nonce.text
        self.nonce = nonce.text

    def php(self, code: str) -> str:
        """Run PHP inside WordPress, as the site's user, on the command line."""
        script = f"require '{self.place.public}/wp-load.php'; wp_set_current_user(1); {code}"
        return process.run(["php8.2", "-r", script], user=self.place.unix_user, cwd=self.place.public).stdout

    def as_editor(self, code: str) -> None:
        """Run PHP in a logged-in editor's request to wp-admin, which waits at the barrier like any other."""
        answer = self.editor.post("/wp-admin/admin-ajax.php", data={"action": "pressroom_test_run", "code": code})
        assert answer.status_code == 200, answer.text

    def as_event(self, code: str, patience: float = 10.0) -> None:
        """Run PHP as an event of WordPress's cron, by the way that the platform runs them; wait for its end.

        wp-cron.php answers before it runs anything, so that nobody is told when the event is over.
        """
        word = secrets.token_hex(8)
        self.php(f"wp_schedule_single_event(time() - 1, 'pressroom_test_run', [{_quoted(code)}, '{word}']);")
        with internal_client(self.node, self.site) as client:
            assert client.get("/wp-cron.php?doing_wp_cron").status_code in (200, 204)
        until = time.monotonic() + patience
        while self.value("SELECT option_value FROM wp_options WHERE option_name='pressroom_test_ran'") != word:
            assert time.monotonic() < until, f"the event does not run: {code}"
            time.sleep(0.02)

    def value(self, statement: str) -> str:
        """One value from the database, as text."""
        argv: list[str | Path] = ["mariadb", "-N", "-B", "-S", self.node.layout.mariadb_socket]
        return process.run([*argv, self.site.name, "-e", statement]).stdout.strip()

    def sql(self, statement: str) -> None:
        """As somebody with an SQL client: behind WordPress's back."""
        process.run(["mariadb", "-S", self.node.layout.mariadb_socket, self.site.name, "-e", statement])

    def rest(self, method: str, path: str, **fields: Any) -> Any:
        answer = self.editor.request(method, f"/wp-json/wp/v2/{path}", json=fields, headers={"X-WP-Nonce": self.nonce})
        assert answer.status_code < 300, answer.text
        return answer.json()

    def warm(self) -> cache.CacheStatus:
        return cache.warm(self.node, self.site.domain, patience=60)

    def stored_keys(self) -> list[str]:
        return [row["key"] for row in cache.stored_pages(self.node, self.site.domain)]

    def foot(self, client: httpx.Client, path: str = "/") -> str:
        """What the test plugin says at the foot of a page, as a visitor gets it."""
        answer = client.get(path)
        match = _FOOT.search(answer.text)
        assert match, f"{answer.status_code} {answer.headers.get('x-pressroom-cache')} {answer.text[:500]}"
        return match.group(1)

    def await_hit(self, path: str = "/", patience: float = 20.0) -> None:
        until = time.monotonic() + patience
        with self.client() as visitor:
            while visitor.get(path).headers.get("x-pressroom-cache") != "hit":
                assert time.monotonic() < until, f"{path} did not become a hit"
                time.sleep(0.02)

    def pause(self, name: str) -> Path:
        """Make the next render stop at a pause point; it goes on when the file is removed.

        A command that an earlier test ran has perhaps written a wp-config.php without pause points.
        """
        if "PRESSROOM_PAUSES" not in (self.place.public / "wp-config.php").read_text():
            nodes.up(self.node)
        file = self.place.private / f"pause-{name}"
        process.run(["touch", file], user=self.place.unix_user)
        return file

    def await_paused(self, name: str, patience: float = 10.0) -> None:
        until = time.monotonic() + patience
        while not (self.place.private / f"paused-{name}").exists():
            assert time.monotonic() < until, f"no render came to the pause point {name}"
            time.sleep(0.01)

    def forget_evidence(self) -> None:
        """Of pages that a test made wrong: `doctor` would tell of them for a day."""
        shutil.rmtree(self.node.layout.audit / self.site.name, ignore_errors=True)

    def program_pid(self, name: str) -> int:
        pids = self.node.engine.pids()
        return pids[name]

    def __enter__(self) -> Newspaper:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.editor.close()

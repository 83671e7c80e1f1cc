"""Chromium as readers and editors use it, with everything written down that went wrong on the way."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, sync_playwright

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.localhost 127.0.0.1",
)
_QUIET = Path(__file__).parent / "quiet_chromium.py"
DESKTOP = (1280, 900)
PHONE = (390, 844)
# What is on no clean record and still not ours, with its reason. Each pattern matches a whole complaint.
NOT_OURS = (
    # WordPress: the welcome guide of the block editor, shown once to each user, has its pictures at WordPress.org.
    re.compile(r"foreign request: https://s\.w\.org/images/block-editor/[a-z-]+\.(?:gif|svg)"),
    re.compile(r"failed: https://s\.w\.org/images/block-editor/[a-z-]+\.(?:gif|svg) \(net::\w+\)"),
    re.compile(r"console error: .* net::\w+ \(https://s\.w\.org/images/block-editor/[a-z-]+\.(?:gif|svg)\)"),
    # Chromium: a page that is left breaks off what it still asked for, as a test does sooner than a person.
    re.compile(r"failed: \S+ \(net::ERR_ABORTED\)"),
)


@dataclass
class Watched:
    """A browser profile of its own, and what it complained about."""

    context: BrowserContext
    page: Page
    host: str
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> None:
        self.context.on("console", self._on_console)
        self.context.on("weberror", lambda error: self._complain(f"exception: {error.error}"))
        self.context.on("request", self._on_request)
        self.context.on("requestfailed", lambda request: self._complain(f"failed: {request.url} ({request.failure})"))
        self.context.on("response", self._on_response)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._complain(f"console error: {message.text} ({message.location['url']})")

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https") and parts.hostname != self.host:
            self._complain(f"foreign request: {request.url}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400:
            self._complain(f"status {response.status}: {response.url}")

    def _complain(self, text: str) -> None:
        if not any(pattern.fullmatch(text) for pattern in NOT_OURS):
            self.complaints.append(text)

    def go(self, url: str) -> Response:
        answer = self.page.goto(url, wait_until="load")
        assert answer is not None, url
        return answer

    def sideways(self) -> int:
        """By how many pixels the page is wider than the window."""
        wider: int = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        return wider

    def pictures_not_loaded(self) -> list[str]:
        """The addresses of pictures that stay empty, each after it has been brought into view."""
        found: list[str] = self.page.evaluate(
            """async () => {
                for (const picture of document.images) {
                    picture.scrollIntoView();
                    await new Promise((seen) => {
                        if (picture.complete) return seen();
                        picture.addEventListener('load', seen);
                        picture.addEventListener('error', seen);
                    });
                }
                return [...document.images].filter((one) => !one.naturalWidth).map((one) => one.currentSrc || one.src);
            }"""
        )
        return found


@dataclass(frozen=True)
class Chromium:
    """One running browser; each `profile` is a stranger to the others."""

    browser: Browser

    @contextmanager
    def profile(self, host: str, size: tuple[int, int] = DESKTOP) -> Iterator[Watched]:
        """A fresh profile that may speak to one host alone."""
        context = self.browser.new_context(viewport={"width": size[0], "height": size[1]}, locale="en-GB")
        context.set_default_timeout(20_000)
        watched = Watched(context, context.new_page(), host)
        watched.listen()
        try:
            yield watched
        finally:
            context.close()


@contextmanager
def chromium(*, without: Sequence[str] = ()) -> Iterator[Chromium]:
    """Debian's Chromium; `without` these arguments of Playwright's own."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        start = Path(folder) / "chromium"
        start.write_text(f"#!{sys.executable}\nimport runpy\nrunpy.run_path({str(_QUIET)!r}, run_name='__main__')\n")
        start.chmod(0o755)
        browser = playwright.chromium.launch(
            executable_path=start, args=list(ARGUMENTS), ignore_default_args=list(without)
        )
        try:
            yield Chromium(browser)
        finally:
            browser.close()

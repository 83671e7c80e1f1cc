"""A person's way through a site, step by step, and what the firewall found in each.

A step is an action of a person whose requests PHP answered. What it wrote into the firewall's log is read at its end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Dialog, Error, Page, Request, Response

from pressroom.operations import firewall, sites
from pressroom.stack import nginx
from tests.functional.browser import Chromium, Watched
from tests.functional.newspaper import Newspaper

_ATTACK = "/?{word}=%3Cscript%3Ealert(1)%3C/script%3E"
_QUIET, _PATIENCE = 0.15, 20.0  # seconds without a request under way; the most that is waited for that
_FILES = ("/wp-includes/", "/wp-content/")
# As a person who types: the page's own scripts hear of it.
_PUT = """(spot, value) => {
    if (spot.type === 'checkbox' || spot.type === 'radio') { if (spot.checked !== value) spot.click(); return; }
    spot.value = value;
    for (const what of ['input', 'change']) spot.dispatchEvent(new Event(what, {bubbles: true}));
}"""
# A function of the page's, which may never come to its end. In milliseconds.
_BOUNDED = """given => Promise.race([(%s)(given), new Promise((_, failed) => setTimeout(
    () => failed(new Error('the page did not come to an end')), 30000))])"""
_PRESS = "spot => { spot.disabled = false; spot.click(); }"


@dataclass
class Step:
    """`asked`: what PHP answered; `broken`: why it could not be taken to its end."""

    what: str
    asked: list[str] = field(default_factory=list)
    found: list[firewall.Finding] = field(default_factory=list)
    broken: str = ""

    @property
    def taken_for_attacks(self) -> list[firewall.Finding]:
        return [one for one in self.found if one.verdict != "noted"]


class Walk:
    """The editor of a site at her desk, and a visitor; one of them acts at a time."""

    def __init__(self, paper: Newspaper, editor: Watched, visitor: Watched) -> None:
        self.paper = paper
        self.url = nginx.url(paper.site, paper.node.state.settings())
        self.steps: list[Step] = []
        self.taken: Callable[[Step], None] = lambda step: None
        self._editor, self._visitor = editor.page, visitor.page
        self.page: Page = self._editor
        self._under_way: set[Request] = set()
        self._seen = 0
        for context in (editor.context, visitor.context):
            context.on("request", self._on_request)
            context.on("requestfinished", self._on_end)
            context.on("requestfailed", self._on_end)
            context.on("response", self._on_response)
        for page in (self._editor, self._visitor):
            page.on("dialog", _accept)
            page.set_default_timeout(15_000)

    def _on_request(self, request: Request) -> None:
        if request.url.startswith(self.url):
            self._under_way.add(request)

    def _on_end(self, request: Request) -> None:
        self._under_way.discard(request)

    def _on_response(self, response: Response) -> None:
        if response.request.resource_type == "fetch":
            self._under_way.discard(response.request)  # a script may never read it, and then it is never finished
        state = response.headers.get("x-pressroom-cache", "hit")
        path = urlsplit(response.url).path
        if self.steps and not state.startswith("hit") and not path.startswith(_FILES):
            self.steps[-1].asked.append(f"{response.request.method} {path} {response.status}")

    # -- steps ------------------------------------------------------------------------------------------------------

    @contextmanager
    def step(self, what: str) -> Iterator[Step]:
        """What goes wrong in it is written down, and the walk goes on."""
        step = Step(what)
        self.steps.append(step)
        try:
            yield step
            self.settle()
        except (Error, httpx.HTTPError, AssertionError) as error:
            step.broken = " ".join(str(error).split())[:300]
        step.found += self._new()
        self.taken(step)

    def visit(self, what: str, path: str) -> None:
        with self.step(what):
            answer = self._go(path)
            assert answer is not None and answer.status < 400, answer and answer.status

    def form(self, what: str, path: str, fields: Mapping[str, Any], press: str) -> None:
        """Fill in a form and send it. `path`: where it is; the present page where it is empty."""
        with self.step(what):
            if path:
                self._go(path)
            self.put(fields)
            self.press(press)

    def _go(self, path: str) -> Response | None:
        """Once more where the machine got another device meanwhile, for which Chromium gives up what is under way."""
        with suppress(Error):
            return self.page.goto(f"{self.url}{path}", wait_until="load")
        return self.page.goto(f"{self.url}{path}", wait_until="load")

    def script(self, what: str, code: str, given: Any = None) -> Any:
        """Run what the page's own buttons run; the function's value, or nothing where it could not be had."""
        with self.step(what):
            return self.page.evaluate(_BOUNDED % code, given)
        return None

    @contextmanager
    def as_visitor(self) -> Iterator[None]:
        self.page = self._visitor
        try:
            yield
        finally:
            self.page = self._editor

    # -- within a step ----------------------------------------------------------------------------------------------

    def put(self, fields: Mapping[str, Any]) -> None:
        """By selector. Files are chosen, boxes set, the rest is typed."""
        for selector, value in fields.items():
            spot = self.page.locator(selector).first
            if isinstance(value, dict):
                spot.set_input_files(value)  # type: ignore[arg-type]  # a file as playwright takes it
            else:
                spot.evaluate(_PUT, value)

    def press(self, selector: str) -> None:
        self.page.locator(selector).first.evaluate(_PRESS)

    def settle(self) -> None:
        """Until the page asks for nothing more."""
        end = time.monotonic() + _PATIENCE
        quiet = time.monotonic()
        while time.monotonic() - quiet < _QUIET:
            self.page.wait_for_timeout(25)
            if self._under_way:
                quiet = time.monotonic()
            assert time.monotonic() < end, f"still asks for {[request.url for request in self._under_way][:3]}"
        self.page.wait_for_load_state("load")

    # -- the firewall's log -----------------------------------------------------------------------------------------

    def _found(self) -> list[firewall.Finding]:
        return firewall.findings(self.paper.node, self.paper.site.domain, 100_000)

    def _new(self) -> list[firewall.Finding]:
        found = self._found()
        new, self._seen = found[self._seen :], len(found)
        return new

    def require_watched(self) -> str:
        """The verdict on a plain attack, which shows that the firewall looks and that its log is read."""
        word = f"w{time.monotonic_ns()}"
        with self.paper.client() as stranger:
            stranger.get(_ATTACK.format(word=word))
        end = time.monotonic() + 5
        while not (told := [one for one in self._found() if word in one.request]):
            assert time.monotonic() < end, "the firewall does not look at this site: set it to detect or block"
            time.sleep(0.05)
        if self.steps:  # what came late is the last step's
            self.steps[-1].found += [one for one in self._new() if one not in told]
        self._seen = len(self._found())
        return told[0].verdict


def _accept(dialog: Dialog) -> None:
    with suppress(Error):  # the page may be gone by now
        dialog.accept()


@contextmanager
def begun(paper: Newspaper, chromium: Chromium) -> Iterator[Walk]:
    """A walk whose editor is logged in."""
    host = paper.site.domain
    with chromium.profile(host) as editor, chromium.profile(host) as visitor:
        walk = Walk(paper, editor, visitor)
        walk.require_watched()
        with walk.step("a login by link"):
            walk.page.goto(sites.login_link(paper.node, paper.site.domain), wait_until="load")
        yield walk
        walk.require_watched()

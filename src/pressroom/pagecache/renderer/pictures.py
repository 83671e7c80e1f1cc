"""Makes other forms of the pictures that stored pages show, when the renderer has nothing else to do.

A page's body names them (`src`, `srcset`, inline styles); PHP of the site makes them (`php/picture.php`), for a picture
comes from whoever may write there; the invalidator puts them in (`picture_store`). A form that saves less than a tenth,
or than a thousand bytes, is not worth its file.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote, urljoin, urlsplit

import httpx
import structlog
from selectolax.lexbor import LexborHTMLParser

from pressroom.model.layout import Layout
from pressroom.pagecache.invalidator.picture_store import FORMS, NONE, is_source, source_time
from pressroom.pagecache.roster import RosterSite
from pressroom.pagecache.store import PAGE, PageStore
from pressroom.system.messages import Message

_log = structlog.get_logger("pictures")
_TIMEOUT = 60.0
_WORTH_IT, _LEAST_GAIN = 0.9, 1000  # of the source's bytes; bytes
_MOST_WAITING = 100_000  # pages and pictures of a site; of more, those that come first are made
_IN_STYLE = re.compile(r"url\(\s*['\"]?([^'\")]+)")

Ask = Callable[[Message], Awaitable[Message]]


@dataclass
class _Waiting:
    """Of one site, each in the order in which they came: keys of pages to look through, paths of pictures to make."""

    pages: dict[str, None] = field(default_factory=dict)
    pictures: dict[str, None] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.pages) + len(self.pictures)


class Pictures:
    """What is to be made: sites take turns, each in the order in which the pages came that show it."""

    def __init__(self, layout: Layout, ask: Ask) -> None:
        """`ask` asks the invalidator."""
        self._layout = layout
        self._store = PageStore(layout.store)
        self._staging = layout.store / "staging" / "picture"
        self._ask = ask
        self._sites: dict[str, _Waiting] = {}  # none without anything
        self._at_work = ""  # the site
        self._failed: set[tuple[str, str, int]] = set()  # with the picture's time
        self._client = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(layout.internal_http_socket)), timeout=_TIMEOUT
        )

    def look_through(self, site: str, key: str) -> None:
        """This page is stored now: its pictures are wanted."""
        waiting = self._sites.setdefault(site, _Waiting())
        if len(waiting) < _MOST_WAITING:
            waiting.pages.setdefault(key)

    def want(self, site: str, paths: Iterable[str]) -> None:
        for path in paths:
            waiting = self._sites.setdefault(site, _Waiting())
            if len(waiting) < _MOST_WAITING:
                waiting.pictures.setdefault(path)

    def waiting(self, site: str) -> int:
        """Pages to look through and pictures to make, with what is under way."""
        return len(self._sites.get(site, ())) + (site == self._at_work)

    def __bool__(self) -> bool:
        return bool(self._sites)

    async def step(self, sites: dict[str, RosterSite]) -> None:
        """Make one picture, or look through one page. Raises ConnectionError when the invalidator is not there."""
        name = next(iter(self._sites))
        waiting = self._sites.pop(name)
        site = sites.get(name)
        if site is None or not site.pictures:
            return
        queue = waiting.pictures or waiting.pages
        what = next(iter(queue))
        del queue[what]
        if len(waiting):
            self._sites[name] = waiting  # the next turn is another site's
        self._at_work = name
        try:
            if queue is waiting.pages:
                self.want(name, await asyncio.to_thread(self._shown, site, what))
            else:
                await self._make(site, what)
        finally:
            self._at_work = ""

    def _shown(self, site: RosterSite, key: str) -> list[str]:
        """Paths of the page's pictures that have not been looked at."""
        generation = self._store.current(site.name)
        bodies = [] if generation is None else self._store.bodies(site.name, generation, key, PAGE)
        if not bodies:
            return []
        shown = pictures_of(bodies[0], f"http://{site.host}{key}", site.host)
        return [path for path in shown if not self._is_made(site.name, path)]

    def _is_made(self, site: str, path: str) -> bool:
        place = self._layout.site(site)
        time = source_time(place.public, path)
        if time is None or (site, path, time) in self._failed:
            return True
        for suffix in (*FORMS, NONE):
            try:
                if (place.pictures / f"{path.lstrip('/')}{suffix}").lstat().st_mtime_ns == time:
                    return True
            except OSError:
                continue
        return False

    async def _make(self, site: RosterSite, path: str) -> None:
        public = self._layout.site(site.name).public
        time = source_time(public, path)
        if time is None:
            return
        shutil.rmtree(self._staging, ignore_errors=True)
        self._staging.mkdir(parents=True)
        try:
            size = (public / path.lstrip("/")).stat().st_size
            most = min(int(size * _WORTH_IT), size - _LEAST_GAIN)
            for form in ("webp", "avif"):  # the slow one only when it beats the quick one
                if made := await self._fetch(site, path, form, most):
                    (self._staging / form).write_bytes(made)
                    most = len(made) - 1
        except (httpx.HTTPError, OSError) as error:  # its PHP is down, or the picture is too much for it
            self._failed.add((site.name, path, time))
            _log.warning("picture_failed", site=site.name, path=path, error=repr(error))
            return
        told = {"site": site.name, "path": path, "time": time, "folder": str(self._staging)}
        await self._ask({"op": "picture", **told})

    async def _fetch(self, site: RosterSite, path: str, form: str, most: int) -> bytes:
        """The picture in this form; empty when it is left alone, or larger than `most` bytes."""
        url = f"http://{site.host}/.pressroom/picture"
        made = bytearray()
        async with self._client.stream("GET", url, params={"path": path, "form": form}) as answer:
            if answer.status_code == 204:
                return b""
            if answer.status_code != 200:
                raise httpx.HTTPError(f"status {answer.status_code}")
            async for part in answer.aiter_raw():
                made += part
                if len(made) > most:  # the rest is not read
                    return b""
        return bytes(made)

    async def close(self) -> None:
        await self._client.aclose()


def pictures_of(body: bytes, base: str, host: str) -> list[str]:
    """Paths, in the document's order, of the pictures of this host that it shows and of which other forms are made."""
    found: dict[str, None] = {}
    for target in _targets(LexborHTMLParser(body.decode(errors="replace"))):
        try:
            parts = urlsplit(urljoin(base, target.strip()))
        except ValueError:
            continue
        path = unquote(parts.path)
        if parts.netloc.lower() == host and path.startswith("/") and is_source(path):
            found.setdefault(path)
    return list(found)


def _targets(tree: LexborHTMLParser) -> Iterable[str]:
    for node in tree.css("img, source, video, link[rel~=preload][as=image], [style*=url]"):
        for name in ("src", "poster", "href", "data-src"):
            if value := node.attributes.get(name):
                yield value
        for name in ("srcset", "imagesrcset", "data-srcset"):
            for candidate in (node.attributes.get(name) or "").split(","):
                yield candidate.strip().partition(" ")[0]
        yield from _IN_STYLE.findall(node.attributes.get("style") or "")

"""Makes one page: fetch it as an anonymous visitor would get it, judge, compress, hand it to the invalidator."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import time
import zlib
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path

import brotli
import httpx

from pressroom.pagecache.invalidator.invalidator import CHANGED
from pressroom.pagecache.matching.reads import to_plain
from pressroom.pagecache.renderer.frontier import Job
from pressroom.pagecache.renderer.probes import Answer, Overtaken, probe
from pressroom.pagecache.renderer.response import PHP_ERROR, Incomplete, Record, Verdict, judge, split
from pressroom.pagecache.roster import RosterSite
from pressroom.pagecache.store import PAGE, REDIRECT, TYPED
from pressroom.system.messages import Connection

_AGENT = "Mozilla/5.0 (compatible; Pressroom)"
_TIMEOUT = 60.0
_QUICK_BROTLI, _BEST_BROTLI = 5, 11
_QUICK_GZIP, _BEST_GZIP = 6, 9
_TOO_SMALL = 200  # bytes; below it compression gains nothing


@dataclass(frozen=True)
class Made:
    """What came of a render. ``outcome``: stored, refused, overtaken, failed or gone; ``why`` says more.

    ``same``: what was stored already is the same, and stays.
    """

    outcome: str
    why: str = ""
    content_type: str = ""
    body: bytes = b""
    mtime: int = 0
    kind: str = PAGE
    same: bool = False


@dataclass(frozen=True)
class Fresh:
    """A render of this moment that is not kept; ``body`` is what would lie in the store uncompressed."""

    status: int
    body: bytes


class Renderer:
    """Renders pages one at a time for each caller; several callers may run at once."""

    def __init__(self, internal_socket: Path, invalidator: Path, staging: Path) -> None:
        self._staging = staging
        self._invalidator = Connection(invalidator)
        self._client = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(internal_socket)),
            timeout=_TIMEOUT,
            follow_redirects=False,
            headers={"User-Agent": _AGENT, "Accept": "text/html,*/*;q=0.8", "Accept-Encoding": "identity"},
        )
        # Each render is a visitor's first: a cookie that a page sets comes back to none.
        self._client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))

    async def render(self, site: RosterSite, job: Job) -> Made:
        """Raises ConnectionError when the invalidator is not there."""
        known = await self._invalidator.ask({"op": "refused", "site": site.name, "key": job.key})
        if known.get("why"):
            return Made("refused", str(known["why"]))
        ticket = await self._begin(site.name, job.key, job.key)
        made = await self._fetch(site, job, ticket)
        if made.outcome != "stored":
            gone = made.outcome in ("refused", "gone")
            await self._invalidator.ask({"op": "abandon", "ticket": ticket, "gone": gone})
        return made

    async def fresh(self, site: RosterSite, key: str) -> Fresh | None:
        """For the audit. None when the origin did not come to an end, or says itself that something is wrong.

        Raises ConnectionError when the invalidator is not there.
        """
        ticket = await self._begin(site.name, "", key)
        try:
            response = await self._get(site, key, ticket)
            body, record = split(response.content, ticket)
            await self._follow(record)
        except (httpx.HTTPError, Incomplete):
            return None
        finally:
            await self._invalidator.ask({"op": "abandon", "ticket": ticket, "gone": False})
        if response.status_code >= 500 or record.no_store == PHP_ERROR:
            return None
        verdict = judge(response.status_code, response.headers.multi_items(), body, record)
        return Fresh(response.status_code, _plain(verdict, body))

    async def _get(self, site: RosterSite, key: str, ticket: str, *, urgent: bool = False) -> httpx.Response:
        headers = {"X-Pressroom-Ticket": ticket, **({"X-Pressroom-Urgent": "1"} if urgent else {})}
        return await self._client.get(f"http://{site.host}{key}", headers=headers)

    async def _begin(self, site: str, key: str, page: str) -> str:
        """`key` is empty for a render of the page that is thrown away."""
        answer = await self._invalidator.ask({"op": "begin", "site": site, "key": key, "page": page})
        return str(answer["ticket"])

    async def _follow(self, record: Record) -> bool:
        """Until the invalidator has seen what this render wrote itself, and knows whose it is; whether it has."""
        if not record.wrote:
            return True
        return bool((await self._invalidator.ask({"op": "follow", "sequence": record.wrote})).get("done"))

    async def _fetch(self, site: RosterSite, job: Job, ticket: str) -> Made:
        began = time.perf_counter()
        try:
            response = await self._get(site, job.key, ticket, urgent=job.urgent)
            body, record = split(response.content, ticket)
            followed = await self._follow(record)
        except httpx.HTTPError as error:
            return Made("failed", repr(error))
        except Incomplete as error:
            not_yet = response.status_code >= 500 or "x-pressroom-unknown" in response.headers
            return Made("failed" if not_yet else "refused", str(error))
        if not followed:
            return Made(
                "overtaken", "what it wrote itself is not seen yet", response.headers.get("content-type", ""), body
            )
        seconds = time.perf_counter() - began
        if response.status_code >= 500:
            return Made("failed", f"status {response.status_code}")
        if response.status_code in (404, 410):
            return Made("gone", f"status {response.status_code}")
        verdict = judge(response.status_code, response.headers.multi_items(), body, record)
        if verdict.refused:
            return Made("refused", verdict.refused)
        if verdict.head is not None and verdict.head.get("location") == f"http://{site.host}{job.key}":
            return Made("refused", "redirects to itself")
        try:
            why = await self._varies(site, job, ticket, record, saying(response, body))
        except Overtaken:
            return Made("overtaken", "it changed while it was probed", response.headers.get("content-type", ""), body)
        if why:
            return Made("refused", why)
        return await self._publish(job, ticket, verdict, body, record, seconds, response)

    async def _varies(self, site: RosterSite, job: Job, ticket: str, record: Record, said: bytes) -> str:
        """Why the page is not the same for every visitor, as far as is known; the first of a view are probed.

        Raises Overtaken when it changed meanwhile.
        """
        page = {"site": site.name, "key": job.key, "view": record.view, "ticket": ticket}
        if record.varies:
            await self._invalidator.ask({"op": "varies", **page, "view": "", "why": record.varies})
            return record.varies
        known = await self._invalidator.ask({"op": "view", **page})
        if known.get("why") or not known.get("probe"):
            return str(known.get("why") or "")
        why = await probe(lambda headers: self._probe(site, job, headers), said)
        await self._invalidator.ask({"op": "varies", **page, "why": why})
        return why or ""

    async def _probe(self, site: RosterSite, job: Job, headers: dict[str, str]) -> Answer | None:
        """A render that is thrown away. None when it did not come to its end."""
        ticket = await self._begin(site.name, "", job.key)
        try:
            url = f"http://{site.host}{job.key}"
            response = await self._client.get(url, headers={**headers, "X-Pressroom-Ticket": ticket})
            body, record = split(response.content, ticket)
            await self._follow(record)
        except (httpx.HTTPError, Incomplete):
            return None
        finally:
            await self._invalidator.ask({"op": "abandon", "ticket": ticket, "gone": False})
        return None if response.status_code >= 500 else Answer(saying(response, body), dict(record.cookies))

    async def _publish(
        self, job: Job, ticket: str, verdict: Verdict, body: bytes, record: Record, seconds: float,
        response: httpx.Response,
    ) -> Made:  # fmt: skip
        plain = _plain(verdict, body)
        folder = self._staging / ticket
        try:
            await asyncio.to_thread(_stage, folder, verdict, body)
            answer = await self._invalidator.ask(
                {
                    "op": "publish",
                    "ticket": ticket,
                    "fence": list(record.fence),
                    "folder": str(folder),
                    "kind": verdict.kind,
                    "size": len(plain),
                    "digest": hashlib.sha256(plain).hexdigest(),
                    "render_seconds": round(seconds, 4),
                    "queries": record.queries,
                    "reads": to_plain(record.reads),
                    "valid_until": record.until,
                    "valid_why": record.until_why,
                    "view": record.view,
                }
            )
        except OSError as error:
            return Made("failed", f"could not be staged: {error}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        kind = response.headers.get("content-type", "")
        why = answer.get("refused") if answer["ok"] else answer.get("why")
        if why:
            return Made("overtaken" if why == CHANGED else "refused", str(why), kind, body)
        return Made("stored", "", kind, body, int(answer["mtime"]), verdict.kind, bool(answer["same"]))

    async def recompress(self, site: str, key: str, made: Made) -> None:
        """Replace a stored page's quick compression by the best there is."""
        folder = self._staging / f"re-{hashlib.sha256(f'{site} {key}'.encode()).hexdigest()[:24]}"
        stem = "page" if made.kind == PAGE else "body"
        try:
            await asyncio.to_thread(_compress, folder, stem, made.body, _BEST_BROTLI, _BEST_GZIP)
            await self._invalidator.ask(
                {
                    "op": "recompress",
                    "site": site,
                    "key": key,
                    "mtime": made.mtime,
                    "folder": str(folder),
                    "kind": made.kind,
                }
            )
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    async def close(self) -> None:
        self._invalidator.close()
        await self._client.aclose()


def _plain(verdict: Verdict, body: bytes) -> bytes:
    return json.dumps(verdict.head).encode() if verdict.kind == REDIRECT else body


def saying(response: httpx.Response, body: bytes) -> bytes:
    """All that a visitor is told: status, where to go, the body."""
    return f"{response.status_code} {response.headers.get('location', '')}\n".encode() + body


def _stage(folder: Path, verdict: Verdict, body: bytes) -> None:
    folder.mkdir(parents=True)
    if verdict.head is not None:
        (folder / "head").write_text(json.dumps(verdict.head))
    if verdict.kind in (PAGE, TYPED):
        stem = "page" if verdict.kind == PAGE else "body"
        (folder / stem).write_bytes(body)
        _compress(folder, stem, body, _QUICK_BROTLI, _QUICK_GZIP)


def _compress(folder: Path, stem: str, body: bytes, brotli_quality: int, gzip_level: int) -> None:
    if len(body) < _TOO_SMALL:
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{stem}.br").write_bytes(brotli.compress(body, mode=brotli.MODE_TEXT, quality=brotli_quality))
    packer = zlib.compressobj(gzip_level, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    (folder / f"{stem}.gz").write_bytes(packer.compress(body) + packer.flush())

"""What the renderer and the CLI may ask of the invalidator, by the word ``op`` (see `system.messages`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from pressroom.pagecache.binlog.positions import Position
from pressroom.pagecache.invalidator.barrier import PassedCommits
from pressroom.pagecache.invalidator.invalidator import Invalidator
from pressroom.pagecache.invalidator.picture_store import PictureStore
from pressroom.pagecache.invalidator.stock import Rendered
from pressroom.pagecache.invalidator.swap import Swaps
from pressroom.pagecache.matching.reads import from_plain, text_of
from pressroom.pagecache.store import Staged
from pressroom.system.messages import Message

_log = structlog.get_logger(__name__)
_FOLLOWED = 2.0  # seconds
_AT_ONCE = frozenset(["alive", "swapped"])  # they wait for nothing, and the other tells the event loop's own objects
# The renderer's: by these it brings files in. The control user, who may ask for the rest, has no part in them.
PRIVATE = frozenset(
    [
        "abandon",
        "begin",
        "checked",
        "picture",
        "publish",
        "recompress",
        "refused",
        "stands",
        "swapped",
        "unchecked",
        "varies",
        "view",
    ]
)


class Requests:
    """Each ``_op_`` method answers one kind of request; what it returns is sent with ``ok``."""

    def __init__(
        self,
        invalidator: Invalidator,
        swaps: Swaps,
        commits: PassedCommits,
        pictures: PictureStore,
        *,
        caught_up: Callable[[], bool],
        look: Callable[[], None],
        figures: Callable[[str | None], Message],
    ) -> None:
        """`look` sees at once to what is looked at now and then; `figures` are the daemon's own, of one site or all."""
        self._invalidator = invalidator
        self._swaps = swaps
        self._commits = commits
        self._pictures = pictures
        self._caught_up = caught_up
        self._look = look
        self._figures = figures

    async def answer(self, request: Message) -> Message:
        try:
            if request["op"] == "attend":
                await asyncio.to_thread(self._look)
                return {"ok": True}
            if request["op"] == "follow":
                return {"ok": True, "done": await self._follow(int(request["sequence"]))}
            answer = getattr(self, f"_op_{request['op']}")
            if request["op"] in _AT_ONCE:
                return {"ok": True, **answer(request)}
            # The disk may take nothing for a while: who waits at the barrier hears that it is worked on meanwhile.
            return {"ok": True, **await asyncio.to_thread(answer, request)}
        except (KeyError, AttributeError, TypeError, ValueError, OverflowError) as error:
            _log.warning("bad_request", request=request.get("op"), error=repr(error))
            return {"ok": False, "why": f"bad request: {error!r}"}

    async def _follow(self, sequence: int) -> bool:
        """Whether the binlog is followed up to this transaction, soon."""
        try:
            async with asyncio.timeout(_FOLLOWED):
                await self._commits.wait(sequence)
        except TimeoutError:
            return False
        return True

    def _op_begin(self, request: Message) -> Message:
        return {"ticket": self._invalidator.begin(request["site"], request["key"], request.get("page"))}

    def _op_abandon(self, request: Message) -> Message:
        self._invalidator.abandon(request["ticket"], gone=bool(request.get("gone")))
        return {}

    def _op_publish(self, request: Message) -> Message:
        file, offset = request["fence"]
        outcome = self._invalidator.publish(
            request["ticket"],
            Rendered(
                Position.parse(file, offset),
                Staged(Path(request["folder"]), request["kind"]),
                request["size"],
                request["digest"],
                request["render_seconds"],
                request["queries"],
                from_plain(request["reads"]),
                request.get("valid_until"),
                request.get("valid_why") or "",
                request.get("view") or "",
            ),
        )
        return {"refused": outcome.refused, "mtime": outcome.mtime, "same": outcome.same}

    def _op_refused(self, request: Message) -> Message:
        return {"why": self._invalidator.refused(request["site"], request["key"])}

    def _op_view(self, request: Message) -> Message:
        why, probe = self._invalidator.look_at_view(request["site"], request["key"], request["view"])
        return {"why": why, "probe": probe}

    def _op_varies(self, request: Message) -> Message:
        self._invalidator.was_probed(request["ticket"], request["view"], request["why"])
        return {}

    def _op_recompress(self, request: Message) -> Message:
        staged = Staged(Path(request["folder"]), request["kind"])
        return {"done": self._invalidator.recompress(request["site"], request["key"], request["mtime"], staged)}

    def _op_picture(self, request: Message) -> Message:
        folder = Path(request["folder"])
        done = self._pictures.publish(request["site"], request["path"], int(request["time"]), folder)
        return {"done": done}

    def _op_take_out(self, request: Message) -> Message:
        return {"done": self._invalidator.take_out(request["site"], request["key"], request.get("why"))}

    def _op_drop(self, request: Message) -> Message:
        self._invalidator.drop(request["site"], request["why"])
        return {}

    def _op_unchecked(self, request: Message) -> Message:
        page = self._invalidator.longest_unchecked(request["site"])
        return {"page": page[:2] if page else None}

    def _op_checked(self, request: Message) -> Message:
        self._invalidator.put_check(request["site"], request["key"], request["outcome"], request["why"])
        return {}

    def _op_audited(self, request: Message) -> Message:
        figures = self._invalidator.audit_figures(request["site"])
        return {"figures": figures, "unchecked": self._invalidator.longest_unchecked(request["site"])}

    def _op_place(self, request: Message) -> Message:
        """How far the binlog has been followed, and whether a change of the site is held."""
        place = self._invalidator.place
        return {
            "caught_up": self._caught_up() and place is not None,
            "place": (place.file, place.offset) if place else None,
            "passed": self._invalidator.passed,
            "held": self._invalidator.is_held(request["site"]),
        }

    def _op_alive(self, request: Message) -> Message:
        return {}

    def _op_swapped(self, request: Message) -> Message:
        self._swaps.rendered(request["site"])
        return {}

    def _op_status(self, request: Message) -> Message:
        return self._figures(request.get("site"))

    def _op_page(self, request: Message) -> Message:
        row, stored = self._invalidator.page(request["site"], request["key"])
        if row is None:
            return {"page": None}
        reads = self._invalidator.reads_of(request["site"], request["key"])
        return {"page": {**_plain(row), "stored": stored, "reads": sorted({text_of(read) for read in reads})}}

    def _op_stands(self, request: Message) -> Message:
        return {"stored": self._invalidator.page(request["site"], request["key"])[1]}

    def _op_unanalysed(self, request: Message) -> Message:
        return {"statements": self._invalidator.unanalysed(request["site"])}

    def _op_change(self, request: Message) -> Message:
        noted = self._invalidator.change(request["site"], request.get("sequence"))
        return {"change": None if noted is None else {**vars(noted), "end": list(noted.end)}}

    def _op_pages(self, request: Message) -> Message:
        rows = self._invalidator.pages(request["site"])
        return {"pages": [{**_plain(row), "stored": stored} for row, stored in rows]}


def _plain(row: Any) -> Message:
    fields = dict(vars(row))
    fields["fence"] = list(fields["fence"])
    return fields

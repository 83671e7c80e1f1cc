"""Checksums that WordPress.org publishes of plugins in its directory. Where it cannot be reached, there are none."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

import structlog

from pressroom.integrity.places import is_code

if TYPE_CHECKING:
    import ssl

_log = structlog.get_logger("scanner")
ADDRESS = "https://downloads.wordpress.org/plugin-checksums"
_PLUGIN = re.compile(r"wp-content/plugins/([a-z0-9-]{1,100})\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_SECONDS = 3.0
_LARGEST = 8 * 2**20  # bytes of an answer
_AGAIN = 3600.0  # seconds until one that could not be reached is asked again


class Published:
    """Asks over HTTPS alone, and follows no redirection."""

    def __init__(
        self,
        address: str = ADDRESS,
        *,
        context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = address
        self._context = context
        self._clock = clock
        self._not_before = 0.0

    def manifest(self, place: str, version: str) -> dict[str, str] | None:
        """Of a plugin's code, by its place and version; None where nothing is published, or nobody answers. Blocks."""
        plugin = _PLUGIN.match(place)
        if plugin is None or not version or self._clock() < self._not_before:
            return None
        answer = self._fetch(f"{self._address}/{plugin[1]}/{quote(version, safe='')}.json")
        try:
            return None if answer is None else _manifest(json.loads(answer))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            _log.warning("checksums_unreadable", place=place, version=version, error=repr(error))
            return None

    def _fetch(self, url: str) -> bytes | None:
        # Heavy, and for many a node never needed.
        from http.client import HTTPException
        from urllib.error import HTTPError
        from urllib.request import (
            HTTPDefaultErrorHandler,
            HTTPErrorProcessor,
            HTTPSHandler,
            OpenerDirector,
            UnknownHandler,
        )

        opener = OpenerDirector()
        opener.add_handler(HTTPSHandler(context=self._context))
        for kind in (HTTPDefaultErrorHandler, HTTPErrorProcessor, UnknownHandler):
            opener.add_handler(kind())
        try:
            with opener.open(url, timeout=_SECONDS) as answer:
                text: bytes = answer.read(_LARGEST + 1)
            return text if len(text) <= _LARGEST else None
        except HTTPError as error:
            error.close()
            return None
        except (OSError, HTTPException) as error:
            _log.info("wordpress_org_unreachable", error=str(error), again_in=_AGAIN)
            self._not_before = self._clock() + _AGAIN
            return None


def _manifest(answer: dict[str, dict[str, dict[str, str | list[str]]]]) -> dict[str, str] | None:
    made = {}
    for name, sums in answer["files"].items():
        digests = sums.get("sha256", "")
        several = [digests] if isinstance(digests, str) else digests
        if is_code(name) and all(_DIGEST.match(one) for one in several):
            made[name] = " ".join(several)
    return made or None

"""A node that does nothing of its own accord while it is measured."""

from __future__ import annotations

import logging
import time

import structlog

from pressroom.operations import cache
from pressroom.operations.node import Node

_PICTURES = 1800.0  # seconds; the demo's take some minutes right after it is made
_RESTS = 3600.0  # seconds for which nothing is checked or made ahead, unless `wake` comes first


def quietly() -> None:
    """Of what operations log say errors alone: the rest would stand between the figures."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def settle(node: Node, domain: str, *, pictures: bool = False) -> None:
    """Until all pages of the site are stored in their best form (and its pictures in all of theirs); then the renderer
    rests.
    """
    cache.warm(node, domain)
    until = time.monotonic() + _PICTURES
    while cache.ask_renderer(node, {"op": "status"})["recompress"] and time.monotonic() < until:
        time.sleep(0.5)
    while pictures and (left := cache.status(node, domain).pictures_waiting) and time.monotonic() < until:
        print(f"{left} pictures and pages with pictures wait", flush=True)
        time.sleep(5)
    cache.rest(node, _RESTS)


def wake(node: Node) -> None:
    """The renderer goes on with what it does of its own accord."""
    cache.rest(node, 0)

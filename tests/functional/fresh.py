"""Renders of this moment, made as the renderer makes them and thrown away: what stored pages are compared with."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from pressroom.model.site import Site
from pressroom.operations.cache import ask_invalidator
from pressroom.operations.node import Node
from pressroom.pagecache.renderer.response import Incomplete, split
from pressroom.stack import nginx


@dataclass(frozen=True)
class Fresh:
    """``status`` is HTTP's."""

    status: int
    body: bytes


def render_fresh(node: Node, client: httpx.Client, site: str, key: str) -> Fresh | None:
    """None when it did not come to its end. `client` is of `internal_client`."""
    ticket = str(ask_invalidator(node, {"op": "begin", "site": site, "key": key})["ticket"])
    try:
        answer = client.get(key, headers={"X-Pressroom-Ticket": ticket})
        return Fresh(answer.status_code, split(answer.content, ticket)[0])
    except (httpx.HTTPError, Incomplete):
        return None
    finally:
        ask_invalidator(node, {"op": "abandon", "ticket": ticket, "gone": False})


def internal_client(node: Node, site: Site) -> httpx.Client:
    """Comes in where renders come in."""
    transport = httpx.HTTPTransport(uds=str(node.layout.internal_http_socket), verify=False)
    return httpx.Client(transport=transport, timeout=60, base_url=nginx.url(site, node.state.settings()))

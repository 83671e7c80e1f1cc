"""What sites' programs may see, take and reach: the policy of a site, and the node's rules for the network as text."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pressroom
from pressroom.model.layout import Layout, SiteLayout
from pressroom.model.site import NodeSettings
from pressroom.model.walls import AccountCaps, Caps, Space, Walls
from pressroom.stack import nginx
from pressroom.stack.templates import fill
from pressroom.system import network


def site_walls(place: SiteLayout, settings: NodeSettings) -> Walls:
    """Its own files to be written, and of the node's what its PHP reads or connects to."""
    node, tenants = place.node, settings.tenants
    return Walls(
        reads=(
            node.php,
            node.etc / "msmtprc",
            node.mariadb_run,
            place.fpm_config,
            place.object_versions.parent,
        ),
        writes=(place.public, place.private, place.log, place.gate.parent),
        tmp=place.private / "tmp",
        caps=Caps(
            group=place.name,
            memory=tenants.memory_mb * 2**20,
            processes=tenants.processes,
            open_files=tenants.open_files,
            connections=tenants.connections,
        ),
    )


def scan_walls(place: SiteLayout, settings: NodeSettings) -> Walls:
    """For the worker that looks at the site's files: its document root, and of the node's what Python needs."""
    node = place.node
    code = node.code or Path(pressroom.__file__).parent.parent
    walls = site_walls(place, settings)
    return dataclasses.replace(
        walls,
        reads=(node.python.parent.parent, code),
        writes=(place.public,),
        caps=dataclasses.replace(walls.caps, connections=None),  # it does not see MariaDB
    )


def account_caps(settings: NodeSettings) -> AccountCaps:
    return AccountCaps(settings.tenants.connections, float(settings.tenants.statement_seconds))


def site_space(settings: NodeSettings) -> Space:
    return Space(settings.tenants.disk_mb * 2**20, settings.tenants.files)


def network_rules(layout: Layout, settings: NodeSettings, resolvers: list[str]) -> tuple[str, str]:
    """The text for nft(8), which replaces what an earlier one said; and its name, which its table carries."""
    ports = [port for port in (settings.http.port, settings.https.port) if port is not None]
    values = {
        "table": network.table(layout.prefix),
        "devices": network.device_prefix(layout.prefix),
        "gateway": network.GATEWAY,
        "ports": ", ".join(str(port) for port in ports),
        "loopback": nginx.loopback(settings),
        "resolvers": resolvers,
        "reach": settings.tenants.reach.split(",") if settings.tenants.reach else [],
    }
    # Of the whole text, so that an upgrade which changes the rules puts them in force.
    digest = hashlib.blake2b(fill("walls.nft.j2", digest="", **values).encode(), digest_size=8).hexdigest()
    return fill("walls.nft.j2", digest=digest, **values), digest

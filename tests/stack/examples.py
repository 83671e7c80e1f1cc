"""Values that stand for what the state store hands out."""

from __future__ import annotations

from datetime import UTC, datetime

from pressroom.model.secrets import Secret
from pressroom.model.site import HttpSettings, HttpsSettings, NodeSettings, Site, SiteStatus

_SALTS = ("AUTH_KEY", "SECURE_AUTH_KEY", "LOGGED_IN_KEY", "NONCE_KEY")


def site(name: str = "s1", domain: str = "news.example.org", aliases: tuple[str, ...] = ()) -> Site:
    """A site that is ready, on the core 6.9."""
    return Site(
        name=name,
        domain=domain,
        aliases=aliases,
        title="The News",
        admin_email="editor@example.org",
        admin_user="editor",
        core="6.9",
        previous_core=None,
        source="debian",
        status=SiteStatus.READY,
        salts=tuple((key, Secret(f"salt of {key}")) for key in _SALTS),
        created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )


def settings(listen: str = "127.0.0.1", port: int = 8080, https_port: int | None = None) -> NodeSettings:
    return NodeSettings(http=HttpSettings(listen=listen, port=port, proxies=None), https=HttpsSettings(port=https_port))

"""Makes a site's credentials anew, while it serves."""

from __future__ import annotations

from pressroom.model.errors import Conflict
from pressroom.model.secrets import new_salts
from pressroom.model.site import SiteStatus
from pressroom.operations import sites
from pressroom.operations.node import Node


def rotate(node: Node, domain: str) -> str:
    """Keys and salts, one-time login links, and the certificate's key. Returns in words what is new.

    wp-config.php is exchanged in one step, and each request reads it once: it is answered with the old secrets or with
    the new. The pages, which hold nonces and addresses made with the old ones, go with it. Cut short, it can be run
    again, and `up` puts in force what is already decided.
    """
    site = node.state.site(domain)
    if site.status is not SiteStatus.READY:
        raise Conflict(f"{site.domain} is not ready", hint=f"`pressroom site show {site.domain}` tells its status")
    node.state.set_salts(site.name, new_salts())
    settings = node.state.settings()
    node.hands.forget_logins(site, settings)
    sites.finish(node, node.state.site(site.domain))
    if settings.https.port is None:
        return "the keys of logins and nonces"
    node.hands.renew_certificate(site, settings)
    return "the keys of logins and nonces, and the certificate's"

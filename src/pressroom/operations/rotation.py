"""Makes a site's credentials anew, while it serves."""

from __future__ import annotations

from pressroom.control.actions import IssueCertificate, Plan
from pressroom.model.errors import Conflict
from pressroom.model.secrets import new_salts
from pressroom.model.site import SiteStatus
from pressroom.operations import sites
from pressroom.operations.node import Node
from pressroom.operations.sites import SiteWordPress


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
    place = node.layout.site(site.name)
    sites.run_inside(node, site, ["find", str(place.private / "logins"), "-mindepth", "1", "-delete"])
    sites.finish(node, node.state.site(site.domain))
    if node.state.settings().https.port is None:
        return "the keys of logins and nonces"
    names, authority = (site.domain, *site.aliases), node.layout.authority
    issue = IssueCertificate(place.certificate, names, authority, reason="the site's secrets are made anew")
    node.applier(SiteWordPress(node)).apply(Plan((issue,)))
    return "the keys of logins and nonces, and the certificate's"

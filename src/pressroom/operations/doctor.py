"""Looks a node over: what is missing, down, closed, full; and what to do about it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pressroom.database import growth
from pressroom.model.errors import NotRunning, PressroomError
from pressroom.model.layout import SiteLayout
from pressroom.model.site import Site, SiteStatus
from pressroom.operations import audit, cache, scans, trail
from pressroom.operations import running as nodes
from pressroom.operations.node import Node, require_root
from pressroom.operations.suspects import suspects_of
from pressroom.pagecache.renderer.evidence import Evidence
from pressroom.stack import firewall, nginx
from pressroom.system import enclosure, files, mounts, network, space
from pressroom.system.cgroups import MEMORY, PROCESSES, PROCESSOR, Cgroups
from pressroom.system.quotas import Quotas

_PROGRAMS = ("nginx", "php-fpm8.2", "php8.2", "mariadbd", "mariadb-install-db", "msmtp", "bwrap", "nft", "ip")
_LOW_SPACE = 2_000_000_000  # bytes
_LATELY = 86400.0  # seconds
_LONGEST_DROP_IN = 65_536  # bytes; ours is far below that
_NEARLY = 0.95  # of a bound
# So many pages in an hour, and more than are stored: the site's renders undo one another.
_MANY_TAKEN = 50
OK, WRONG, NOTE = "ok", "wrong", "note"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. ``verdict``: ok, note or wrong."""

    check: str
    verdict: str
    detail: str
    advice: str = ""


def examine(node: Node) -> list[Finding]:
    """Changes nothing; needs nothing to be running."""
    findings = [*_machine(node)]
    if not node.exists():
        return [*findings, Finding("node", NOTE, f"there is none at {node.root}", "pressroom up")]
    findings += _parts(node)
    findings += _walls(node)
    findings += _audit_trail(node)
    if node.hands.alive():
        findings += _sites(node)
    return findings


def _machine(node: Node) -> Iterator[Finding]:
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    missing = [name for name in _PROGRAMS if shutil.which(name, path=path) is None]
    missing += [name for name, file in firewall.PACKAGES.items() if not file.exists()]
    yield (
        Finding("programs", WRONG, f"missing: {', '.join(missing)}", "python3 bootstrap.py")
        if missing
        else Finding("programs", OK, "all there")
    )
    try:
        require_root()
        yield Finding("rights", OK, "root, and the root folder can be reached")
    except PressroomError as error:
        yield Finding("rights", WRONG, error.message, error.hint)
    free = files.free_bytes(node.root)
    verdict = WRONG if free < _LOW_SPACE else OK
    yield Finding("space", verdict, f"{free / 1e9:.1f} GB free", "free some space" if verdict == WRONG else "")


def _walls(node: Node) -> Iterator[Finding]:
    """What keeps a site's programs in, and what this machine cannot hold."""
    if enclosure.refused():
        detail = "this machine (or container) gives no namespaces: no site's PHP can start"
        yield Finding(
            "walls", WRONG, f"{detail} ({enclosure.refused()})", "run the node where root may make namespaces"
        )
        return
    held = Cgroups(node.layout.prefix).held()
    missing = [name for name in (MEMORY, PROCESSES, PROCESSOR) if name not in held]
    if missing:
        detail = f"no cap by cgroups for {', '.join(missing)}: one site can take that from the others"
        yield Finding("caps", NOTE, detail, "give the machine (or container) these controllers of cgroups")
    else:
        yield Finding("caps", OK, "memory, processes and processor of each site")
    yield _gates(node)
    yield _disk(node)
    if network.rules_in_force(node.layout.prefix) is None:
        detail = "the rules for the sites' networks are not in force: their PHP reaches nothing, itself neither"
        yield Finding("network", WRONG, detail, "pressroom up")
    elif not enclosure.resolvers():
        detail = "the machine's name server is on its loopback alone, where sites cannot ask it: no name resolves there"
        yield Finding("network", NOTE, detail, "name another `nameserver` in /etc/resolv.conf")
    else:
        yield Finding("network", OK, "sites reach the world, and nothing of this machine but its pages")


def _gates(node: Node) -> Finding:
    """Whether a site can have nginx follow a link to what it may not read itself."""
    gates = node.layout.gates
    places = [gates, *(gates / site.name for site in node.state.sites())]
    if all(mounts.follows_no_links(place) for place in places if place.exists()):
        return Finding("gates", OK, "nginx follows no link that a site lays")
    detail = f"{gates} is not mounted as it was: nginx sends what a site lays links to, other sites' keys among it"
    return Finding("gates", WRONG, detail, "pressroom up")


def _disk(node: Node) -> Finding:
    """Whether one site can fill the disk of all."""
    if Quotas(node.root).enforced():
        return Finding("disk", OK, "space and files of each site are bounded by quotas")
    places = [(site.domain, node.layout.site(site.name)) for site in node.state.sites()]
    unbounded = [domain for domain, place in places if space.room(place.home, place.unix_user).by == space.NOTHING]
    images = node.state.settings().tenants.images
    if not unbounded and (places or images):
        return Finding("disk", OK, "space and files of each site are bounded: each is a file system of its own")
    who = "any site" if len(unbounded) == len(places) else ", ".join(unbounded)
    detail = f"no cap by quotas here: {who} can fill the disk of all"
    return Finding("disk", NOTE, detail, _how_to_bound(*space.file_system(node.root)))


def _how_to_bound(mounted_at: str, kind: str) -> str:
    image = "`pressroom settings --set tenants.images=on`: sites made from then on are file systems of their own"
    if kind == "ext4":
        return (
            f"install the package quota; write usrquota among the options of {mounted_at} in /etc/fstab; then"
            f" `mount -o remount,usrquota {mounted_at}`, `quotacheck -cum {mounted_at}`, `quotaon -u {mounted_at}`,"
            f" `pressroom up`. Where the kernel refuses that: {image}"
        )
    if kind == "xfs":
        return f"mount {mounted_at} with the option uquota (of /: rootflags=uquota), then `pressroom up`; or {image}"
    return f"have the node on ext4 or XFS with quotas; or {image}"


def _parts(node: Node) -> Iterator[Finding]:
    parts = nodes.status(node)
    for part in parts:
        if part.state not in ("running", "asleep"):
            yield Finding(part.name, WRONG, part.state, f"pressroom up (its log: pressroom logs {part.name})")
    if all(part.state in ("running", "asleep") for part in parts):
        asleep = sum(part.state == "asleep" for part in parts)
        yield Finding("parts", OK, "all run" + (f", {asleep} sites asleep until somebody asks" if asleep else ""))


def _audit_trail(node: Node) -> Iterator[Finding]:
    verdict = trail.check(node)
    if verdict.fault is not None:
        advice = "pressroom audit verify; docs/security.md tells what may have happened"
        yield Finding("audit", WRONG, f"not as it was written: {verdict.fault.what}", advice)
    else:
        yield Finding("audit", OK, f"{verdict.number} lines, each as it was written")


def _sites(node: Node) -> Iterator[Finding]:
    try:
        scanned = scans.overview(node)
    except NotRunning:  # told among the parts
        scanned = {}
    for site in node.state.sites():
        if site.status is SiteStatus.CREATING:
            yield Finding(site.domain, WRONG, "was not created to its end", f"pressroom site create {site.domain}")
            continue
        if site.status is SiteStatus.DELETING:
            yield Finding(site.domain, WRONG, "was not deleted to its end", f"pressroom site delete {site.domain}")
            continue
        yield from _site_cache(node, site)
        yield from _full(node, site)
        yield from _wrong_pages(node, site)
        yield from _scanned(site, scanned.get(site.name))
        if not _has_drop_in(node.layout.site(site.name)):
            yield Finding(
                site.domain, WRONG, "wp-content/db.php is not Pressroom's: pages cannot be stored", "pressroom up"
            )


def _has_drop_in(place: SiteLayout) -> bool:
    """Looked at with the site's own rights: any folder on the way may be a link of its making."""
    try:
        with files.as_owner_of(place.private):
            return b"PRESSROOM_PHP" in files.read_end(place.content / "db.php", _LONGEST_DROP_IN)
    except OSError:
        return False


def _scanned(site: Site, last: dict[str, Any] | None) -> Iterator[Finding]:
    """What the scanner knows of the site's files."""
    if last is None or last["at"] is None:
        return
    if last["trouble"]:
        yield Finding(
            site.domain, WRONG, f"its files could not all be looked at: {last['trouble']}", "pressroom logs scanner"
        )
    if last["findings"]:
        count = "a finding" if last["findings"] == 1 else f"{last['findings']} findings"
        yield Finding(site.domain, WRONG, f"{count} among its files", f"pressroom site scan {site.domain} --last")


def _full(node: Node, site: Site) -> Iterator[Finding]:
    """What of a site has come to its bound."""
    place, tenants = node.layout.site(site.name), node.state.settings().tenants
    room = space.room(place.home, place.unix_user)
    if room.used and room.most:
        for what, used, most in (
            ("space", room.used.bytes, room.most.bytes),
            ("files", room.used.files, room.most.files),
        ):
            if used > _NEARLY * most:
                detail = f"{100 * used // most} percent of its {what} on disk are used: soon it cannot write any more"
                yield Finding(site.domain, WRONG, detail, _more_room(room.by))
    size = growth.size_of(node.layout.mariadb_data / site.name)
    if size > tenants.database_mb * 2**20:
        detail = f"its database has {size // 2**20} MB, more than it may: it takes no new rows"
        more = f"pressroom settings --set tenants.database_mb={2 * tenants.database_mb}"
        yield Finding(site.domain, WRONG, detail, f"drop tables that nobody needs, or {more}")


def _more_room(by: str) -> str:
    if by == space.QUOTAS:
        return "remove what nobody needs, or raise tenants.disk_mb and tenants.files by `pressroom settings --set`"
    return "remove what nobody needs; a file system of a site's own keeps the bounds that it was made with"


def _wrong_pages(node: Node, site: Site) -> Iterator[Finding]:
    """What the audit found lately. The pages are out, so visitors get right ones: what is wrong is the promise."""
    found = Evidence(node.layout.audit).newest(site.name, time.time() - _LATELY)
    if found:
        newest = found[0]
        when = datetime.fromtimestamp(newest.found_at, UTC).isoformat(timespec="seconds")
        count = "a stored page was" if len(found) == 1 else f"{len(found)} stored pages were"
        url = f"{nginx.url(site, node.state.settings())}{newest.key}"
        folder = audit.evidence_folder(node, site.name, newest.folder)
        yield Finding(
            site.domain,
            WRONG,
            f"{count} not right in the last 24 hours, the last {url} at {when}; it was taken out and made anew."
            f" Evidence: {folder}",
            "read difference.diff there: if files were changed by hand, `pressroom cache purge` after such changes;"
            f" else report it with that folder, and see `pressroom cache audit {site.domain}` for the other pages",
        )


def _variations(node: Node, site: Site, figures: cache.CacheStatus) -> Iterator[Finding]:
    """Pages that are another one for each visitor, and which code may be the cause."""
    for key, why in figures.varies:
        suspects = suspects_of(node.layout.site(site.name).content, why)
        detail = f"pages like {key} are not stored: {why}" + (
            f"; it is read in {', '.join(suspects)}" if suspects else ""
        )
        yield Finding(site.domain, NOTE, detail, "let a script in the page do it, or give each variant its own address")


def _site_cache(node: Node, site: Site) -> Iterator[Finding]:
    try:
        figures = cache.status(node, site.domain)
    except PressroomError as error:
        yield Finding(site.domain, WRONG, error.message, error.hint)
        return
    yield _store(site, figures)
    yield from _variations(node, site, figures)
    if figures.taken_by_renders >= max(_MANY_TAKEN, figures.stored):
        yield Finding(
            site.domain,
            NOTE,
            f"what a plugin writes while a page is made took out {figures.taken_by_renders} pages in the last hour, "
            f"the last by {figures.renders_wrote}",
            f"`pressroom cache explain {site.domain} --change LAST` tells more; let a script of the page count",
        )


def _store(site: Site, figures: cache.CacheStatus) -> Finding:
    detail = f"{figures.stored} pages stored, {figures.queued} to render, {figures.refused} may not be stored"
    if figures.refusals:
        detail += f" (why: pressroom cache status {site.domain})"
    if figures.gate != "open":
        return Finding(site.domain, WRONG, f"its page store is closed; {detail}", "pressroom logs invalidator")
    if figures.unwatched:
        advice = "give pages back by `pressroom cache purge` after a change of code"
        if "max_user_watches" in figures.unwatched:
            advice = "sysctl fs.inotify.max_user_watches=1048576, then `pressroom down` and `up`"
        elif "leads out" in figures.unwatched:
            advice = (
                "put what it leads to into the site's home; until then `pressroom cache purge` after a change of it"
            )
        return Finding(site.domain, NOTE, f"changes of its code may go unseen ({figures.unwatched}); {detail}", advice)
    if figures.is_full:
        return Finding(
            site.domain,
            NOTE,
            f"it has more pages than may be stored; {detail}",
            f"pressroom settings --set cache.max_pages_per_site={2 * figures.most}, or find out what makes so many",
        )
    return Finding(site.domain, OK, detail)

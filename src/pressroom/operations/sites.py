"""Sites: created, listed, logged into, moved to another core, deleted."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

from pressroom.control.inside import Inside
from pressroom.mail.mailbox import Message, list_messages
from pressroom.model.errors import CommandFailed, Conflict, NotFound
from pressroom.model.inert import inert_line
from pressroom.model.names import Domain, valid_admin_user, valid_email, valid_title
from pressroom.model.secrets import new_salts, new_token
from pressroom.model.site import Site, SiteStatus
from pressroom.operations.node import Node, require_root, require_running
from pressroom.stack import nginx
from pressroom.stack.php import sendmail
from pressroom.system import messages, process
from pressroom.wordpress.sources import parse_source

# How long a login link is good for. Seconds.
LOGIN_LIFE = 60
# While nginx does not know a new site its renders fail, and the renderer pauses for longer each time: asking ends that.
# Seconds.
_ASK_AGAIN = 0.1
_VISITS_READ = 16 * 2**20  # bytes of the log of all sites' visits, from its end


@dataclass(frozen=True)
class NewSite:
    """What a user says of a new site, checked. Raises InvalidInput where it is made."""

    domain: str
    title: str
    admin_email: str
    admin_user: str
    aliases: tuple[str, ...]
    wordpress: str

    @classmethod
    def check(
        cls, domain: str, *, title: str, admin_email: str, admin_user: str, aliases: list[str], wordpress: str
    ) -> NewSite:
        name = str(Domain.parse(domain))
        others = tuple(str(Domain.parse(alias)) for alias in aliases)
        if len({name, *others}) != 1 + len(others):
            raise Conflict("the same domain is given twice", hint="name each domain once")
        parse_source(wordpress)
        return cls(
            name,
            valid_title(title or name),
            valid_email(admin_email or f"admin@{name if '.' in name else name + '.localhost'}"),
            valid_admin_user(admin_user),
            others,
            wordpress,
        )


def create(node: Node, new: NewSite) -> Site:
    """A running site from nothing, or from where an interrupted `create` of the same domain stopped."""
    require_running(node)
    site = _desired_site(node, new)
    finish(node, site)
    return node.state.site(site.domain)


def require_free(node: Node, new: NewSite) -> None:
    """Raises Conflict when one of the domains belongs to another site."""
    for domain in (new.domain, *new.aliases) if node.exists() else ():
        try:
            known = node.state.site(domain)
        except NotFound:
            continue
        if known.domain != new.domain or known.status is not SiteStatus.CREATING:
            raise Conflict(f"{domain} belongs to the site {known.domain}", hint="choose another domain")


def _require_same(known: Site, new: NewSite) -> None:
    """What is half made is finished as it was begun. Raises Conflict when something else is asked for."""
    asked = (new.title, new.admin_email, new.admin_user, new.aliases, new.wordpress)
    begun = (known.title, known.admin_email, known.admin_user, known.aliases, known.source)
    if asked != begun:
        raise Conflict(
            f"{new.domain} is half made, with other options than these",
            hint=f"create it with the same options as before, or `pressroom site delete {new.domain}` first",
        )


def _desired_site(node: Node, new: NewSite) -> Site:
    try:
        known = node.state.site(new.domain)
    except NotFound:
        known = None
    if known is not None and known.domain == new.domain and known.status is SiteStatus.CREATING:
        _require_same(known, new)
        return known
    if known is not None:
        raise Conflict(
            f"{new.domain} is {'an alias of ' + known.domain if known.domain != new.domain else 'a site already'}",
            hint=f"`pressroom site show {known.domain}` shows it",
        )
    require_free(node, new)  # before a core is stored for it
    core = node.hands.keep_core(new.wordpress)
    return node.state.add_site(
        domain=new.domain,
        title=new.title,
        admin_email=new.admin_email,
        admin_user=new.admin_user,
        aliases=new.aliases,
        core=core,
        source=new.wordpress,
        salts=new_salts(),
    )


def finish(node: Node, site: Site) -> None:
    """Do what is left of a site's plan, and count it as ready."""
    node.hands.make_site(site, node.state.settings(), node.roster())
    await_answer(node, site)
    if site.status is not SiteStatus.READY:
        node.state.set_status(site.name, SiteStatus.READY)


def await_answer(node: Node, site: Site, patience: float = 15.0) -> None:
    """Until nginx knows the site (it takes a new configuration over on its own time) and its front page is stored.

    A front page that may not be stored is not waited for.
    """
    until = time.monotonic() + patience
    want = {"op": "want", "site": site.name, "keys": ["/"]}
    look = {"op": "page", "site": site.name, "key": "/"}
    asked = 0.0
    while time.monotonic() < until:
        if time.monotonic() - asked > _ASK_AGAIN:
            messages.ask(node.layout.renderer_socket, want, what="renderer")
            asked = time.monotonic()
        page = messages.ask(node.layout.invalidator_socket, look, what="invalidator")["page"]
        if page and page["stored"]:
            return
        time.sleep(0.02)


def inside(node: Node, site: Site) -> Inside:
    """Where the site's own programs run; root's alone to enter."""
    return node.maker.inside(site, node.state.settings())


def run_inside(
    node: Node, site: Site, argv: list[str], *, stdin: str | bytes = "", timeout: float = 120.0, check: bool = True
) -> process.Completed:
    """Run a program as the site's user behind the site's walls. Raises as `process.run` does."""
    return inside(node, site).run(argv, stdin=stdin, timeout=timeout, check=check)


def delete(node: Node, domain: str) -> Site:
    """Take a site away: user, database, files, processes, pages. May be run again after an interruption."""
    require_running(node)
    site = node.state.site(domain)
    if site.domain != domain:
        raise Conflict(f"{domain} is an alias of {site.domain}", hint=f"delete the site itself: {site.domain}")
    node.state.set_status(site.name, SiteStatus.DELETING)
    node.hands.remove_site(site, node.state.settings(), node.roster())
    node.state.forget_site(site.name)
    return site


def login_link(node: Node, domain: str, user: str = "") -> str:
    """A link that logs in once, within a minute. `user` is a login name; empty: the first administrator."""
    site = node.state.site(domain)
    token = new_token().reveal()
    wanted = {
        "digest": hashlib.sha256(token.encode()).hexdigest(),
        "until": int(time.time()) + LOGIN_LIFE,
        "user": user,
    }
    node.hands.write_login(site, node.state.settings(), wanted)
    return f"{nginx.url(site, node.state.settings())}/wp-login.php?pressroom_login={token}"


def show(node: Node, domain: str) -> dict[str, object]:
    """Everything about a site that a script or a person asks for. The keys are stable and documented."""
    site = node.state.site(domain)
    place = node.layout.site(site.name)
    room, database = node.hands.room(site.name)
    return {
        "domain": site.domain,
        "url": nginx.url(site, node.state.settings()),
        "aliases": list(site.aliases),
        "title": site.title,
        "admin_user": site.admin_user,
        "admin_email": site.admin_email,
        "status": site.status.value,
        "name": site.name,
        "unix_user": place.unix_user,
        "database": site.name,
        "wordpress": site.core,
        "previous_wordpress": site.previous_core,
        "path": str(place.public),
        "created_at": site.created_at.isoformat(),
        "disk_mb": room.used and room.used.bytes // 2**20,
        "disk_most_mb": room.most and room.most.bytes // 2**20,
        "files": room.used and room.used.files,
        "files_most": room.most and room.most.files,
        "bounded_by": room.by,
        "database_mb": database // 2**20,
        "database_most_mb": node.state.settings().tenants.database_mb,
    }


def exec_in(node: Node, domain: str, argv: list[str]) -> int:
    """Run a program as the site's user in its folder, behind its walls, at our terminal; returns its exit code."""
    require_root()
    site = node.state.site(domain)
    within = inside(node, site)
    argv = argv[1:] if argv[0] == "--" else argv
    if argv[0] == "php":  # with the mail of the site's other PHP
        argv = ["php8.2", "-d", f"sendmail_path={sendmail(within.place)}", *argv[1:]]
    if within.run(["which", argv[0]], check=False).exit_code != 0:
        user = within.place.unix_user
        raise CommandFailed(
            f"{inert_line(argv[0])} cannot be run as {user}", hint="check the program's name and rights"
        )
    with within.enclosure(argv) as enclosure:
        return process.attach(enclosure, environment=within.environment)


def log_files(node: Node, domain: str) -> list[Path]:
    """The site's logs that exist: PHP errors, the FPM master's. `visits` are beside."""
    site = node.state.site(domain)
    place = node.layout.site(site.name)
    wanted = [
        place.log / "php.log",
        place.log / "php-fpm.log",
        node.layout.log / f"php-{site.name}.log",
    ]
    return [path for path in wanted if path.exists()]


def visits(node: Node, domain: str, lines: int) -> list[str]:
    """The newest lines of nginx's log that are the site's, without its name."""
    site = node.state.site(domain)
    mark = f"{site.name} ".encode()
    try:
        with node.layout.visits.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _VISITS_READ))
            mine = [line.removeprefix(mark) for line in file.read().splitlines() if line.startswith(mark)]
    except FileNotFoundError:
        return []
    return [line.decode(errors="replace") for line in mine[-lines:]]


def mails(node: Node, domain: str) -> list[Message]:
    """The mail that the site sent and the node caught, newest first."""
    return list_messages(node.layout, node.state.site(domain).name)


def install_extension(node: Node, site: Site, source: Path, kind: str, name: str | None = None) -> None:
    """Copy a plugin's or theme's folder into the site (`kind`: plugins or themes), as the site's user.

    The copy goes through tar's output, so that the user need not be able to read `source`.
    """
    place = node.layout.site(site.name)
    packed = process.run_bytes(["tar", "-C", source, "-c", "."])
    target = place.content / kind / (name or source.name)
    run_inside(node, site, ["mkdir", "-p", str(target)])
    run_inside(node, site, ["tar", "-C", str(target), "-x", "--no-same-owner", "-f", "-"], stdin=packed)


def move(node: Node, domain: str, source: str) -> Site:
    """Bring a site onto the core of another source, in one step."""
    site = node.state.site(domain)
    core = node.hands.keep_core(source)
    if core == site.core:
        raise Conflict(f"{site.domain} runs on {core} already", hint="there is nothing to do")
    return _onto(node, site, core)


def go_back(node: Node, domain: str) -> Site:
    """Bring a site back onto the core it had before. Its content stays as it is."""
    site = node.state.site(domain)
    if site.previous_core is None:
        raise NotFound(f"{site.domain} has had no other core", hint="`pressroom site core --to` moves it to one")
    return _onto(node, site, site.previous_core)


def _onto(node: Node, site: Site, core: str) -> Site:
    node.state.set_core(site.name, core)
    moved = node.state.site(site.domain)
    finish(node, moved)
    return moved

"""Where everything lives under one root folder. Pure: nothing here touches the disk."""

from __future__ import annotations

import hashlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from pressroom.model.errors import InvalidInput

SITE_NAME = re.compile(r"s[1-9][0-9]{0,6}")
# sun_path is 108 bytes with its NUL (unix(7)); the longest socket below the root is this long.
SOCKET_PATH_LIMIT = 107
_LONGEST_SOCKET = "sites/s1000000/run/render.sock"


@dataclass(frozen=True)
class SiteLayout:
    """The places of one site. ``name`` is its short name (``s12``), also its database's name."""

    node: Layout
    name: str

    @property
    def home(self) -> Path:
        return self.node.sites / self.name

    @property
    def public(self) -> Path:
        """The document root: hard-linked core, the site's own wp-content and wp-config.php."""
        return self.home / "public"

    @property
    def content(self) -> Path:
        return self.public / "wp-content"

    @property
    def private(self) -> Path:
        """The site's own folder that no server serves: sessions, tmp, login tokens."""
        return self.home / "private"

    @property
    def run(self) -> Path:
        return self.home / "run"

    @property
    def log(self) -> Path:
        return self.home / "log"

    @property
    def web_socket(self) -> Path:
        """For people who are known by a cookie, and the site's own events."""
        return self.run / "web.sock"

    @property
    def guests_socket(self) -> Path:
        """For everybody else."""
        return self.run / "guests.sock"

    @property
    def urgent_socket(self) -> Path:
        """For renders that somebody waits for."""
        return self.run / "urgent.sock"

    @property
    def render_socket(self) -> Path:
        return self.run / "render.sock"

    @property
    def php_sockets(self) -> tuple[Path, ...]:
        """All of them, in the order in which the site's PHP inherits them."""
        return self.web_socket, self.guests_socket, self.render_socket, self.urgent_socket

    @property
    def scan_socket(self) -> Path:
        """Where the scanner asks for a look at the site's files."""
        return self.run / "scan.sock"

    @property
    def unix_user(self) -> str:
        return f"{self.node.prefix}-{self.name}"

    @property
    def image(self) -> Path:
        """The file system that its home is, where it has one of its own."""
        return self.node.images / f"{self.name}.img"

    @property
    def store(self) -> Path:
        return self.node.store / self.name

    @property
    def pictures(self) -> Path:
        """Pictures of the site in other forms; each has the path of the one that it was made of, and a suffix."""
        return self.node.pictures / self.name

    @property
    def gate(self) -> Path:
        """The folder through which nginx finds this site's store."""
        return self.node.gates / self.name / "open"

    @property
    def compiled_code(self) -> Path:
        """What opcache keeps on disk, so that PHP is quick again right after its start."""
        return self.private / "opcache"

    @property
    def barrier_socket(self) -> Path:
        """Where the site's PHP waits for the invalidator; no other site finds it, or stands in its queue."""
        return self.object_versions.parent / "barrier.sock"

    @property
    def object_versions(self) -> Path:
        """What the keys of this site's object cache begin with; the invalidator writes it, the site's PHP reads it."""
        return self.node.objects / self.name / "versions"

    @property
    def mail_socket(self) -> Path:
        """Where the site's programs hand in mail; as the barrier's."""
        return self.object_versions.parent / "mail.sock"

    @property
    def fpm_config(self) -> Path:
        return self.node.etc / "php" / f"{self.name}.conf"

    @property
    def nginx_map(self) -> Path:
        """Its lines in nginx's tables."""
        return self.node.nginx_sites / f"{self.name}.map"

    @property
    def nginx_names(self) -> Path:
        return self.node.nginx_sites / f"{self.name}.names"

    @property
    def certificate(self) -> Path:
        """Key and certificate for HTTPS; nginx's workers read it."""
        return self.node.certificates / f"{self.name}.pem"

    @property
    def installed_marker(self) -> Path:
        """Written once WordPress's installation is complete; holds nothing."""
        return self.node.made / "installed" / self.name

    @property
    def planted_marker(self) -> Path:
        """Names the core that the document root was built from; written once that is complete."""
        return self.node.made / "planted" / self.name


@dataclass(frozen=True)
class Layout:
    """The places of one node, and the names that keep two nodes on one machine apart.

    ``python`` runs the daemons; ``code`` is where it finds this package, None for where it is installed.
    """

    root: Path
    python: Path = Path(sys.executable)
    code: Path | None = None

    @property
    def prefix(self) -> str:
        """Prefix of this node's Unix users: ``pr`` and six hex digits of the root path's SHA-256."""
        return "pr" + hashlib.sha256(str(self.root).encode()).hexdigest()[:6]

    def site(self, name: str) -> SiteLayout:
        """Raises InvalidInput for what is no site's short name: paths are made of it."""
        if not SITE_NAME.fullmatch(name):
            raise InvalidInput(f"{ascii(name)[:80]} is no site's short name", hint="short names look like s12")
        return SiteLayout(self, name)

    # Users of the node's own parts.
    @property
    def web_user(self) -> str:
        """nginx's workers."""
        return f"{self.prefix}-web"

    @property
    def database_user(self) -> str:
        """mariadbd."""
        return f"{self.prefix}-db"

    @property
    def platform_user(self) -> str:
        """Invalidator, renderer, cron and mail; also the name of the platform's database account."""
        return f"{self.prefix}-core"

    @property
    def control_user(self) -> str:
        """Who says what the node and its sites should be, and asks the root helper for it; also the panel's user."""
        return f"{self.prefix}-control"

    # Folders.
    @property
    def control(self) -> Path:
        """Desired state; the control user's."""
        return self.root / "control"

    @property
    def incoming(self) -> Path:
        """WordPress cores that the control user has fetched, until the root helper has taken them over."""
        return self.control / "incoming"

    @property
    def keys(self) -> Path:
        """What signs; root's alone."""
        return self.root / "keys"

    @property
    def made(self) -> Path:
        """Marks of what was made to its end; root's alone."""
        return self.root / "made"

    @property
    def authority(self) -> Path:
        """Key and certificate of the authority that signs the sites' certificates."""
        return self.keys / "authority.pem"

    @property
    def authority_certificate(self) -> Path:
        """What a browser is told to trust."""
        return self.etc / "authority.crt"

    @property
    def certificates(self) -> Path:
        return self.etc / "certificates"

    @property
    def state_database(self) -> Path:
        return self.control / "state.db"

    @property
    def etc(self) -> Path:
        return self.root / "etc"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def sites(self) -> Path:
        return self.root / "sites"

    @property
    def images(self) -> Path:
        """Sites' homes that are file systems of their own, each in a file; root's alone."""
        return self.root / "images"

    @property
    def cores(self) -> Path:
        """WordPress cores, each stored once, read-only, shared by hard links."""
        return self.root / "cores"

    @property
    def store(self) -> Path:
        return self.root / "store"

    @property
    def pictures(self) -> Path:
        return self.root / "pictures"

    @property
    def gates(self) -> Path:
        return self.root / "gates"

    @property
    def objects(self) -> Path:
        """Versions of the sites' object caches."""
        return self.root / "objects"

    @property
    def cache(self) -> Path:
        """The page cache's own database; the platform user's."""
        return self.root / "cache"

    @property
    def audit(self) -> Path:
        """Evidence of stored pages that were not right; the platform user's."""
        return self.root / "audit"

    @property
    def audit_log(self) -> Path:
        """A copy of the audit trail, to which lines are only ever appended; root's, and the control user's to read."""
        return self.log / "audit.log"

    @property
    def scans(self) -> Path:
        """What the scanner knows and found; the platform user's."""
        return self.root / "scans"

    @property
    def quarantine(self) -> Path:
        """Files that were taken out of sites; the platform user's."""
        return self.root / "quarantine"

    @property
    def mail(self) -> Path:
        return self.root / "mail"

    @property
    def php(self) -> Path:
        """The platform's PHP as sites' processes read it."""
        return self.root / "lib" / "php"

    @property
    def mariadb_data(self) -> Path:
        return self.root / "mariadb"

    @property
    def binlogs(self) -> Path:
        """MariaDB's own, and for the platform to read: what MariaDB does not send is skipped."""
        return self.root / "binlog"

    # Sockets and files.
    @property
    def lock(self) -> Path:
        """Commands that change something take it, one at a time."""
        return self.control / "lock"

    @property
    def helper_socket(self) -> Path:
        """Where the control user asks for what only root may."""
        return self.run / "control" / "helper.sock"

    @property
    def mariadb_run(self) -> Path:
        return self.run / "mariadb"

    @property
    def mariadb_socket(self) -> Path:
        return self.mariadb_run / "mariadb.sock"

    @property
    def supervisor_socket(self) -> Path:
        return self.run / "supervisor.sock"

    @property
    def activator_socket(self) -> Path:
        return self.run / "activator.sock"

    @property
    def public_run(self) -> Path:
        """The platform's sockets that nginx connects to."""
        return self.run / "public"

    @property
    def platform_run(self) -> Path:
        """Sockets that only the platform user, the control user and root can reach."""
        return self.run / "core"

    @property
    def invalidator_socket(self) -> Path:
        return self.platform_run / "invalidator.sock"

    @property
    def renderer_socket(self) -> Path:
        return self.platform_run / "renderer.sock"

    @property
    def scanner_socket(self) -> Path:
        return self.platform_run / "scanner.sock"

    @property
    def mail_requests_socket(self) -> Path:
        """Where the mail daemon is told that the sites have changed."""
        return self.platform_run / "mail.sock"

    @property
    def changes_socket(self) -> Path:
        """Datagrams from the invalidator to the scanner: something befell a file of a site."""
        return self.platform_run / "changes.sock"

    @property
    def internal_http_socket(self) -> Path:
        """nginx's internal way: renders and cron come in here."""
        return self.platform_run / "http.sock"

    @property
    def miss_socket(self) -> Path:
        """Datagrams from nginx: a page was missed."""
        return self.public_run / "miss.sock"

    @property
    def waiting_socket(self) -> Path:
        """Where nginx lets a visitor wait for a page that is being rendered."""
        return self.public_run / "waiting.sock"

    @property
    def activated(self) -> Path:
        """Definitions of the programs that connections start."""
        return self.etc / "activated"

    @property
    def roster(self) -> Path:
        """The list of sites for the daemons."""
        return self.etc / "sites.json"

    @property
    def nginx_config(self) -> Path:
        return self.etc / "nginx" / "nginx.conf"

    @property
    def nginx_servers(self) -> Path:
        return self.etc / "nginx" / "servers.conf"

    @property
    def nginx_fastcgi(self) -> Path:
        return self.etc / "nginx" / "fastcgi.conf"

    @property
    def nginx_sites(self) -> Path:
        """Two small files for each site."""
        return self.etc / "nginx" / "sites"

    @property
    def visits(self) -> Path:
        """Nginx's log of all sites' visits; each line begins with the site's short name."""
        return self.log / "nginx" / "visits.log"

    @property
    def nginx_pid(self) -> Path:
        return self.run / "nginx.pid"

    @property
    def firewall_config(self) -> Path:
        """Of the nginx that checks what goes to PHP."""
        return self.etc / "firewall" / "nginx.conf"

    @property
    def firewall_rules(self) -> Path:
        return self.etc / "firewall" / "rules.conf"

    @property
    def firewall_run(self) -> Path:
        """Its socket, and bodies of requests that are too large for memory."""
        return self.run / "firewall"

    @property
    def firewall_socket(self) -> Path:
        return self.firewall_run / "http.sock"

    @property
    def firewall_pid(self) -> Path:
        return self.run / "firewall.pid"

    @property
    def firewall_log(self) -> Path:
        """What the firewall found, of all sites: a JSON object a line; `transaction.unique_id` begins with the site."""
        return self.log / "nginx" / "firewall.json"

    @property
    def index_database(self) -> Path:
        return self.cache / "index.db"

    @property
    def latency_database(self) -> Path:
        return self.cache / "latency.db"

    def socket_path_fits(self) -> bool:
        return len(str(self.root / _LONGEST_SOCKET).encode()) <= SOCKET_PATH_LIMIT

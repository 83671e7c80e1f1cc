"""A site's own programs: run as its user, behind the walls that its PHP has."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pressroom.model.errors import CommandFailed, NotFound
from pressroom.model.layout import SiteLayout
from pressroom.model.secrets import new_token
from pressroom.model.site import NodeSettings, Site
from pressroom.stack import nginx
from pressroom.stack.walls import site_walls
from pressroom.system import process
from pressroom.system.enclosure import Enclosure

_NO_SUCH_USER = 4  # the exit code of our scripts for it
_PATIENCE = 300.0  # seconds for one of our scripts


@dataclass(frozen=True)
class Inside:
    """Within one site. Making it costs nothing."""

    place: SiteLayout
    settings: NodeSettings

    @property
    def environment(self) -> dict[str, str]:
        return {"HOME": str(self.place.private), "TMPDIR": str(self.place.private / "tmp")}

    def enclosure(self, argv: Sequence[str]) -> Enclosure:
        """The walls for one more program, in the document root."""
        walls = site_walls(self.place, self.settings)
        return Enclosure(walls, self.place.unix_user, self.place.node.prefix, argv, self.place.public)

    def run(
        self, argv: Sequence[str], *, stdin: str | bytes = "", timeout: float = 120.0, check: bool = True
    ) -> process.Completed:
        """Raises as `process.run` does."""
        with self.enclosure(argv) as within:
            return process.run(
                argv, within=within, stdin=stdin, environment=self.environment, timeout=timeout, check=check
            )

    def php(self, script: str, *, stdin: str = "", domain: str) -> str:
        """Run one of the platform's PHP scripts on the site; returns what it printed."""
        node = self.place.node
        argv = ["php8.2", "-d", "display_errors=stderr", str(node.php / script), str(self.place.public)]
        done = self.run(argv, stdin=stdin, timeout=_PATIENCE, check=False)
        if done.exit_code == _NO_SUCH_USER:
            raise NotFound(done.stderr.strip(), hint=f"`pressroom site exec {domain} -- php …` can list its users")
        if done.exit_code != 0:
            raise CommandFailed(
                f"{script} failed for {domain}: {(done.stderr or done.stdout).strip()[-1500:]}",
                hint=f"look at the site's log: pressroom site logs {domain}",
            )
        return done.stdout


@dataclass(frozen=True)
class SiteWordPress:
    """A site's own WordPress, run by the PHP of its core."""

    site: Site
    inside: Inside

    def install(self) -> None:
        """WordPress's own installation. Nobody learns the password; login is by link."""
        answers = {
            "url": nginx.url(self.site, self.inside.settings),
            "title": self.site.title,
            "user": self.site.admin_user,
            "email": self.site.admin_email,
            "password": new_token().reveal(),
        }
        self.inside.php("install.php", stdin=json.dumps(answers), domain=self.site.domain)

    def upgrade(self) -> None:
        """Bring the database to the core's version."""
        self.inside.php("upgrade.php", domain=self.site.domain)

"""Makes a node and its sites what they should be, by root's own hands: looks, plans, applies."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pressroom.control.actions import Action, DropPages, IssueCertificate, Plan
from pressroom.control.apply import Applier
from pressroom.control.hands import Done, Progress, silent
from pressroom.control.inside import Inside, SiteWordPress
from pressroom.control.observe import observe_node, observe_site
from pressroom.control.plan import plan_node, plan_removal, plan_repair, plan_site
from pressroom.control.requests import ListedSite, checked
from pressroom.database import growth
from pressroom.database.mariadb import MariaDB
from pressroom.engine.embedded import EmbeddedEngine
from pressroom.engine.protocol import Engine, ProgramState
from pressroom.model.layout import Layout
from pressroom.model.site import NodeSettings, Site
from pressroom.model.trail import Sealed
from pressroom.pagecache.roster import RosterSite, roster_text
from pressroom.system import space, witness
from pressroom.wordpress.cores import CoreStore
from pressroom.wordpress.sources import Source, parse_source


@dataclass
class Maker:
    """Implements Hands, for root alone. ``pauses``: sites' PHP stops where tests want it to."""

    layout: Layout
    progress: Progress = silent
    pauses: bool = False

    @cached_property
    def engine(self) -> Engine:
        return EmbeddedEngine(self.layout)

    @cached_property
    def database(self) -> MariaDB:
        return MariaDB(self.layout.mariadb_socket)

    @cached_property
    def cores(self) -> CoreStore:
        return CoreStore(self.layout.cores)

    def alive(self) -> bool:
        return self.engine.alive()

    def programs(self) -> dict[str, ProgramState]:
        return self.engine.states()

    def plan_node(self, settings: NodeSettings) -> Plan:
        """What `make_node` would do."""
        return plan_node(self.layout, settings, observe_node(self.layout, settings, self.engine, self.database))

    def make_node(self, settings: NodeSettings) -> Done:
        return self._apply(self.plan_node(settings))

    def make_site(self, site: Site, settings: NodeSettings, roster: Sequence[RosterSite]) -> Done:
        """Costs the same however many sites there are, but for the roster's text."""
        site = checked(site)
        place = self.layout.site(site.name)
        seen = observe_site(site, place, settings, self.engine, self.database, pauses=self.pauses)
        wanted = _text(roster)
        current = self.layout.roster.read_text() if self.layout.roster.exists() else None
        text = None if wanted == current else wanted
        plan = plan_site(site, place, settings, seen, roster=text, pauses=self.pauses)
        return self._apply(plan, self.wordpress(site, settings))

    def remove_site(self, site: Site, settings: NodeSettings, roster: Sequence[RosterSite]) -> Done:
        site = checked(site)
        return self._apply(plan_removal(site, self.layout.site(site.name), roster=_text(roster)))

    def repair_core(self, site: Site, settings: NodeSettings) -> Done:
        site = checked(site)
        return self._apply(plan_repair(site, self.layout.site(site.name)))

    def renew_certificate(self, site: Site, settings: NodeSettings) -> Done:
        site = checked(site)
        names, reason = (site.domain, *site.aliases), "the site's secrets are made anew"
        issue = IssueCertificate(self.layout.site(site.name).certificate, names, self.layout.authority, reason=reason)
        return self._apply(Plan((issue,)))

    def keep_core(self, source: str) -> str:
        return self.keep(parse_source(source))

    def keep(self, source: Source) -> str:
        return self.cores.add(source).name

    def write_login(self, site: Site, settings: NodeSettings, wanted: dict[str, Any]) -> None:
        self.inside(site, settings).php("login.php", stdin=json.dumps(wanted), domain=site.domain)

    def forget_logins(self, site: Site, settings: NodeSettings) -> None:
        inside = self.inside(site, settings)
        inside.run(["find", str(inside.place.private / "logins"), "-mindepth", "1", "-delete"])

    def room(self, site: str) -> tuple[space.Room, int]:
        place = self.layout.site(site)
        return space.room(place.home, place.unix_user), growth.size_of(self.layout.mariadb_data / site)

    def copy_trail(self, rows: Sequence[Sealed], *, anyway: bool) -> int | None:
        return witness.copy_lines(rows, self.layout.audit_log, anyway=anyway)

    def inside(self, site: Site, settings: NodeSettings) -> Inside:
        return Inside(self.layout.site(site.name), settings)

    def wordpress(self, site: Site, settings: NodeSettings) -> SiteWordPress:
        return SiteWordPress(site, self.inside(site, settings))

    def _apply(self, plan: Plan, wordpress: SiteWordPress | None = None) -> Done:
        Applier(self.layout, self.engine, self.database, self.cores, wordpress, before=self._tell).apply(plan)
        return Done(len(plan.actions), any(isinstance(action, DropPages) for action in plan.actions))

    def _tell(self, action: Action) -> None:
        self.progress(action.sentence(), action.reason)


def _text(roster: Sequence[RosterSite]) -> str:
    return roster_text(ListedSite.of(site).site() for site in roster)

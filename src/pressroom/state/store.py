"""Desired state: settings, sites and the audit, kept in SQLite and handed out as plain values."""

from __future__ import annotations

import contextlib
import difflib
import os
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import create_engine, event, select
from sqlalchemy.orm import Session

from pressroom.model.errors import Conflict, NotFound
from pressroom.model.secrets import Secret
from pressroom.model.site import NodeSettings, Site, SiteStatus
from pressroom.state.migrate import migrate
from pressroom.state.tables import AliasRow, AuditRow, SettingsRow, SiteRow
from pressroom.system import files


@dataclass(frozen=True)
class AuditLine:
    """One change of the past."""

    at: datetime
    actor: str
    command: str
    detail: str


class StateStore:
    """One database file; made, and brought to today's schema, when it is opened."""

    def __init__(self, path: Path) -> None:
        # A file that is there is not opened here: closing it would give back this process's SQLite locks on it
        # (POSIX locks are the process's, not the descriptor's), and another process would remove the WAL under us.
        with files.explained(path), contextlib.suppress(FileExistsError):
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        migrate(path)
        self._engine = create_engine(f"sqlite:///{path}")
        event.listen(self._engine, "connect", _prepare)

    def settings(self) -> NodeSettings:
        with Session(self._engine) as session:
            rows = {row.section: row.value for row in session.scalars(select(SettingsRow))}
        return NodeSettings.model_validate(rows)

    def save_settings(self, settings: NodeSettings) -> None:
        plain = settings.model_dump(mode="json")
        if settings.mail.relay_password is not None:
            plain["mail"]["relay_password"] = settings.mail.relay_password.get_secret_value()
        with Session(self._engine) as session, session.begin():
            for section, value in plain.items():
                session.merge(SettingsRow(section=section, value=value))

    def add_site(
        self,
        *,
        domain: str,
        title: str,
        admin_email: str,
        admin_user: str,
        aliases: tuple[str, ...],
        core: str,
        source: str,
        salts: dict[str, str],
    ) -> Site:
        """A new site in the status `creating`. Raises Conflict for a domain that is a site's or an alias already."""
        with Session(self._engine) as session, session.begin():
            for name in (domain, *aliases):
                owner = _owner(session, name)
                if owner is not None:
                    raise Conflict(f"{name} belongs to the site {owner.domain}", hint="choose another domain")
            row = SiteRow(
                domain=domain, title=title, admin_email=admin_email, admin_user=admin_user, core=core, source=source,
                status=SiteStatus.CREATING.value, salts=salts, created_at=datetime.now(UTC),
                aliases=[AliasRow(domain=alias) for alias in aliases],
            )  # fmt: skip
            session.add(row)
            session.flush()
            return _site(row)

    def site(self, domain: str) -> Site:
        """By its domain or an alias. Raises NotFound with the names that are near."""
        with Session(self._engine) as session:
            row = _owner(session, domain.lower())
            if row is not None:
                return _site(row)
            known = list(session.scalars(select(SiteRow.domain)))
        near = difflib.get_close_matches(domain, known, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "`pressroom site list` shows the sites there are"
        raise NotFound(f"there is no site {domain}", hint=hint)

    def sites(self) -> list[Site]:
        """All, in the order in which they were made."""
        with Session(self._engine) as session:
            return [_site(row) for row in session.scalars(select(SiteRow).order_by(SiteRow.id))]

    def set_status(self, name: str, status: SiteStatus) -> None:
        with Session(self._engine) as session, session.begin():
            _row(session, name).status = status.value

    def set_core(self, name: str, core: str) -> None:
        """Want another core; the one before is remembered."""
        with Session(self._engine) as session, session.begin():
            row = _row(session, name)
            row.previous_core, row.core = row.core, core

    def forget_site(self, name: str) -> None:
        with Session(self._engine) as session, session.begin():
            session.delete(_row(session, name))

    def record_audit(self, command: str, detail: str) -> None:
        actor = os.environ.get("SUDO_USER") or f"uid {os.getuid()}"
        with Session(self._engine) as session, session.begin():
            session.add(AuditRow(at=datetime.now(UTC), actor=actor, command=command, detail=detail))

    def audit(self, limit: int = 100) -> list[AuditLine]:
        """The newest changes first."""
        with Session(self._engine) as session:
            rows = session.scalars(select(AuditRow).order_by(AuditRow.id.desc()).limit(limit))
            return [AuditLine(_aware(row.at), row.actor, row.command, row.detail) for row in rows]


def _owner(session: Session, domain: str) -> SiteRow | None:
    row = session.scalar(select(SiteRow).where(SiteRow.domain == domain))
    if row is not None:
        return row
    alias = session.get(AliasRow, domain)
    return session.get(SiteRow, alias.site_id) if alias is not None else None


def _row(session: Session, name: str) -> SiteRow:
    row = session.get(SiteRow, int(name.removeprefix("s")))
    if row is None:
        raise NotFound(f"there is no site {name}", hint="`pressroom site list` shows the sites there are")
    return row


def _site(row: SiteRow) -> Site:
    return Site(
        f"s{row.id}", row.domain, tuple(alias.domain for alias in row.aliases), row.title, row.admin_email,
        row.admin_user, row.core, row.previous_core, row.source, SiteStatus(row.status),
        tuple((name, Secret(salt)) for name, salt in row.salts.items()), _aware(row.created_at),
    )  # fmt: skip


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _prepare(connection: sqlite3.Connection, record: object) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA busy_timeout=5000")

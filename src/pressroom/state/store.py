"""Desired state: settings, sites and the audit, kept in SQLite and handed out as plain values."""

from __future__ import annotations

import contextlib
import difflib
import os
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from sqlalchemy import NullPool, create_engine, event, select
from sqlalchemy.orm import Session

from pressroom.model.errors import Conflict, Drifted, InvalidInput, NotFound
from pressroom.model.names import Domain
from pressroom.model.secrets import Secret
from pressroom.model.site import NodeSettings, Site, SiteSettings, SiteStatus
from pressroom.state.migrate import explained, migrate
from pressroom.state.tables import AliasRow, SettingsRow, SiteRow
from pressroom.state.trail import Trail
from pressroom.system import files

_LONGEST_DOMAIN = 253
_BUSY_MILLISECONDS = 5000
_Settings = TypeVar("_Settings", bound=BaseModel)


class StateStore:
    """One database file; made, and brought to today's schema, when it is opened."""

    def __init__(self, path: Path) -> None:
        # A file that is there is not opened here: closing it would give back this process's SQLite locks on it
        # (POSIX locks are the process's, not the descriptor's), and another process would remove the WAL under us.
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.explained(path), files.as_owner_of(path.parent), contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        migrate(path)
        self._path = path
        self._engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)  # closing touches files, too
        event.listen(self._engine, "connect", _prepare)
        self.trail = Trail(self._reading, self._writing)

    @contextlib.contextmanager
    def _ours(self) -> Iterator[None]:
        """SQLite opens more files than this one, by their names."""
        with explained(self._path), files.as_owner_of(self._path.parent):
            yield

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Session]:
        with self._ours(), Session(self._engine) as session:
            yield session

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Session]:
        """One transaction, the only writer from its first read on: what it found still holds when it writes."""
        with self._ours(), Session(self._engine) as session, session.begin():
            session.connection().exec_driver_sql("BEGIN IMMEDIATE")
            yield session

    def settings(self) -> NodeSettings:
        """Raises Drifted for what these settings' rules do not allow."""
        with self._reading() as session:
            rows = {row.section: row.value for row in session.scalars(select(SettingsRow))}
        return _held(NodeSettings, rows)

    def save_settings(self, settings: NodeSettings) -> None:
        plain = settings.model_dump(mode="json")
        if settings.mail.relay_password is not None:
            plain["mail"]["relay_password"] = settings.mail.relay_password.get_secret_value()
        with self._writing() as session:
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
        """A new site in the status `creating`.

        Raises Conflict for a domain that is a site's or an alias already, or given twice.
        """
        if len({domain, *aliases}) != 1 + len(aliases):
            raise Conflict("the same domain is given twice", hint="name each domain once")
        with self._writing() as session:
            for name in (domain, *aliases):
                owner = _owner(session, name)
                if owner is not None:
                    raise Conflict(f"{name} belongs to the site {owner.domain}", hint="choose another domain")
            row = SiteRow(
                domain=domain, title=title, admin_email=admin_email, admin_user=admin_user, core=core, source=source,
                status=SiteStatus.CREATING.value, salts=salts, settings={}, created_at=datetime.now(UTC),
                aliases=[AliasRow(domain=alias) for alias in aliases],
            )  # fmt: skip
            session.add(row)
            session.flush()
            return _site(row)

    def site(self, domain: str) -> Site:
        """By its domain or an alias, in any spelling. Raises NotFound with the names that are near."""
        wanted = _canonical(domain)
        with self._reading() as session:
            row = _owner(session, wanted)
            if row is not None:
                return _site(row)
            known = [*session.scalars(select(SiteRow.domain)), *session.scalars(select(AliasRow.domain))]
        near = difflib.get_close_matches(wanted, known, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "`pressroom site list` shows the sites there are"
        shown = wanted if wanted.isprintable() else ascii(wanted)
        raise NotFound(f"there is no site {shown}", hint=hint)

    def sites(self) -> list[Site]:
        """All, in the order in which they were made."""
        with self._reading() as session:
            return [_site(row) for row in session.scalars(select(SiteRow).order_by(SiteRow.id))]

    def set_status(self, name: str, status: SiteStatus) -> None:
        with self._writing() as session:
            _row(session, name).status = status.value

    def set_core(self, name: str, core: str) -> None:
        """Want another core; the one before is remembered, also when the same is said twice."""
        with self._writing() as session:
            row = _row(session, name)
            if row.core != core:
                row.previous_core, row.core = row.core, core

    def set_salts(self, name: str, salts: dict[str, str]) -> None:
        with self._writing() as session:
            _row(session, name).salts = salts

    def save_site_settings(self, name: str, settings: SiteSettings) -> None:
        with self._writing() as session:
            _row(session, name).settings = settings.model_dump(mode="json")

    def forget_site(self, name: str) -> None:
        with self._writing() as session:
            session.delete(_row(session, name))


def _owner(session: Session, domain: str) -> SiteRow | None:
    row = session.scalar(select(SiteRow).where(SiteRow.domain == domain))
    if row is not None:
        return row
    alias = session.get(AliasRow, domain)
    return session.get(SiteRow, alias.site_id) if alias is not None else None


def _canonical(domain: str) -> str:
    try:
        return str(Domain.parse(domain))
    except InvalidInput:
        # Half of a pair is what Python makes of an argument that is no UTF-8.
        return domain.lower()[:_LONGEST_DOMAIN].encode(errors="backslashreplace").decode()


def _row(session: Session, name: str) -> SiteRow:
    number = name.removeprefix("s")
    row = session.get(SiteRow, int(number)) if number.isascii() and number.isdigit() else None
    if row is None:
        raise NotFound(f"there is no site {name}", hint="`pressroom site list` shows the sites there are")
    return row


def _site(row: SiteRow) -> Site:
    return Site(
        f"s{row.id}", row.domain, tuple(alias.domain for alias in row.aliases), row.title, row.admin_email,
        row.admin_user, row.core, row.previous_core, row.source, SiteStatus(row.status),
        tuple((name, Secret(salt)) for name, salt in row.salts.items()), _aware(row.created_at),
        _held(SiteSettings, row.settings),
    )  # fmt: skip


def _held(kind: type[_Settings], plain: dict[str, Any]) -> _Settings:
    """Raises Drifted for settings that today's rules do not allow."""
    try:
        return kind.model_validate(plain)
    except ValidationError as error:
        where = ", ".join(".".join(map(str, one["loc"])) for one in error.errors(include_input=False))
        raise Drifted(
            f"the settings in the node's state do not hold: {where}", hint="put its database back from a backup"
        ) from error


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _prepare(connection: sqlite3.Connection, record: object) -> None:
    connection.execute(f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}")
    _use_wal(connection)
    connection.execute("PRAGMA foreign_keys=ON")


def _use_wal(connection: sqlite3.Connection) -> None:
    """The mode stays with the file. SQLite does not wait for others when it is changed, so we do."""
    until = time.monotonic() + _BUSY_MILLISECONDS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return

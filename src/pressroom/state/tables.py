"""The tables of desired state."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, DateTime, ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """All tables."""


class SettingsRow(Base):
    """One section of the node's settings."""

    __tablename__ = "settings"
    section: Mapped[str] = mapped_column(String, primary_key=True)
    value: Mapped[dict[str, object]] = mapped_column(JSON)


class SiteRow(Base):
    """One site; its number is never given again."""

    __tablename__ = "sites"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 (SQLAlchemy's form)
    id: Mapped[int] = mapped_column(primary_key=True)
    domain: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    admin_email: Mapped[str]
    admin_user: Mapped[str]
    core: Mapped[str]
    previous_core: Mapped[str | None]
    source: Mapped[str]
    status: Mapped[str]
    salts: Mapped[dict[str, str]] = mapped_column(JSON)
    settings: Mapped[dict[str, object]] = mapped_column(JSON, server_default="{}")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    aliases: Mapped[list[AliasRow]] = relationship(
        cascade="all, delete-orphan", order_by="AliasRow.domain", lazy="selectin"
    )


class AliasRow(Base):
    """Another domain that leads to a site."""

    __tablename__ = "aliases"
    domain: Mapped[str] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), index=True)


class AuditRow(Base):
    """One line of the audit trail: its text (JSON) and that text's SHA-256."""

    __tablename__ = "audit"
    number: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    hash: Mapped[str]

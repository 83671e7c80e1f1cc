"""What the mail daemon is told: ``etc/mail.json``, written by the control plane, read again when it changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import structlog
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    PlainSerializer,
    ValidationError,
    field_validator,
    model_validator,
)

from pressroom.model.layout import Layout
from pressroom.model.secrets import Secret

_log = structlog.get_logger("mail")
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


def _secret(value: Any) -> Any:
    return Secret(value) if isinstance(value, str) else value


SecretText = Annotated[InstanceOf[Secret], BeforeValidator(_secret), PlainSerializer(lambda s: s.reveal())]


class Relay(BaseModel):
    """The SMTP server that takes the sites' mail. ``sender`` replaces every envelope sender."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    host: str = Field(pattern=r"^[A-Za-z0-9.:_-]{1,253}$")
    port: int = Field(default=587, ge=1, le=65535)
    tls: Literal["none", "starttls", "tls"] = "starttls"
    user: str | None = None
    password: SecretText | None = None
    sender: str | None = Field(default=None, pattern=r"^[!-~]+@[!-~]+$", max_length=254)
    ca_file: Path | None = None
    """Certificates to trust instead of the system's, for a relay with a private authority."""

    @field_validator("sender")
    @classmethod
    def _plain_sender(cls, value: str | None) -> str | None:
        if value is not None and any(sign in value for sign in "<>,;"):
            raise ValueError("sender must be a bare address")
        return value

    @model_validator(mode="after")
    def _password_is_not_sent_in_the_clear(self) -> Relay:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password go together")
        if self.user is not None and self.tls == "none" and self.host not in _HERE:
            raise ValueError("a password needs tls: starttls or tls")
        return self


class MailSettings(BaseModel):
    """The whole file. Without a relay all mail is caught."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    relay: Relay | None = None
    hourly_limit: int = Field(default=200, ge=1, le=100_000)
    """Recipients an hour that one site may send to through the relay."""


def settings_path(layout: Layout) -> Path:
    """Mode 0640, group the platform user's: it may hold the relay's password."""
    return layout.etc / "mail.json"


def settings_text(settings: MailSettings) -> str:
    """The file's text, the password in it."""
    return json.dumps(settings.model_dump(mode="json"), indent=1) + "\n"


class SettingsFile:
    """Reads the file, again when it has changed. A file that cannot be used leaves the last good one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._settings = MailSettings()

    def current(self) -> MailSettings:
        try:
            status = self._path.stat()
        except OSError:
            if self._stamp is not None:
                _log.info("settings_gone", path=str(self._path))
            self._stamp, self._settings = None, MailSettings()
            return self._settings
        stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
        if stamp != self._stamp:
            self._stamp = stamp
            self._read()
        return self._settings

    def _read(self) -> None:
        try:
            self._settings = MailSettings.model_validate_json(self._path.read_bytes())
        except (OSError, ValidationError) as error:
            _log.error("settings_refused", path=str(self._path), error=str(error), kept="the last good ones")
            return
        relay = self._settings.relay
        _log.info("settings_read", relay=None if relay is None else f"{relay.host}:{relay.port}")

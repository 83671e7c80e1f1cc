"""The mail settings' file."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from pressroom.mail.msmtp import msmtprc
from pressroom.mail.settings import MailSettings, Relay, settings_text
from pressroom.model.secrets import Secret

RELAY: dict[str, Any] = {"host": "smtp.example.org", "user": "u", "password": "hush-hush"}


def test_settings_come_back_from_their_text_and_the_password_is_shown_nowhere_else() -> None:
    settings = MailSettings(relay=Relay(**RELAY, sender="a@b.example"), hourly_limit=7)
    again = MailSettings.model_validate_json(settings_text(settings))
    assert again == settings
    assert again.relay is not None
    assert again.relay.password == Secret("hush-hush")
    assert "hush" not in repr(settings) + str(settings)
    assert "hush-hush" in settings_text(settings)


@pytest.mark.parametrize(
    "wrong",
    [
        {**RELAY, "tls": "none"},
        {**RELAY, "port": 0},
        {**RELAY, "host": "a b"},
        {**RELAY, "host": "a\r\nb"},
        {**RELAY, "sender": "a@b.example>\r\nRCPT TO:<x@y.example"},
        {**RELAY, "sender": "Ann <a@b.example>"},
        {**RELAY, "sender": "a"},
        {**RELAY, "extra": 1},
        {"host": "a", "user": "u"},
        {"host": "a", "password": "hush-hush"},
    ],
)
def test_a_relay_that_cannot_be_used_is_refused_without_showing_the_password(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        Relay(**wrong)
    assert "hush" not in str(caught.value)


def test_a_password_in_the_clear_is_allowed_on_this_machine() -> None:
    assert Relay(**{**RELAY, "host": "127.0.0.1", "tls": "none"}).user == "u"


def test_msmtp_s_configuration() -> None:
    assert msmtprc() == (
        "defaults\nauth off\ntls off\nsyslog off\ntimeout 20\ndomain localhost\naccount default\nfrom %U@localhost\n"
    )

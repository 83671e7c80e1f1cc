"""Settings of the node and of a site: their examples, bounds, and what is unknown."""

from __future__ import annotations

from typing import get_args

import pytest
from pydantic import BaseModel, ValidationError

from pressroom.model.site import (
    CacheSettings,
    HttpSettings,
    HttpsSettings,
    MailSettings,
    NodeSettings,
    PhpSettings,
    SiteSettings,
    TenantSettings,
)

SECTIONS: list[type[BaseModel]] = [
    HttpSettings,
    HttpsSettings,
    CacheSettings,
    MailSettings,
    PhpSettings,
    TenantSettings,
]


def test_these_are_all_sections() -> None:
    assert [field.annotation for field in NodeSettings.model_fields.values()] == SECTIONS


@pytest.mark.parametrize("section", [*SECTIONS, SiteSettings])
def test_every_field_has_an_example_that_is_valid_and_not_the_default(section: type[BaseModel]) -> None:
    examples = {name: field.examples for name, field in section.model_fields.items()}
    for name, values in examples.items():
        assert values, name
        for value in values:
            given = getattr(section.model_validate({name: value}), name)
            assert given != section.model_fields[name].default
    assert section.model_validate({name: values[0] for name, values in examples.items() if values})


@pytest.mark.parametrize("section", SECTIONS)
def test_defaults_are_valid(section: type[BaseModel]) -> None:
    plain = {name: field.default for name, field in section.model_fields.items()}
    assert section.model_validate(plain) == section.model_validate({})


def test_no_settings_at_all_are_the_defaults() -> None:
    assert NodeSettings.model_validate({}) == NodeSettings()
    assert NodeSettings().http == HttpSettings.model_validate({})


@pytest.mark.parametrize("section", [*SECTIONS, NodeSettings])
def test_unknown_keys_are_refused(section: type[BaseModel]) -> None:
    with pytest.raises(ValidationError, match="colour"):
        section.model_validate({"colour": "blue"})
    with pytest.raises(ValidationError, match="colour"):
        NodeSettings.model_validate({"php": {"colour": "blue"}})


@pytest.mark.parametrize(
    ("section", "values"),
    [
        (HttpSettings, {"port": 0}),
        (HttpSettings, {"port": 65536}),
        (HttpSettings, {"port": "http"}),
        (HttpSettings, {"listen": "*; } evil {"}),
        (HttpSettings, {"listen": "127.0.0.1\n"}),
        (HttpSettings, {"listen": ""}),
        (HttpSettings, {"listen": "localhost"}),
        (HttpSettings, {"proxies": ""}),
        (HttpSettings, {"proxies": "0.0.0.0/0"}),
        (HttpSettings, {"proxies": "10.0.0.0/8,::/0"}),
        (HttpSettings, {"proxies": "10.0.0.1/8"}),
        (HttpSettings, {"proxies": "proxy.example.org"}),
        (HttpSettings, {"proxies": "10.0.0.0/8;"}),
        (CacheSettings, {"max_pages_per_site": 0}),
        (CacheSettings, {"render_concurrency": 0}),
        (CacheSettings, {"render_concurrency": 65}),
        (CacheSettings, {"audit_percent": -1}),
        (CacheSettings, {"audit_percent": 101}),
        (MailSettings, {"relay_port": 0}),
        (MailSettings, {"relay_tls": "maybe"}),
        (MailSettings, {"relay_host": "smtp example"}),
        (MailSettings, {"relay_host": "smtp.example.org\n"}),
        (MailSettings, {"sender": "a@example.org\nb"}),
        (MailSettings, {"relay_user": "paper\r\nRSET"}),
        (MailSettings, {"relay_user": "paper\n"}),
        (MailSettings, {"sender": "Paper <a@example.org>"}),
        (MailSettings, {"relay_host": "a", "relay_user": "paper"}),
        (MailSettings, {"relay_host": "a", "relay_password": "s3cret"}),
        (MailSettings, {"relay_host": "a", "relay_user": "b", "relay_password": "s3cret", "relay_tls": "none"}),
        (PhpSettings, {"max_children": 0}),
        (PhpSettings, {"memory_limit": "256 M"}),
        (PhpSettings, {"memory_limit": "1"}),
        (PhpSettings, {"memory_limit": "63M"}),
        (PhpSettings, {"memory_limit": "256M\nsendmail_path = /bin/sh"}),
        (PhpSettings, {"memory_limit": "256M\n"}),
        (PhpSettings, {"upload_max": "64M; }"}),
        (PhpSettings, {"upload_max": "-1"}),
        (PhpSettings, {"upload_max": ""}),
    ],
)
def test_values_out_of_bounds_are_refused(section: type[BaseModel], values: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        section.model_validate(values)
    assert "s3cret" not in str(caught.value)


def test_settings_do_not_change_and_do_not_tell_the_password() -> None:
    settings = MailSettings.model_validate({"relay_password": "s3cret"})
    assert "s3cret" not in repr(settings) + str(settings) + settings.model_dump_json()
    with pytest.raises(ValidationError):
        settings.relay_port = 1


def test_the_ways_to_a_relay() -> None:
    assert get_args(MailSettings.model_fields["relay_tls"].annotation) == ("none", "starttls", "tls")

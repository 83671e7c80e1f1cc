"""What is kept of a command line: all its words, and no secret."""

from __future__ import annotations

import shlex
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from pressroom.model.masking import CommandLine
from pressroom.model.site import NodeSettings, SiteSettings

SECRET = "hunter2-ÄÖ"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["settings", "--set", f"mail.relay_password={SECRET}"], "settings --set mail.relay_password=***"),
        (["settings", "--set", f"mail.relay_password:{SECRET}"], "settings --set mail.relay_password:***"),
        (["site", "exec", "a.example", "wp", f"--user_pass={SECRET}"], "site exec a.example wp --user_pass=***"),
        (["exec", "wp", "--password", SECRET, "--quiet"], "exec wp --password *** --quiet"),
        (["exec", "env", f"API_KEY={SECRET}", "true"], "exec env API_KEY=*** true"),
        (["exec", "sh", "-c", f"export TOKEN='{SECRET}'; run"], "exec sh -c 'export TOKEN=***; run'"),
        (["exec", "curl", f"https://ada:{SECRET}@api.example/x"], "exec curl https://ada:***@api.example/x"),
    ],
)
def test_secrets_are_masked(words: list[str], shown: str) -> None:
    line = CommandLine.of(words)
    assert line.text == shown
    assert SECRET not in repr(line)
    assert line.without_secrets(f"cannot log in with {SECRET}") == "cannot log in with ***"


@pytest.mark.parametrize("setting", ["authors=on", "http.port=8080", "cache.max_pages_per_site=10", "xmlrpc=off"])
def test_ordinary_settings_are_kept(setting: str) -> None:
    assert CommandLine.of(["settings", "--set", setting]).text == f"settings --set {setting}"


@pytest.mark.parametrize("settings", [NodeSettings, SiteSettings])
def test_every_secret_setting_has_a_name_that_is_masked(settings: type[BaseModel]) -> None:
    """And no other has."""
    sections = [(settings, "")]
    for name, about in settings.model_fields.items():
        if isinstance(about.annotation, type) and issubclass(about.annotation, BaseModel):
            sections.append((about.annotation, f"{name}."))
    for section, prefix in sections:
        for name, about in section.model_fields.items():
            line = CommandLine.of(["settings", "--set", f"{prefix}{name}={SECRET}"])
            assert (SECRET not in line.text) == (SecretStr.__name__ in str(about.annotation)), name


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=20), max_size=6))
def test_without_secrets_the_words_can_be_read_back(words: list[str]) -> None:
    line = CommandLine.of(words)
    if not line.hidden:
        assert shlex.split(line.text) == words


@pytest.mark.parametrize("part", ["x", "pass", "pass=", "pass=' ", "key-", "://a:", "--", "a:"])
def test_a_long_word_takes_no_time(part: str) -> None:
    word = part * (130_000 // len(part))  # Linux lets through no longer one
    began = time.process_time()
    CommandLine.of([word, word])
    assert time.process_time() - began < 2


def test_a_long_one_is_cut() -> None:
    assert len(CommandLine.of(["exec", "x" * 100_000]).text) < 5000
    assert len(CommandLine.of(["up"]).without_secrets("x" * 100_000)) < 5000

"""Secrets do not show by accident."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import pytest

from pressroom.model.secrets import Secret, new_salt, new_token


@dataclass(frozen=True)
class _Account:
    user: str
    password: Secret


def test_no_usual_way_to_text_shows_it(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret("s3cret")
    logging.getLogger("test").warning("with %s and %r", secret, secret)
    shown = [str(secret), repr(secret), f"{secret}", f"{secret!r:>20}", f"{secret}", "%s %r" % (secret, secret)]  # noqa: UP031
    shown += [repr([secret]), repr({"a": secret}), repr(_Account("ada", secret)), caplog.text]
    assert not [text for text in shown if "s3cret" in text]
    assert all("***" in text for text in shown)
    assert secret.reveal() == "s3cret"


def test_secrets_are_values() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_tokens_are_long_and_never_the_same() -> None:
    tokens = {new_token().reveal() for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token) >= 43 and token.replace("-", "").replace("_", "").isalnum() for token in tokens)
    assert len(new_token(8).reveal()) < 20


def test_salts_can_stand_in_a_single_quoted_php_string() -> None:
    salts = [new_salt() for _ in range(200)]
    assert len(set(salts)) == 200
    assert {len(salt) for salt in salts} == {64}
    letters = set("".join(salts))
    assert not letters & set("'\\\"\n\r\0")
    assert all(letter.isascii() and letter.isprintable() for letter in letters)
    assert len(letters) > 80
    assert len(new_salt(7)) == 7

"""The node's own authority, and the certificates that it issues."""

from __future__ import annotations

import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pressroom.stack.certificates import Authority

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NAMES = ("news.localhost", "www.news.localhost")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.make("/srv/pressroom", NOW)


def test_what_it_issues_is_good_for_these_names(authority: Authority) -> None:
    text = authority.issue(NAMES, NOW)
    assert authority.names(text, NOW) == set(NAMES)
    assert Authority.read(authority.text).names(text, NOW) == set(NAMES)


@pytest.mark.parametrize("days", [0, 366])
def test_openssl_agrees(authority: Authority, tmp_path: Path, days: int) -> None:
    (tmp_path / "site.pem").write_text(authority.issue(NAMES, NOW))
    (tmp_path / "authority.crt").write_text(authority.certificate)
    at = str(int((NOW + timedelta(days=days)).timestamp()))
    verify = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-attime", at]
    for name, is_right in ((NAMES[0], True), (NAMES[1], True), ("other.localhost", False)):
        done = subprocess.run(
            [*verify, "-verify_hostname", name, "-CAfile", tmp_path / "authority.crt", tmp_path / "site.pem"],
            capture_output=True,
            check=False,
        )
        assert (done.returncode == 0) is is_right, done.stderr


def test_a_certificate_that_ends_soon_is_good_for_nothing(authority: Authority) -> None:
    text = authority.issue(NAMES, NOW)
    assert authority.names(text, NOW + timedelta(days=366)) == set(NAMES)
    assert authority.names(text, NOW + timedelta(days=368)) == frozenset()


def test_neither_is_anothers_nor_what_is_none(authority: Authority) -> None:
    text = authority.issue(NAMES, NOW)
    other = Authority.make("/srv/pressroom", NOW)
    begin = "-----BEGIN CERTIFICATE-----"
    with_another_key = other.issue(NAMES, NOW).partition(begin)[0] + begin + text.partition(begin)[2]
    for wrong in ("", "no certificate", authority.certificate, other.issue(NAMES, NOW), with_another_key, text[:600]):
        assert authority.names(wrong, NOW) == frozenset()


def test_no_authority(authority: Authority) -> None:
    for wrong in ("", authority.certificate, authority.text.replace("PRIVATE", "PUBLIC")):
        with pytest.raises(ValueError, match=r"."):
            Authority.read(wrong)


def test_its_key_is_not_shown(authority: Authority) -> None:
    assert "PRIVATE" not in repr(authority)
    assert "PRIVATE" not in authority.certificate
    ssl.create_default_context(cadata=authority.certificate)

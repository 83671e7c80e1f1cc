"""What the state store keeps, refuses and gives back."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from pressroom.model.errors import Conflict, Drifted, NotFound
from pressroom.model.secrets import Secret
from pressroom.model.site import (
    CacheSettings,
    HttpSettings,
    MailSettings,
    NodeSettings,
    PhpSettings,
    SiteSettings,
    SiteStatus,
)
from pressroom.state.store import StateStore
from tests.state.conftest import AddSite


def test_a_site_comes_back_as_it_was_given(database: Path, add_site: AddSite) -> None:
    made = add_site("news.example.org", "www.news.example.org", "alt.example.org")
    assert made.name == "s1"
    assert made.status is SiteStatus.CREATING
    assert set(made.aliases) == {"alt.example.org", "www.news.example.org"}
    assert made.salts == (("AUTH_KEY", Secret("salt of AUTH_KEY")),)
    assert abs(datetime.now(UTC) - made.created_at) < timedelta(seconds=30)
    again = StateStore(database).site("news.example.org")
    assert (again.domain, set(again.aliases), again.salts, again.created_at) == (
        made.domain,
        set(made.aliases),
        made.salts,
        made.created_at,
    )


def test_no_secret_is_in_a_sites_repr(add_site: AddSite) -> None:
    assert "salt of" not in repr(add_site("news.example.org"))


@pytest.mark.parametrize(
    ("domain", "aliases"),
    [
        ("news.example.org", ()),
        ("www.example.org", ()),
        ("new.example.org", ("news.example.org",)),
        ("new.example.org", ("fresh.example.org", "www.example.org")),
    ],
    ids=["domain-domain", "domain-alias", "alias-domain", "alias-alias"],
)
def test_a_domain_belongs_to_one_site(
    store: StateStore, add_site: AddSite, domain: str, aliases: tuple[str, ...]
) -> None:
    first = add_site("news.example.org", "www.example.org")
    with pytest.raises(Conflict, match=r"belongs to the site news\.example\.org"):
        add_site(domain, *aliases)
    assert store.sites() == [first]
    for name in {domain, *aliases} - {"news.example.org", "www.example.org"}:
        with pytest.raises(NotFound):
            store.site(name)


def test_a_forgotten_sites_domains_are_free_again(store: StateStore, add_site: AddSite) -> None:
    store.forget_site(add_site("news.example.org", "www.example.org").name)
    assert add_site("www.example.org", "news.example.org").domain == "www.example.org"


def test_a_number_is_never_given_again(database: Path, store: StateStore, add_site: AddSite) -> None:
    assert [add_site(f"{letter}.example.org").name for letter in "abc"] == ["s1", "s2", "s3"]
    for name in ("s3", "s2", "s1"):
        store.forget_site(name)
    assert StateStore(database).sites() == []
    assert add_site("a.example.org").name == "s4"


def test_forgetting_a_site_forgets_its_aliases(database: Path, store: StateStore, add_site: AddSite) -> None:
    add_site("a.example.org", "b.example.org")
    add_site("c.example.org", "d.example.org")
    store.forget_site("s1")
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT domain FROM aliases").fetchall() == [("d.example.org",)]


def test_a_site_is_found_by_any_of_its_names(store: StateStore, add_site: AddSite) -> None:
    site = add_site("news.example.org", "www.news.example.org")
    for name in ("news.example.org", "NEWS.example.ORG", "www.news.example.org"):
        assert store.site(name) == store.site(site.domain)


def test_a_site_that_is_not_there_is_answered_with_those_near(store: StateStore, add_site: AddSite) -> None:
    add_site("news.example.org")
    with pytest.raises(NotFound, match=r"nws\.example\.org") as caught:
        store.site("nws.example.org")
    assert "news.example.org" in caught.value.hint
    with pytest.raises(NotFound) as caught:
        store.site("zzzzzzzzzzzzz")
    assert "site list" in caught.value.hint


def test_sites_come_in_the_order_they_were_made(store: StateStore, add_site: AddSite) -> None:
    for domain in ("z.example.org", "a.example.org", "m.example.org"):
        add_site(domain)
    assert [site.domain for site in store.sites()] == ["z.example.org", "a.example.org", "m.example.org"]


def test_status_and_core(store: StateStore, add_site: AddSite) -> None:
    add_site("news.example.org")
    store.set_status("s1", SiteStatus.READY)
    store.set_core("s1", "7.0")
    site = store.site("news.example.org")
    assert (site.status, site.core, site.previous_core) == (SiteStatus.READY, "7.0", "6.9")


def test_a_name_that_is_no_sites_is_not_found(store: StateStore, add_site: AddSite) -> None:
    add_site("news.example.org")
    with pytest.raises(NotFound):
        store.set_status("s2", SiteStatus.READY)
    with pytest.raises(NotFound):
        store.set_core("s2", "7.0")
    with pytest.raises(NotFound):
        store.forget_site("s2")


def test_settings_are_the_defaults_until_they_are_saved(store: StateStore) -> None:
    assert store.settings() == NodeSettings()


def test_settings_come_back_with_the_relays_password(database: Path, store: StateStore) -> None:
    settings = NodeSettings(
        http=HttpSettings(listen="*", port=80, proxies="192.0.2.0/28"),
        cache=CacheSettings(max_pages_per_site=7, render_concurrency=3, audit_percent=0.5),
        mail=MailSettings(
            relay_host="smtp.example.org",
            relay_port=465,
            relay_user="paper",
            relay_password=SecretStr("s3cret \"'\\ ü"),
            relay_tls="tls",
            sender="paper@example.org",
        ),
        php=PhpSettings(
            max_children=9, memory_limit="1G", upload_max="2M", sleep_seconds=5, object_cache_mb=16, jit_mb=8
        ),
    )
    store.save_settings(settings)
    again = StateStore(database).settings()
    assert again == settings
    assert again.mail.relay_password is not None
    assert again.mail.relay_password.get_secret_value() == "s3cret \"'\\ ü"
    assert "s3cret" not in repr(again)


def test_a_sites_settings_are_its_own(database: Path, store: StateStore, add_site: AddSite) -> None:
    first, second = add_site("one.example.org"), add_site("two.example.org")
    assert first.settings == SiteSettings.model_validate({})
    changed = SiteSettings.model_validate({"pictures": False, "xmlrpc": True, "firewall": "block"})
    store.save_site_settings(first.name, changed)
    again = StateStore(database)
    assert again.site("one.example.org").settings == changed
    assert again.site("two.example.org").settings == second.settings


def test_site_settings_that_do_not_hold_are_named(database: Path, store: StateStore, add_site: AddSite) -> None:
    add_site("one.example.org")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("""UPDATE sites SET settings = '{"pictures": "perhaps"}'""")
    with pytest.raises(Drifted, match="pictures"):
        store.site("one.example.org")


def test_a_relays_password_can_be_taken_away(store: StateStore) -> None:
    mail = MailSettings.model_validate({"relay_host": "a", "relay_user": "b", "relay_password": "s3cret"})
    store.save_settings(NodeSettings(mail=mail))
    store.save_settings(NodeSettings())
    assert store.settings() == NodeSettings()


def test_only_its_owner_reads_the_state(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    before = os.umask(0)
    try:
        store = StateStore(path)
        store.save_settings(NodeSettings())
        store.settings()
        found = {entry.name: entry.stat().st_mode & 0o777 for entry in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert "state.db" in found
    assert set(found.values()) == {0o600}, found

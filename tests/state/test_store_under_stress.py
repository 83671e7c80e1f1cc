"""Several writers at once, a lock that is held, a full disk, damage; and what opening costs."""

from __future__ import annotations

import sqlite3
import statistics
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event

from pressroom.model.errors import Busy, Conflict, Drifted, NoSpace, NotFound
from pressroom.model.site import NodeSettings
from pressroom.state import store as state_store
from pressroom.state.migrate import migrate
from pressroom.state.store import StateStore
from tests.state.conftest import AddSite

# Adds a site when told to; between the check and the write lies a moment in which the other could come in.
_ADD = """\
import sys, time
from pathlib import Path
from pressroom.model.errors import Conflict
from pressroom.state import store as state_store
store = state_store.StateStore(Path(sys.argv[1]))
found = state_store._owner
def slowly(session, name):
    owner = found(session, name)
    time.sleep(0.8 / (len(sys.argv) - 2))  # both have looked everywhere before either writes
    return owner
state_store._owner = slowly
print("ready", flush=True)
sys.stdin.readline()
try:
    store.add_site(domain=sys.argv[2], aliases=tuple(sys.argv[3:]), title="t", admin_email="a@example.org",
                   admin_user="a", core="6.9", source="debian", salts={})
except Conflict:
    sys.exit(3)
"""


def test_of_two_that_claim_a_domain_at_once_one_gets_it(database: Path, store: StateStore) -> None:
    """One as a site's domain, one as an alias: no single table's uniqueness would notice."""
    claims = (["wanted.example.org"], ["other.example.org", "wanted.example.org"])
    both = [
        subprocess.Popen([sys.executable, "-c", _ADD, database, *claim], stdin=-1, stdout=-1, text=True)
        for claim in claims
    ]
    for process in both:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in both:
        process.communicate(timeout=30)
    assert sorted(process.returncode for process in both) == [0, 3]
    assert len(store.sites()) == 1


@pytest.mark.parametrize("aliases", [("a.example.org",), ("b.example.org", "b.example.org")])
def test_a_domain_that_is_given_twice_is_refused(
    store: StateStore, add_site: AddSite, aliases: tuple[str, ...]
) -> None:
    with pytest.raises(Conflict, match="twice"):
        add_site("a.example.org", *aliases)
    assert store.sites() == []


def test_the_core_before_is_kept_when_the_same_core_is_wanted_again(store: StateStore, add_site: AddSite) -> None:
    add_site("news.example.org")
    store.set_core("s1", "7.0")
    store.set_core("s1", "7.0")
    site = store.site("news.example.org")
    assert (site.core, site.previous_core) == ("7.0", "6.9")


def test_a_site_is_found_by_its_name_in_its_own_letters(store: StateStore, add_site: AddSite) -> None:
    add_site("xn--bcher-kva.example", "news.example.org")
    assert store.site("Bücher.example").name == "s1"
    with pytest.raises(NotFound) as caught:
        store.site("nws.example.org")
    assert "news.example.org" in caught.value.hint  # an alias is near, too


@pytest.mark.parametrize("name", ["\x1b[2Jx", "a\nb", "x" * 100_000, "", "\ud800", "'; DROP TABLE sites; --"])
def test_strange_names_are_not_found_and_shown_harmlessly(store: StateStore, add_site: AddSite, name: str) -> None:
    add_site("news.example.org")
    with pytest.raises(NotFound) as caught:
        store.site(name)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 400
    assert len(store.sites()) == 1


@pytest.mark.parametrize("name", ["", "s", "x", "s-1", "s1x", "s²"])
def test_a_name_of_another_form_is_not_found(store: StateStore, add_site: AddSite, name: str) -> None:
    add_site("news.example.org")
    with pytest.raises(NotFound):
        store.forget_site(name)


def test_a_database_that_another_is_writing_is_busy(
    database: Path, store: StateStore, add_site: AddSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_site("news.example.org")
    monkeypatch.setattr(state_store, "_BUSY_MILLISECONDS", 50)
    hasty = StateStore(database)
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Busy, match=r"state\.db"):
            hasty.set_salts("s1", {})
        assert len(hasty.sites()) == 1  # readers are not kept waiting
        other.execute("ROLLBACK")
    hasty.set_salts("s1", {})
    assert store.site("news.example.org").salts == ()


def test_a_full_disk_is_said_and_changes_nothing(database: Path, store: StateStore, add_site: AddSite) -> None:
    add_site("news.example.org")
    event.listen(store._engine, "connect", lambda connection, record: connection.execute("PRAGMA max_page_count=1"))
    with pytest.raises(NoSpace):
        store.set_salts("s1", {"AUTH_KEY": "x" * 1_000_000})
    assert dict(store.site("news.example.org").salts)["AUTH_KEY"].reveal() == "salt of AUTH_KEY"
    assert [site.domain for site in StateStore(database).sites()] == ["news.example.org"]


def test_damage_is_said(database: Path, store: StateStore) -> None:
    store._engine.dispose()
    with database.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)
    with pytest.raises(Drifted, match="cannot be read"):
        for read in (lambda: migrate(database), StateStore(database).sites, StateStore(database).settings):
            read()


def test_settings_that_do_not_hold_are_named_without_their_values(database: Path, store: StateStore) -> None:
    store.save_settings(NodeSettings())
    with closing(sqlite3.connect(database)) as other:
        other.execute("""UPDATE settings SET value = '{"relay_port": "s3cret"}' WHERE section = 'mail'""")
        other.commit()
    with pytest.raises(Drifted, match=r"mail\.relay_port") as caught:
        store.settings()
    assert "s3cret" not in caught.value.message


def test_opening_costs_little(database: Path, store: StateStore, add_site: AddSite) -> None:
    add_site("news.example.org")

    def opening() -> float:
        began = time.perf_counter()
        assert len(StateStore(database).sites()) == 1
        return time.perf_counter() - began

    assert statistics.median(opening() for _ in range(9)) < 0.030

"""Changes that are prepared first and seen later (XA): no page is made before and stays behind."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import pymysql
import pytest

from pressroom.pagecache.binlog.positions import Position, Transaction, Write
from pressroom.pagecache.invalidator.index import Index
from pressroom.pagecache.invalidator.site_changes import SiteChanges
from pressroom.pagecache.invalidator.undecided import ANY, Undecided, Wait
from pressroom.pagecache.matching.reads import UNRECORDED
from tests.conftest import until
from tests.pagecache.cache_world import World
from tests.pagecache.followed import Followed
from tests.pagecache.staging import rendered

_PREPARE = ("XA START 'x'", "UPDATE s1.texts SET words='new'", "XA END 'x'", "XA PREPARE 'x'")


@pytest.fixture
def sites(world: World, mariadb: Path) -> Iterator[Followed]:
    followed = Followed(
        world, mariadb, ["CREATE TABLE texts (id INT PRIMARY KEY, words TEXT)", "INSERT INTO texts VALUES (1, 'old')"]
    )
    yield followed
    followed.close()


@pytest.fixture
def tenant(mariadb: Path) -> Iterator[Callable[..., None]]:
    """A way to say statements over a connection of one's own, which ends then."""
    root = pymysql.connect(unix_socket=str(mariadb), user="root", autocommit=True)
    with root, root.cursor() as other:

        def say(*statements: str) -> None:
            with pymysql.connect(unix_socket=str(mariadb), user="root", autocommit=True) as connection:
                number = connection.thread_id()  # type: ignore[no-untyped-call]
                for statement in statements:
                    connection.query(statement)
            # What is decided while its connection ends, MariaDB may leave undecided.
            until(lambda: not other.execute("SELECT 1 FROM information_schema.PROCESSLIST WHERE ID=%s", (number,)))

        yield say
        if other.execute("XA RECOVER"):
            other.execute("XA ROLLBACK 'x'")


@pytest.fixture
def undecided(tmp_path: Path) -> Iterator[Undecided]:
    index = Index(tmp_path / "index.db", lambda site: None)  # type: ignore[arg-type, return-value]
    yield index.undecided
    index.close()


def follow(sites: Followed) -> None:
    """What was said up to now. Another site's change is the last, so that it comes to an end in any case."""
    sites.say("UPDATE s2.texts SET words=CONCAT(words, '!')")
    sites.follow()


def look(sites: Followed) -> None:
    """Some time later."""
    sites.world.now += 20
    sites.world.cache.look_at_undecided(sites.master.under_way)


def make(sites: Followed, site: str = "s1") -> str | None:
    """Its front page, which may have read anything; why it is not stored."""
    place = sites.world.cache.place
    assert place is not None
    ticket = sites.world.cache.begin(site, "/")
    page = rendered(sites.world.folder / "staging", b"text", Position.parse(place.file, place.offset), UNRECORDED)
    return sites.world.cache.publish(ticket, page).refused


@pytest.mark.parametrize("word", ["XA COMMIT 'x'", "XA ROLLBACK 'x'"])
def test_nothing_is_stored_between_the_two(sites: Followed, tenant: Callable[..., None], word: str) -> None:
    """A page that is made there reads the old rows; what is said in the end names no table, and by whom no site."""
    follow(sites)
    assert make(sites) is None
    tenant(*_PREPARE)
    follow(sites)
    assert not sites.world.is_stored("s1", "/")
    assert sites.world.cache.refused("s1", "/") == make(sites) is not None
    tenant(word)
    under_way = sites.world.cache.begin("s1", "/")
    follow(sites)
    assert make(sites) is not None and not sites.world.is_stored("s1", "/")
    look(sites)
    assert sites.world.publish(under_way, 10**9).refused is not None  # it may have begun to read before
    assert sites.world.cache.refused("s1", "/") is None and make(sites) is None


def test_a_page_made_after_it_was_prepared_goes_when_that_is_read(sites: Followed, tenant: Callable[..., None]) -> None:
    """The place that its render read is behind the rows, but it did not see them."""
    follow(sites)
    tenant(*_PREPARE)
    sites.say("UPDATE s2.texts SET words='!'")
    place = sites.master.newest_place()
    page = rendered(sites.world.folder / "staging", b"text", Position.parse(place.file, place.offset), UNRECORDED)
    assert sites.world.cache.publish(sites.world.cache.begin("s1", "/"), page).refused is None
    sites.follow()
    assert not sites.world.is_stored("s1", "/")


def test_who_prepares_nothing_pays_nothing(sites: Followed, tenant: Callable[..., None]) -> None:
    sites.follow()
    assert make(sites, "s2") is None
    tenant(*_PREPARE)
    sites.say("CREATE DATABASE IF NOT EXISTS elsewhere")
    sites.follow()
    look(sites)
    assert sites.world.is_stored("s2", "/") and make(sites, "s2") is None
    tenant("XA COMMIT 'x'")
    sites.say("CREATE DATABASE IF NOT EXISTS elsewhere")
    sites.follow()
    assert sites.world.is_stored("s2", "/")


def test_one_that_was_prepared_is_remembered(sites: Followed, tenant: Callable[..., None]) -> None:
    """Though its connection has ended, and the invalidator with all that it had in mind."""
    tenant(*_PREPARE)
    follow(sites)
    look(sites)
    sites.world.stop()
    sites.world.start()
    sites.world.index.dependencies._schema_of = sites.master.schema
    for _ in range(2):
        look(sites)
        assert make(sites) is not None
    tenant("XA COMMIT 'x'")
    look(sites)
    assert make(sites) is None


def test_one_from_before_the_place_may_be_any_sites(sites: Followed, tenant: Callable[..., None]) -> None:
    """Pages are stored meanwhile, for whoever keeps it open would keep them from all; they go when it ends."""
    tenant(*_PREPARE)
    sites.world.cache.start_at(sites.master.newest_place(), "lost", undecided=bool(sites.master.under_way()))
    assert make(sites) is None and make(sites, "s2") is None
    look(sites)  # it may have ended since
    assert make(sites) is None and make(sites, "s2") is None
    look(sites)
    assert sites.world.is_stored("s1", "/") and sites.world.is_stored("s2", "/")
    sites.world.stop()
    sites.world.start()
    sites.world.index.dependencies._schema_of = sites.master.schema
    look(sites)
    assert make(sites) is None and make(sites, "s2") is None
    under_way = sites.world.cache.begin("s2", "/")
    tenant("XA COMMIT 'x'")
    look(sites)
    assert not sites.world.is_stored("s1", "/") and not sites.world.is_stored("s2", "/")
    assert sites.world.publish(under_way, 10**9).refused is not None
    assert make(sites) is None and make(sites, "s2") is None
    look(sites)
    assert sites.world.is_stored("s1", "/") and sites.world.is_stored("s2", "/")


def _ended(undecided: Undecided, waits: Mapping[str, Wait], under_way: Iterable[int], now: float) -> list[str]:
    ended = undecided.ended(waits, frozenset(under_way))
    undecided.note(waits, frozenset(under_way), now)
    return ended


def test_a_drop_that_fails_is_made_once_more(
    sites: Followed, tenant: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All sites' pages go, and the disk is full at the second: those are served from before, and nothing else tells."""
    tenant(*_PREPARE)
    sites.world.cache.start_at(sites.master.newest_place(), "lost", undecided=bool(sites.master.under_way()))
    look(sites)
    assert make(sites) is None and make(sites, "s2") is None
    tenant("XA COMMIT 'x'")
    drop = SiteChanges.drop
    done: list[None] = []

    def fails(changes: SiteChanges, why: str, by: Position | None = None) -> None:
        if done:
            raise sqlite3.OperationalError("database or disk is full")
        done.append(drop(changes, why, by))

    with monkeypatch.context() as full:
        full.setattr(SiteChanges, "drop", fails)
        with pytest.raises(sqlite3.OperationalError):
            look(sites)
    assert [sites.world.is_stored(site, "/") for site in ("s1", "s2")].count(True) == 1
    sites.world.stop()
    sites.world.start()
    look(sites)
    assert not sites.world.is_stored("s1", "/") and not sites.world.is_stored("s2", "/")


def test_who_ends_many_has_pages_dropped_now_and_then(undecided: Undecided) -> None:
    """Though he prepares new ones all the time, each of which is asked for at once."""
    undecided.add(ANY)
    dropped, now = 0, 0.0
    for number in range(60, 0, -1):
        undecided.add("s1")
        dropped += ANY in _ended(undecided, undecided.due(now), range(number), now)
        now += 0.5
    assert dropped == 3


def test_where_too_much_is_under_way_nothing_has_ended(undecided: Undecided, monkeypatch: pytest.MonkeyPatch) -> None:
    """MariaDB would not have told all of it."""
    monkeypatch.setattr("pressroom.pagecache.invalidator.undecided._MOST_TOLD", 2)
    undecided.add("s1")
    undecided.add(ANY)
    assert _ended(undecided, undecided.due(0.0), {7, 8, 9}, 0.0) == []
    assert undecided.due(0.1) == {}
    assert _ended(undecided, undecided.due(20.0), {7, 8}, 20.0) == [ANY]
    assert _ended(undecided, undecided.due(40.0), {10, 11, 12}, 40.0) == [] and undecided.sites() == {"s1"}
    assert set(_ended(undecided, undecided.due(60.0), {10}, 60.0)) == {"s1", ANY}


def test_each_of_them_that_ends_counts(undecided: Undecided) -> None:
    undecided.add(ANY)
    waits = undecided.due(0.0)
    assert _ended(undecided, waits, {7, 8}, 0.0) == [ANY]
    for now, under_way, ended in ((10.0, {7, 8, 9}, []), (20.0, {8, 9}, [ANY]), (30.0, {8}, []), (40.0, {9}, [ANY])):
        assert _ended(undecided, undecided.due(now), under_way, now) == ended
    assert undecided.due(100.0) == {}


def test_a_site_is_free_when_all_has_ended_that_was_under_way(undecided: Undecided) -> None:
    """Whatever the binlog said: MariaDB may have left it as it was. What has begun later is none of it."""
    now = 0.0

    def free(*under_way: int) -> list[str]:
        nonlocal now
        now += 60
        return _ended(undecided, undecided.due(now), under_way, now)

    undecided.add("s1")
    assert free(7, 8) == [] and free(8, 9) == [] and free(8, 10) == []
    before = undecided.due(1000.0)
    undecided.add("s1")
    assert _ended(undecided, before, (), 1000.0) == [] and undecided.sites() == {"s1"}
    now = 1000.0
    assert free(10) == [] and free(11) == ["s1"] and undecided.sites() == frozenset()


def test_the_question_is_put_less_and_less(undecided: Undecided) -> None:
    """It costs all who want locks a little. Whoever prepares anew is seen to at once."""
    undecided.add("s1")
    asked, now = [], 0.0
    while now < 60:
        if waits := undecided.due(now):
            asked.append(now)
            _ended(undecided, waits, {7}, now)
        now += 0.1
    assert len([moment for moment in asked if moment < 1]) >= 2 and 8 < len(asked) < 12
    assert undecided.due(now) == {}
    undecided.add("s2")
    assert undecided.due(now).keys() == {"s1", "s2"}


def test_who_is_no_site_is_not_waited_for(sites: Followed, tenant: Callable[..., None]) -> None:
    """One that was removed, or somebody else's database."""
    tenant(*_PREPARE)
    follow(sites)
    assert sites.world.cache.undecided() == {"s1"}
    sites.world.cache.attend(["s2"])
    elsewhere = frozenset({Write("elsewhere", None, None)})
    sites.world.cache.apply(Transaction(10**9, Position(1, 10**9), elsewhere, prepared=True), "binlog.000001")
    assert sites.world.cache.undecided() == frozenset()

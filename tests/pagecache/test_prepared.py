"""Changes that are prepared first and seen later (XA): no page is made before and stays behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pymysql
import pytest

from pressroom.pagecache.binlog.positions import Position
from pressroom.pagecache.invalidator.index import Index
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


def follow(sites: Followed) -> None:
    """What was said up to now. Another site's change is the last, so that it comes to an end in any case."""
    sites.say("UPDATE s2.texts SET words=CONCAT(words, '!')")
    sites.follow()


def look(sites: Followed) -> None:
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


def test_what_was_prepared_before_the_first_place_may_be_any_sites(
    sites: Followed, tenant: Callable[..., None]
) -> None:
    tenant(*_PREPARE)
    under_way = sites.master.under_way()
    assert under_way
    sites.world.cache.start_at(sites.master.newest_place(), "the place was lost", undecided=bool(under_way))
    look(sites)
    assert make(sites) is not None and make(sites, "s2") is not None
    tenant("XA COMMIT 'x'")
    look(sites)
    assert make(sites) is None and make(sites, "s2") is None


def test_a_site_is_free_when_all_has_ended_that_was_under_way(tmp_path: Path) -> None:
    """Whatever the binlog said: MariaDB may have left it as it was. What has begun later is none of it."""
    index = Index(tmp_path / "index.db", lambda site: None)  # type: ignore[arg-type, return-value]
    undecided = index.undecided

    def free(*under_way: int) -> list[str]:
        return undecided.ended(undecided.waits(), frozenset(under_way))

    undecided.add("s1")
    assert free(7, 8) == [] and free(8, 9) == [] and free(8, 10) == []
    before = undecided.waits()
    undecided.add("s1")
    assert undecided.ended(before, frozenset()) == [] and "s1" in undecided
    assert free(10) == [] and free(11) == ["s1"] and "s1" not in undecided
    index.close()


def test_where_too_much_is_under_way_nobody_is_free(world: World) -> None:
    world.index.undecided.add("s1")
    world.cache.look_at_undecided(lambda: None)
    assert world.cache.is_undecided("s1")
    world.cache.look_at_undecided(frozenset)
    assert not world.cache.is_undecided("s1")
    assert world.drops == [("s1", "a transaction is prepared (XA) and not decided")]

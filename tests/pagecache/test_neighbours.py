"""A term that nothing shows takes nothing out: rows that a changed row is joined with, asked of a real MariaDB."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql
import pytest

from pressroom.pagecache.binlog.master import Master
from pressroom.pagecache.binlog.positions import Position, Transaction
from pressroom.pagecache.binlog.tailer import Tailer
from pressroom.pagecache.matching.neighbours import Neighbours, may_be_later
from pressroom.pagecache.matching.reads import Analyst, statement
from pressroom.pagecache.matching.rerun import Question, Rerun
from tests.conftest import until

_TABLES = """
CREATE TABLE wp_terms (term_id bigint unsigned PRIMARY KEY, name varchar(200));
CREATE TABLE wp_term_taxonomy (term_taxonomy_id bigint unsigned PRIMARY KEY, term_id bigint unsigned,
    taxonomy varchar(32), count bigint, UNIQUE KEY term_id_taxonomy (term_id, taxonomy));
CREATE TABLE wp_term_relationships (object_id bigint unsigned, term_taxonomy_id bigint unsigned,
    PRIMARY KEY (object_id, term_taxonomy_id));
INSERT INTO wp_terms VALUES (1, 'Town'), (2, 'Red'), (4, 'Sport');
INSERT INTO wp_term_taxonomy VALUES (1, 1, 'category', 1), (2, 2, 'pa_colour', 1), (4, 4, 'category', 1);
INSERT INTO wp_term_relationships VALUES (7, 1), (8, 2), (8, 4)
"""
# What WordPress asks for an article's terms.
_TERMS_OF_7 = (
    "SELECT DISTINCT t.term_id, tr.object_id FROM wp_terms AS t"
    " INNER JOIN wp_term_taxonomy AS tt ON t.term_id = tt.term_id"
    " INNER JOIN wp_term_relationships AS tr ON tr.term_taxonomy_id = tt.term_taxonomy_id"
    " WHERE tt.taxonomy IN ('category', 'post_tag') AND tr.object_id IN (7) ORDER BY t.name ASC"
)
_AT_WILL = (
    "SELECT t.name FROM wp_terms t LEFT JOIN wp_term_taxonomy tt ON t.term_id = tt.term_id AND tt.taxonomy = 'category'"
)


_PATIENCE = 30.0  # seconds: the machine may be busy


@dataclass
class Site:
    connection: Any
    transactions: Iterator[Transaction]
    rerun: Rerun
    analyst: Analyst

    def run(self, text: str) -> Transaction:
        """The transaction that the last of these statements ended."""
        with self.connection.cursor() as cursor:
            for one in text.split(";"):
                cursor.execute(one)
        return next(self.transactions)

    def run_if_it_changes(self, text: str) -> Transaction | None:
        with self.connection.cursor() as cursor:
            return next(self.transactions) if cursor.execute(text) else None

    def answer(self) -> object:
        with self.connection.cursor() as cursor:
            cursor.execute(_TERMS_OF_7)
            return cursor.fetchall()

    def may_change(self, transaction: Transaction, text: str = _TERMS_OF_7) -> bool | None:
        """Whether the transaction may have changed what this gives; None when its state is not to be seen any more."""
        with self.rerun.neighbours(
            "s1", transaction.end, time.monotonic() + _PATIENCE, may_be_later(transaction.rows)
        ) as look:
            if look is None:
                return None
            return not Neighbours(self.analyst, transaction.rows, look).unmet({1: statement(text)})


@pytest.fixture
def site(mariadb: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    connection = pymysql.connect(unix_socket=str(mariadb), user="root", charset="utf8mb4", autocommit=True)
    with connection.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS s1")
        cursor.execute("CREATE DATABASE s1")
        connection.select_db("s1")
        for text in _TABLES.split(";"):
            cursor.execute(text)
    master = Master(mariadb, "root", mariadb.parent / "data")
    place = master.newest_place()
    tailer = Tailer(
        {"unix_socket": str(mariadb), "user": "root"}, 4712, mariadb.parent / "data", place.file, place.offset
    )
    monkeypatch.setattr("pressroom.pagecache.matching.rerun.ONE_STATEMENT", _PATIENCE)
    rerun = Rerun(master.settings)
    yield Site(connection, tailer.transactions(), rerun, Analyst(master.schema("s1")))
    rerun.close()
    tailer.close()
    connection.close()


@pytest.mark.parametrize(
    ("change", "may"),
    [
        ("INSERT INTO wp_terms VALUES (3, 'New')", False),
        ("UPDATE wp_terms SET name = 'Crimson' WHERE term_id = 2", False),
        ("UPDATE wp_terms SET name = 'City' WHERE term_id = 1", True),
        ("UPDATE wp_terms SET name = 'Games' WHERE term_id = 4", False),  # a category, of another article
        ("INSERT INTO wp_term_taxonomy VALUES (3, 2, 'category', 0)", False),
        ("DELETE FROM wp_terms WHERE term_id = 1", True),
        ("DELETE FROM wp_terms WHERE term_id = 2", False),
        ("INSERT INTO wp_term_relationships VALUES (7, 2)", False),
        ("UPDATE wp_term_relationships SET term_taxonomy_id = 1 WHERE object_id = 8 AND term_taxonomy_id = 2", False),
    ],
)
def test_a_row_counts_with_those_that_it_is_joined_with(site: Site, change: str, may: bool) -> None:
    assert site.may_change(site.run(change)) is may


def test_of_what_the_transaction_changed_itself_nothing_is_known(site: Site) -> None:
    """Both are gone, so neither finds the other, and yet there was an article's term before."""
    gone = "DELETE t, tt FROM wp_terms t JOIN wp_term_taxonomy tt ON tt.term_id = t.term_id WHERE t.term_id = 1"
    assert site.may_change(site.run(gone)) is True


def test_a_later_state_tells_nothing(site: Site) -> None:
    """There was a term of that name when the first was answered; that it is gone is the next one's to say."""
    renamed = site.run("UPDATE wp_terms SET name = 'City' WHERE term_id = 1")
    site.run("DELETE FROM wp_term_taxonomy WHERE term_id = 1")
    assert site.may_change(renamed) is None


@pytest.mark.parametrize(("article", "may"), [(7, True), (8, False)])
def test_a_new_row_counts_with_those_that_it_was_joined_with_since(site: Site, article: int, may: bool) -> None:
    """As when a term is made and given to an article: all is there before the first row is looked at."""
    changes = [
        site.run("INSERT INTO wp_terms VALUES (3, 'New')"),
        site.run("INSERT INTO wp_term_taxonomy VALUES (3, 3, 'category', 0)"),
        site.run(f"INSERT INTO wp_term_relationships VALUES ({article}, 3)"),
    ]
    assert [site.may_change(change) for change in changes] == [may, may, may]


def test_looks_that_come_late_miss_nothing(site: Site) -> None:
    """Random changes, each looked at when some more have been made: a result that differs was told of."""
    chance = random.Random(20)
    differed = 0
    for _ in range(400):
        before = site.answer()
        waiting: list[Transaction] = []
        verdicts: list[bool | None] = []
        for _ in range(chance.randint(1, 6)):
            if (done := site.run_if_it_changes(_random_change(chance))) is not None:
                waiting.append(done)
            while waiting and chance.random() < 0.3:
                verdicts.append(site.may_change(waiting.pop(0)))
        verdicts.extend(site.may_change(transaction) for transaction in waiting)
        if site.answer() != before:
            differed += 1
            assert any(verdict is not False for verdict in verdicts)
    assert differed > 20


def _random_change(chance: random.Random) -> str:
    term, tie, article = chance.randint(1, 2), chance.randint(1, 2), chance.randint(7, 8)
    return chance.choice(
        [
            f"INSERT IGNORE INTO wp_terms VALUES ({term}, 'T{chance.randint(1, 9)}')",
            f"DELETE FROM wp_terms WHERE term_id = {term}",
            f"INSERT IGNORE INTO wp_term_taxonomy VALUES ({tie}, {term}, 'category', 0)",
            f"UPDATE IGNORE wp_term_taxonomy SET taxonomy = '{chance.choice(['category', 'pa_colour'])}'"
            f" WHERE term_taxonomy_id = {tie}",
            f"DELETE FROM wp_term_taxonomy WHERE term_taxonomy_id = {tie}",
            f"INSERT IGNORE INTO wp_term_relationships VALUES ({article}, {tie})",
            f"DELETE FROM wp_term_relationships WHERE object_id = {article} AND term_taxonomy_id = {tie}",
        ]
    )


def test_an_outer_join_needs_no_other_row(site: Site) -> None:
    assert site.may_change(site.run("INSERT INTO wp_terms VALUES (3, 'New')"), _AT_WILL) is True


def test_an_outer_join_whose_other_row_must_be_there_is_an_inner_one(site: Site) -> None:
    new = site.run("INSERT INTO wp_terms VALUES (3, 'New')")
    assert site.may_change(new, f"{_AT_WILL} WHERE tt.count > 0") is False
    assert site.may_change(new, f"{_AT_WILL} WHERE t.name > ''") is True


def test_a_statement_is_ruled_out_for_all_its_parameters(site: Site) -> None:
    template = site.analyst.template(statement(_TERMS_OF_7).template)
    assert template is not None
    for change, may in [
        ("INSERT INTO wp_terms VALUES (3, 'New')", False),
        ("UPDATE wp_terms SET name = 'Crimson' WHERE term_id = 2", True),
    ]:
        transaction = site.run(change)
        with site.rerun.neighbours("s1", transaction.end, time.monotonic() + 1) as look:
            assert look is not None
            assert Neighbours(site.analyst, transaction.rows, look).meets(template, transaction.rows[0]) is may


def test_tables_are_not_held_afterwards(site: Site) -> None:
    site.may_change(site.run("INSERT INTO wp_terms VALUES (3, 'New')"))
    _alter(site)


def _alter(site: Site) -> None:
    """Raises pymysql's OperationalError while a snapshot has read the table."""
    with site.connection.cursor() as cursor:
        cursor.execute("SET SESSION lock_wait_timeout=1")
        cursor.execute("ALTER TABLE wp_term_taxonomy ADD COLUMN more int")


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[Position]:
    """For which places a snapshot was begun."""
    places: list[Position] = []
    reach = Rerun._reach

    def counted(cursor: Any, place: Position) -> Position | None:
        places.append(place)
        return reach(cursor, place)

    monkeypatch.setattr(Rerun, "_reach", staticmethod(counted))
    return places


def test_all_that_is_asked_of_a_change_is_asked_of_one_snapshot(site: Site, begun: list[Position]) -> None:
    end = site.run("INSERT INTO wp_terms VALUES (3, 'New')").end
    with site.rerun.one_snapshot():
        site.rerun.unchanged("s1", [], end, time.monotonic() + 1)
        with site.rerun.neighbours("s1", end, time.monotonic() + 1) as look:
            assert look is not None and look("wp_term_taxonomy", "term_id", 3) is not None
        site.rerun.unchanged("s1", [], end, time.monotonic() + 1)
        assert begun == [end]
    _alter(site)
    site.rerun.unchanged("s1", [], end, time.monotonic() + 1)
    assert begun == [end, end]


def _state(thread: Path) -> str:
    """A letter of proc(5); a signal stops a process's threads one after the other."""
    return (thread / "stat").read_text().rpartition(")")[2].split()[0]


def test_a_server_that_does_not_answer_is_not_waited_for(site: Site) -> None:
    """Its own limit on a statement's time says nothing of a server that hangs; others are in line."""
    question = Question(1, statement(_TERMS_OF_7))
    end = site.run("INSERT INTO wp_terms VALUES (3, 'New')").end
    with site.connection.cursor() as cursor:
        cursor.execute("SELECT @@pid_file")
        pid = int(Path(cursor.fetchone()[0]).read_text())
    site.rerun.connect()
    os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: all(_state(thread) == "T" for thread in Path(f"/proc/{pid}/task").iterdir()))
        began = time.monotonic()
        for _ in range(2):
            assert site.rerun.unchanged("s1", [question], end, time.monotonic() + 0.02) == set()
            with site.rerun.neighbours("s1", end, time.monotonic() + 0.02) as look:
                assert look is None
        assert not site.rerun.reaches(end)
        waited = time.monotonic() - began
    finally:
        os.kill(pid, signal.SIGCONT)
    assert waited < 0.9  # an answer is waited for a second where no limit was set
    with site.rerun.neighbours("s1", end, time.monotonic() + 1) as look:
        assert look is not None and look("wp_terms", "term_id", 3)


def test_one_look_shows_what_a_crowd_of_changes_has_become(site: Site, begun: list[Position]) -> None:
    first = site.run("INSERT INTO wp_terms VALUES (3, 'New')").end
    last = site.run("INSERT INTO wp_terms VALUES (5, 'Newer')").end
    assert site.rerun.reaches(first) and site.rerun.reaches(last) and begun == [first]
    later = site.run("INSERT INTO wp_terms VALUES (6, 'Newest')").end
    assert site.rerun.reaches(later) and begun == [first, later]
    assert not site.rerun.reaches(Position(later.file, later.offset + 1))
    site.rerun.reaches(later)
    site.rerun.forget()
    assert site.rerun.reaches(first)
    site.rerun.close()
    assert site.rerun.reaches(first) and begun[-2:] == [first, first]

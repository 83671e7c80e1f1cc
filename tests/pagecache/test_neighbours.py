"""A term that nothing shows takes nothing out: rows that a changed row is joined with, asked of a real MariaDB."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql
import pytest

from pressroom.pagecache.master import Master
from pressroom.pagecache.neighbours import Neighbours
from pressroom.pagecache.positions import Transaction
from pressroom.pagecache.reads import Analyst, statement
from pressroom.pagecache.rerun import Rerun
from pressroom.pagecache.tailer import Tailer

_TABLES = """
CREATE TABLE wp_terms (term_id bigint unsigned PRIMARY KEY, name varchar(200));
CREATE TABLE wp_term_taxonomy (term_taxonomy_id bigint unsigned PRIMARY KEY, term_id bigint unsigned,
    taxonomy varchar(32), count bigint, UNIQUE KEY term_id_taxonomy (term_id, taxonomy));
CREATE TABLE wp_term_relationships (object_id bigint unsigned, term_taxonomy_id bigint unsigned,
    PRIMARY KEY (object_id, term_taxonomy_id));
INSERT INTO wp_terms VALUES (1, 'Town'), (2, 'Red');
INSERT INTO wp_term_taxonomy VALUES (1, 1, 'category', 1), (2, 2, 'pa_colour', 1);
INSERT INTO wp_term_relationships VALUES (7, 1), (8, 2)
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

    def may_change(self, transaction: Transaction, text: str = _TERMS_OF_7) -> bool | None:
        """Whether the transaction may have changed what this gives; None when its state is not to be seen any more."""
        with self.rerun.neighbours("s1", transaction.end) as look:
            if look is None:
                return None
            return not Neighbours(self.analyst, transaction.rows, look).unmet({1: statement(text)})


@pytest.fixture
def site(mariadb: Path) -> Iterator[Site]:
    connection = pymysql.connect(unix_socket=str(mariadb), user="root", charset="utf8mb4", autocommit=True)
    with connection.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS s1")
        cursor.execute("CREATE DATABASE s1")
        connection.select_db("s1")
        for text in _TABLES.split(";"):
            cursor.execute(text)
    master = Master(mariadb, "root")
    place = master.newest_place()
    tailer = Tailer({"unix_socket": str(mariadb), "user": "root"}, 4712, place.file, place.offset)
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
        ("INSERT INTO wp_term_taxonomy VALUES (3, 2, 'category', 0)", False),
        ("DELETE FROM wp_terms WHERE term_id = 1", True),
        ("DELETE FROM wp_terms WHERE term_id = 2", False),
        ("INSERT INTO wp_term_relationships VALUES (7, 2)", False),
        ("UPDATE wp_term_relationships SET term_taxonomy_id = 1 WHERE object_id = 8", False),
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
        with site.rerun.neighbours("s1", transaction.end) as look:
            assert look is not None
            assert Neighbours(site.analyst, transaction.rows, look).meets(template, transaction.rows[0]) is may


def test_tables_are_not_held_afterwards(site: Site) -> None:
    site.may_change(site.run("INSERT INTO wp_terms VALUES (3, 'New')"))
    with site.connection.cursor() as cursor:
        cursor.execute("SET SESSION lock_wait_timeout=1")
        cursor.execute("ALTER TABLE wp_term_taxonomy ADD COLUMN more int")

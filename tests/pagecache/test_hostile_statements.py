"""A tenant's statements that MariaDB is asked again by the platform's account: whatever they are, they do nothing.

None is asked that is not analysed (`sql/template.py`). Behind that stand a snapshot in which nothing is written, an
account that runs no function and writes no file, and a cap on the time of each statement. Here each is taken away once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql
import pytest

from pressroom.database.mariadb import MariaDB
from pressroom.pagecache.binlog.master import Master
from pressroom.pagecache.binlog.positions import Position
from pressroom.pagecache.matching import rerun
from pressroom.pagecache.matching.reads import Analyst, statement
from pressroom.pagecache.matching.rerun import Question, Rerun
from tests.conftest import until
from tests.wall_table import Seen

_READER = "pressroom_reader"  # as the platform's account, but for the Unix user by whom that is known
_TABLES = [
    "CREATE OR REPLACE DATABASE s2",
    "CREATE TABLE s2.wp_users (ID bigint PRIMARY KEY, user_pass varchar(80))",
    "INSERT INTO s2.wp_users VALUES (1, 'a secret')",
    "CREATE OR REPLACE DATABASE s1",
    "USE s1",
    "CREATE TABLE wp_posts (ID bigint PRIMARY KEY, post_title varchar(80))",
    "INSERT INTO wp_posts SELECT seq, 'text' FROM seq_1_to_500",
    "CREATE TABLE marks (ID bigint)",
    "CREATE FUNCTION mark() RETURNS int MODIFIES SQL DATA DETERMINISTIC"
    " BEGIN INSERT INTO marks VALUES (1); RETURN 1; END",
    f"CREATE OR REPLACE USER {_READER}@localhost",
    "SET SESSION tx_isolation='READ-UNCOMMITTED', innodb_lock_wait_timeout=0",
]
_ANALYSIS, _RIGHTS, _CAP = "what is not analysed is not asked", "the account's rights", "20 ms for a statement"


class Site:
    """A tenant's tables, and who asks for the platform."""

    def __init__(self, socket: Path) -> None:
        self._root = pymysql.connect(unix_socket=str(socket), user="root", autocommit=True)
        for text in _TABLES:
            self.told(text)
        MariaDB(socket).ensure_platform_account(_READER)
        self._settings = Master(socket, "root", socket.parent / "data").settings
        self.analyst = Analyst(Master(socket, "root", socket.parent / "data").schema("s1"))
        self.end = Position.parse(*self.told("SHOW MASTER STATUS")[:2])
        self.ask_as("root")

    def ask_as(self, user: str) -> None:
        self.asker = Rerun({**self._settings, "user": user})

    def told(self, text: str) -> tuple[Any, ...]:
        """The first row, as root gets it."""
        with self._root.cursor() as cursor:
            cursor.execute(text)
            return tuple(cursor.fetchone() or ())

    @contextmanager
    def asked(self, text: str, digest: str = "", patience: float = 2.0) -> Iterator[bool]:
        """Whatever it is: whether it gives what it gave. Its snapshot is open until the end."""
        question = Question(1, statement(text, digest))
        with self.asker.one_snapshot():
            yield self.asker.unchanged("s1", [question], self.end, time.monotonic() + patience) == {1}

    def seconds(self, text: str, patience: float = 2.0) -> float:
        began = time.monotonic()
        with self.asked(text, patience=patience):
            return time.monotonic() - began

    def variable(self, name: str) -> object:
        with self.asker.connect().cursor() as cursor:
            cursor.execute(f"SELECT {name}")
            return (cursor.fetchone() or (None,))[0]

    def is_locked(self, number: int) -> bool:
        try:
            self.told(f"UPDATE s1.wp_posts SET post_title='changed' WHERE ID={number}")
        except pymysql.err.OperationalError:
            return True
        return False

    def is_busy(self) -> bool:
        """Whether MariaDB works on a statement of another's."""
        long = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT%' AND ID <> CONNECTION_ID()"
        return bool(self.told(long)[0])

    def end_all(self) -> None:
        """Of what was asked without a cap."""
        for user in ("root", _READER):
            self.told(f"KILL HARD QUERY USER {user}@localhost")

    def close(self) -> None:
        self.asker.close()
        self._root.close()


@pytest.fixture
def site(mariadb: Path) -> Iterator[Site]:
    site = Site(mariadb)
    yield site
    site.close()


def _marked(site: Site) -> bool:
    return site.told("SELECT COUNT(*) FROM s1.marks") != (0,)


def _locked(site: Site) -> bool:
    return site.is_locked(7)


_SECRET = rerun._digest([("user_pass",)], [(b"a secret",)])
_INSIDE = "SELECT ID FROM wp_posts WHERE ID = 7"
# What it does where it is asked all the same, and how that is seen.
ATTEMPTS: dict[str, tuple[str, Callable[[Site], bool]]] = {
    "GET_LOCK()": ("SELECT GET_LOCK('tenant', 0)", lambda site: site.told("SELECT IS_FREE_LOCK('tenant')") == (0,)),
    "LOCK IN SHARE MODE": (f"{_INSIDE} LOCK IN SHARE MODE", _locked),
    "FOR UPDATE": (f"{_INSIDE} FOR UPDATE", _locked),
    "FOR UPDATE, inside": (f"SELECT 1 FROM wp_posts WHERE ID IN ({_INSIDE} FOR UPDATE)", _locked),
    "INTO @kept": (f"{_INSIDE} INTO @kept", lambda site: site.variable("@kept") == b"7"),
    "@kept := ID": (_INSIDE.replace("ID", "@kept := ID", 1), lambda site: site.variable("@kept") == b"7"),
    "a stored function that writes": ("SELECT mark()", _marked),
    "a stored function, by the database's name": ("SELECT s1.mark()", _marked),
}


@pytest.fixture
def writing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The snapshot's wall taken away."""
    reach = Rerun._reach

    class Writing:
        def __init__(self, cursor: Any) -> None:
            self._cursor = cursor

        def execute(self, text: str) -> Any:
            return self._cursor.execute(text.replace(", READ ONLY", ""))

        def __getattr__(self, name: str) -> Any:
            return getattr(self._cursor, name)

    monkeypatch.setattr(Rerun, "_reach", staticmethod(lambda cursor, since: reach(Writing(cursor), since)))


@pytest.mark.parametrize("name", ATTEMPTS)
def test_it_is_not_asked_and_would_do_something(name: str, site: Site, writing: None, seen: Seen) -> None:
    text, has_done = ATTEMPTS[name]
    assert not site.analyst.can_be_asked(statement(text, "a digest"))
    assert not has_done(site)
    with site.asked(text):
        assert has_done(site)
    seen.both(f"asked again: {name}", _ANALYSIS)


@pytest.mark.parametrize("name", [name for name in ATTEMPTS if "UPDATE" in name or "function" in name])
def test_in_a_snapshot_that_only_reads_it_does_nothing(name: str, site: Site) -> None:
    """Guard: READ ONLY. Without it, see above."""
    text, has_done = ATTEMPTS[name]
    with site.asked(text):
        assert not has_done(site)


@pytest.mark.parametrize("name", [name for name in ATTEMPTS if "function" in name])
def test_the_platforms_account_runs_no_function(name: str, site: Site, writing: None) -> None:
    """Guard: the account's rights. With root's, see above."""
    text, has_done = ATTEMPTS[name]
    site.ask_as(_READER)
    with site.asked(text):
        assert not has_done(site)
    with site.asked("SELECT ID FROM wp_posts WHERE ID = 7", rerun._digest([("ID",)], [(b"7",)])) as same:
        assert same


@pytest.mark.parametrize("word", ["OUTFILE", "DUMPFILE"])
def test_a_file_is_not_written(word: str, site: Site, seen: Seen) -> None:
    file = Path(site.told("SELECT @@datadir")[0]) / f"asked-{word}"
    text = f"SELECT ID FROM wp_posts WHERE ID = 7 INTO {word} '{file}'"
    assert not site.analyst.can_be_asked(statement(text, "a digest"))
    site.ask_as(_READER)
    with site.asked(text):
        assert not file.exists(), "the account has no right to"
    site.ask_as("root")
    with site.asked(text):
        assert file.exists()
    seen.both(f"asked again: INTO {word}", f"{_ANALYSIS}, {_RIGHTS}")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT user_pass FROM s2.wp_users",
        "SELECT user_pass FROM `s2`.`wp_users`",
        "SELECT user_pass FROM wp_posts JOIN s2.wp_users USING (ID)",
        "SELECT user_pass FROM (SELECT user_pass FROM s2.wp_users) AS x",
        "SELECT (SELECT user_pass FROM s2.wp_users) AS user_pass FROM wp_posts WHERE ID = 1",
    ],
)
def test_a_guess_at_a_neighbours_rows_is_not_confirmed(text: str, site: Site, seen: Seen) -> None:
    """The page stays whose guess is right: so a tenant would learn."""
    assert not site.analyst.can_be_asked(statement(text, _SECRET))
    site.ask_as(_READER)
    with site.asked(text, _SECRET) as same:
        assert same, "the platform's account may read it"
    seen.both(f"asked again, a neighbour's rows: {text}", _ANALYSIS)


# -- what takes long ---------------------------------------------------------------------------------------------

# The last is let pass by the analysis.
_LONG = {
    "SLEEP()": "SELECT SLEEP(0.6)",
    "BENCHMARK()": "SELECT BENCHMARK(20000000, MD5('x'))",
    "a hundred million rows": "SELECT COUNT(*) FROM wp_posts a, wp_posts b, wp_posts c WHERE a.ID + b.ID + c.ID = 0",
}


@pytest.mark.parametrize("name", _LONG)
def test_what_takes_long_is_ended(name: str, site: Site, monkeypatch: pytest.MonkeyPatch, seen: Seen) -> None:
    """By MariaDB, after 20 ms. Without that the asker waits as long as others wait for him, and MariaDB works on."""
    assert site.analyst.can_be_asked(statement(_LONG[name], "a digest")) == (name not in ("SLEEP()", "BENCHMARK()"))
    site.asker.connect()
    assert site.seconds(_LONG[name]) < 0.3
    until(lambda: not site.is_busy(), seconds=0.25)
    monkeypatch.setattr(rerun, "ONE_STATEMENT", 9.0)
    site.ask_as("root")
    assert site.seconds(_LONG[name], patience=0.1) < 0.4
    assert site.is_busy()
    assert site.seconds(_LONG[name]) > 0.5
    site.end_all()
    until(lambda: not site.is_busy())
    seen.both(f"asked again: {name}", _CAP)

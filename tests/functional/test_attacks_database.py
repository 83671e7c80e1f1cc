"""What a site's account may not do in MariaDB: each is refused, and comes through once the account may do all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pressroom.control.desired import GOVERNOR, site_program
from pressroom.system import process
from tests.conftest import until
from tests.functional.attacker import Attacker
from tests.functional.newspaper import Newspaper
from tests.wall_table import Seen

_CONNECT = (
    "$db = mysqli_init(); mysqli_report( MYSQLI_REPORT_OFF );"
    " $ok = $db->real_connect( 'localhost', %s, %s, null, 0, '%s' );"
)
# <B> is a neighbour's database, <U> its account.
STATEMENTS = [
    "SELECT * FROM <B>.wp_users",
    "UPDATE <B>.wp_options SET option_value='x' WHERE option_name='nothing'",
    "CREATE TABLE <B>.x (i INT)",
    "SELECT * FROM mysql.global_priv",
    "SHOW GRANTS FOR '<U>'@localhost",
    "SET GLOBAL max_connections=500",
    "SET SESSION sql_log_bin=0",
    "SET SESSION binlog_format=STATEMENT",
    "SET SESSION server_id=4711",
    "CREATE USER stranger@localhost",
    "GRANT SELECT ON <B>.* TO CURRENT_USER",
    "CREATE DATABASE pressroom_canary",
    "CREATE DEFINER=root@localhost PROCEDURE canary() SELECT 1",
    "FLUSH TABLES WITH READ LOCK",
    "SHOW BINARY LOGS",
    "SHOW BINLOG EVENTS LIMIT 1",
    "PURGE BINARY LOGS TO 'binlog.000001'",
    "SHOW ENGINE INNODB STATUS",
]
# Kept out by settings of MariaDB as well (secure_file_priv, no such library), so that rights alone do not let them in.
BY_SETTINGS_TOO = [
    "SELECT 1 FROM (SELECT LOAD_FILE('/etc/hostname') AS t) AS x WHERE t IS NOT NULL HAVING COUNT(*) = 1",
    "SELECT 1 INTO OUTFILE '/tmp/pressroom-canary'",
    "CREATE FUNCTION canary RETURNS STRING SONAME 'canary.so'",
    "INSTALL SONAME 'canary'",
]


def _says(paper: Newspaper, statement: str) -> str:
    """Code that returns whether the site's account may do this."""
    connect = _CONNECT % (f"'{paper.place.unix_user}'", "''", paper.node.layout.mariadb_socket)
    text = statement.replace("\\", "\\\\").replace('"', '\\"')
    return (
        f"{connect} if ( ! $ok ) return null; $db->select_db( '{paper.site.name}' );"
        f' $got = $db->query( "{text}" ); return $got instanceof mysqli_result ? $got->num_rows > 0 : $got;'
    )


@contextmanager
def _all_rights(paper: Newspaper) -> Iterator[None]:
    account = f"'{paper.place.unix_user}'@localhost"
    granted = paper.value(f"SHOW GRANTS FOR {account}").splitlines()
    _as_root(paper, f"GRANT ALL PRIVILEGES ON *.* TO {account} WITH GRANT OPTION")
    try:
        yield
    finally:
        _as_root(paper, f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {account}")
        for line in granted:
            _as_root(paper, line)
        for left in (
            "DROP USER IF EXISTS stranger@localhost",
            "DROP DATABASE IF EXISTS pressroom_canary",
            f"DROP PROCEDURE IF EXISTS {paper.site.name}.canary",
        ):
            _as_root(paper, left)


def _as_root(paper: Newspaper, statement: str) -> None:
    process.run(["mariadb", "-S", paper.node.layout.mariadb_socket, "-e", statement])


@pytest.mark.parametrize("statement", STATEMENTS)
def test_it_is_refused(statement: str, paper: Newspaper, neighbour: Newspaper, seen: Seen) -> None:
    mine = statement.replace("<B>", neighbour.site.name).replace("<U>", neighbour.place.unix_user)
    attacker = Attacker(paper)
    assert attacker.asks(_says(paper, mine)) is False
    with _all_rights(paper):
        try:
            assert attacker.runs(_says(paper, mine)) is True, "with all rights it comes through"
        finally:
            _as_root(paper, f"DROP TABLE IF EXISTS {neighbour.site.name}.x")
    shown = statement.replace("<B>", "neighbour").replace("<U>", "neighbour")
    seen.both(f"`{shown}`", "the account's rights")


@pytest.mark.parametrize("statement", BY_SETTINGS_TOO)
def test_it_is_refused_with_all_rights_too(statement: str, paper: Newspaper, seen: Seen) -> None:
    attacker = Attacker(paper)
    assert attacker.asks(_says(paper, statement)) is False
    with _all_rights(paper):
        assert attacker.runs(_says(paper, statement)) is False
    seen.kept_out(f"`{statement}`", "the account's rights, MariaDB's settings")


@pytest.mark.parametrize("word", ["LOAD_FILE", "INTO OUTFILE"])
def test_files_where_mariadbs_settings_allow_some(word: str, paper: Newspaper, seen: Seen) -> None:
    folder = Path(f"{paper.node.layout.mariadb_data}-tmp")
    process.run(["dd", "status=none", f"of={folder}/canary"], user=paper.node.layout.database_user, stdin="canary")
    statement = {
        "LOAD_FILE": f"SELECT 1 FROM (SELECT LOAD_FILE('{folder}/canary') AS t) AS x WHERE t IS NOT NULL",
        "INTO OUTFILE": f"SELECT 1 INTO OUTFILE '{folder}/canary-out'",
    }[word]
    attacker = Attacker(paper)
    try:
        assert attacker.asks(_says(paper, statement)) is False
        with _all_rights(paper):
            assert attacker.runs(_says(paper, statement)) is True
    finally:
        for name in ("canary", "canary-out"):
            (folder / name).unlink(missing_ok=True)
    seen.both(f"`{word}` in MariaDB's own folder", "the account's rights")


@pytest.mark.parametrize("user", ["root", "mysql", "", "<B>", "<P>"])
@pytest.mark.parametrize("password", ["''", "'junk'", "null"])
def test_nobody_elses_account(user: str, password: str, paper: Newspaper, neighbour: Newspaper, seen: Seen) -> None:
    name = user.replace("<B>", neighbour.place.unix_user).replace("<P>", paper.node.layout.platform_user)
    connect = _CONNECT % (f"'{name}'", password, paper.node.layout.mariadb_socket)
    assert Attacker(paper).asks(f"{connect} return $ok;") is False
    seen.kept_out(
        f"MariaDB as {user or 'nobody'}".replace("<B>", "a neighbour").replace("<P>", "the platform"),
        "accounts are known by their Unix user",
    )


_VIEW = """
CREATE FUNCTION leak() RETURNS TEXT READS SQL DATA SQL SECURITY INVOKER
  RETURN (SELECT user_pass FROM <B>.wp_users LIMIT 1);
CREATE SQL SECURITY INVOKER VIEW leaking AS SELECT leak() AS option_value;
"""


def test_what_the_platform_reads_of_a_site_leads_to_no_other(
    paper: Newspaper, neighbour: Newspaper, seen: Seen
) -> None:
    """A view in the place of a table that its daemons read, with a function that reads with their rights, which are to
    read all sites' tables, and to run no function. MariaDB lets no site make one either while it writes a binlog.
    """
    layout, (here, there) = paper.node.layout, (paper.site.name, neighbour.site.name)
    secret = neighbour.value("SELECT user_pass FROM wp_users LIMIT 1")
    account = f"'{layout.platform_user}'@localhost"

    def told() -> str:
        argv: list[str | Path] = ["mariadb", "-N", "-B", "-S", layout.mariadb_socket]
        read = f"SELECT option_value FROM {here}.leaking"
        return process.run([*argv, "-e", read], user=layout.platform_user, check=False).stdout.strip()

    argv: list[str | Path] = ["mariadb", "-S", layout.mariadb_socket, here]
    attack = _VIEW.replace("<B>", there)
    assert process.run(argv, user=paper.place.unix_user, stdin=attack, check=False).exit_code != 0
    _as_root(paper, "SET GLOBAL log_bin_trust_function_creators=1")
    process.run(argv, user=paper.place.unix_user, stdin=attack)
    try:
        assert told() == ""
        _as_root(paper, f"GRANT EXECUTE ON *.* TO {account}")
        assert secret and told() == secret
    finally:
        _as_root(paper, f"REVOKE EXECUTE ON *.* FROM {account}; SET GLOBAL log_bin_trust_function_creators=0")
        paper.sql("DROP VIEW leaking; DROP FUNCTION leak")
    seen.both("a neighbour's table, by a view that the platform reads", "the platform's account runs no function")


def test_a_file_of_the_client_is_not_sent(paper: Newspaper, seen: Seen) -> None:
    """By MariaDB's own client, which is willing: PHP's has to be told first."""
    load = "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE wp_pressroom_test (word) SET id = 4711"
    asked = f"mariadb --local-infile=1 -S {paper.node.layout.mariadb_socket} {paper.site.name}"
    code = f'exec( "{asked} -e \\"{load}\\" 2>&1", $said, $code ); return $code === 0;'
    attacker = Attacker(paper)
    assert attacker.asks(code) is False
    _as_root(paper, "SET GLOBAL local_infile=ON")
    try:
        assert attacker.runs(code) is True
    finally:
        _as_root(paper, "SET GLOBAL local_infile=OFF")
        paper.sql("DELETE FROM wp_pressroom_test WHERE id=4711")
    seen.both("`LOAD DATA LOCAL INFILE`", "MariaDB's settings")


def test_other_connections_are_not_shown(paper: Newspaper, seen: Seen) -> None:
    code = _says(paper, "SELECT 1 FROM information_schema.processlist WHERE user <> SUBSTRING_INDEX(USER(), '@', 1)")
    assert Attacker(paper).asks(code) is False
    with _all_rights(paper):
        assert Attacker(paper).runs(code) is True
    seen.both("other connections and their statements", "the account's rights")


def test_connections_without_end(paper: Newspaper, neighbour: Newspaper, seen: Seen) -> None:
    """They end at the site's own bound; the neighbour's pages are made as before, while all of them are held."""
    one = _CONNECT % (f"'{paper.place.unix_user}'", "''", paper.node.layout.mariadb_socket)
    all_of_them = f"$all = []; for ( $i = 0; $i < 200; $i++ ) {{ {one} if ( ! $ok ) break; $all[] = $db; }}"
    code = f"{all_of_them} sleep( 3 ); return $i;"
    attacker = Attacker(paper)
    with ThreadPoolExecutor(1) as beside, neighbour.client() as visitor:
        held = beside.submit(attacker.runs, code)
        until(lambda: _connections(paper) >= 20)
        while not held.done():
            assert visitor.get("/?asked=1").status_code == 200
    assert 20 <= held.result() <= 60
    _as_root(paper, f"ALTER USER '{paper.place.unix_user}'@localhost WITH MAX_USER_CONNECTIONS 150")
    try:
        with _made_by_whoever(paper):
            assert attacker.runs(code) > 60
    finally:
        most = paper.node.state.settings().tenants.connections
        _as_root(paper, f"ALTER USER '{paper.place.unix_user}'@localhost WITH MAX_USER_CONNECTIONS {most}")
    seen.both("connections without end", "MAX_USER_CONNECTIONS")


_ENDED = 1.0  # seconds in which all that runs as the site's user ends, what has just begun as well
# As many as there may be, none of which says who it is.
_SAYS_NOTHING = (
    "$all = array(); for ( $n = 0, $end = microtime( true ) + 12; microtime( true ) < $end; usleep( 1000 ) )"
    " if ( $one = @stream_socket_client( 'unix://%s', $number, $why, 1 ) ) $all[ $n++ %% 900 ] = $one;"
    " return count( $all );"
)


def _answers_meanwhile(paper: Newspaper, neighbour: Newspaper) -> tuple[int, set[int], int]:
    """What the site's own visitor is answered, what its neighbour's are until then, and how often MariaDB was full."""
    before, neighbours = _times_full(paper), set()
    code = _SAYS_NOTHING % paper.node.layout.mariadb_socket
    with (
        Attacker(paper).laid(code) as target,
        paper.client() as own,
        neighbour.client() as visitor,
        ThreadPoolExecutor(1) as beside,
    ):
        attack = beside.submit(own.get, target)
        while not attack.done():
            neighbours.add(visitor.get("/?asked=1").status_code)
        time.sleep(_ENDED)  # its own `rm` too
    return attack.result().status_code, neighbours, _times_full(paper) - before


@contextmanager
def _made_by_whoever(paper: Newspaper) -> Iterator[None]:
    """However many connections to MariaDB the site's programs have made."""
    engine, program = paper.node.engine, site_program(paper.place, paper.node.state.settings())
    assert program.walls is not None
    without = replace(program.walls, caps=replace(program.walls.caps, connections=None))
    engine.define(replace(program, walls=without))
    try:
        yield
    finally:
        engine.define(program)


def _times_full(paper: Newspaper) -> int:
    name = "Connection_errors_max_connections"
    return int(paper.value(f"SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME='{name}'"))


def test_connections_that_say_nothing(paper: Newspaper, neighbour: Newspaper, seen: Seen) -> None:
    """No account has them, so MAX_USER_CONNECTIONS counts none; at `max_connections` nobody else is let in."""
    assert _answers_meanwhile(paper, neighbour) == (503, {200}, 0)
    with paper.client() as visitor:
        assert visitor.get("/?asked=1").status_code == 503, "its PHP was started again at once"
    code = _SAYS_NOTHING % paper.node.layout.mariadb_socket
    assert Attacker(paper).runs(code) is None, "what the command line ran was not ended"
    time.sleep(_ENDED)
    with _made_by_whoever(paper):
        status, neighbours, times_full = _answers_meanwhile(paper, neighbour)
    assert status == 200 and times_full > 500
    assert neighbours == {200}, "PHP does not ask again"
    paper.await_hit()
    seen.both("connections to MariaDB that say nothing", "the kernel is asked who makes them")


def _connections(paper: Newspaper) -> int:
    user = paper.place.unix_user
    return int(paper.value(f"SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER='{user}'"))


def test_prepared_transactions_that_are_left_behind(paper: Newspaper, seen: Seen) -> None:
    """MariaDB itself would keep each of them for good, over its own restart, and slow everybody's statements for it."""
    one = _CONNECT % (f"'{paper.place.unix_user}'", "''", paper.node.layout.mariadb_socket)
    said = (
        f'array( "XA START \'left-$i\'", "INSERT INTO {paper.site.name}.wp_options (option_name, option_value)'
        " VALUES ('left-$i', '')\", \"XA END 'left-$i'\", \"XA PREPARE 'left-$i'\" )"
    )
    code = (
        f"for ( $i = 0; $i < 50; $i++ ) {{ {one} foreach ( {said} as $word )"
        " if ( ! $db->query( $word ) ) return $db->error; $db->close(); } return $i;"
    )
    attacker = Attacker(paper)
    paper.node.engine.stop(GOVERNOR)
    try:
        assert attacker.runs(code) == 50
        time.sleep(3)
        assert _prepared(paper) == 50
    finally:
        paper.node.engine.start(GOVERNOR)
    until(lambda: _prepared(paper) == 0)
    assert attacker.runs(code) == 50
    until(lambda: _prepared(paper) == 0)
    assert paper.value("SELECT COUNT(*) FROM wp_options WHERE option_name LIKE 'left-%'") == "0"
    paper.await_hit()  # nothing of the site was stored meanwhile
    paper.warm()
    seen.both("transactions that are prepared and left behind", "the governor rolls them back")


# By six programs, as fast as they can, until the account is refused (and with what) or there is enough.
_LEAVES_MANY = """
for ( $p = 0; $p < 5 && pcntl_fork(); $p++ ) {}
for ( $end = time() + 40; time() < $end && ! file_exists( '/tmp/enough' ); ) {
    %s if ( ! $ok ) break;
    $id = bin2hex( random_bytes( 6 ) );
    foreach ( array( "XA START '$id'", "INSERT INTO %s.wp_options (option_name, option_value) VALUES ('left-$id', '')",
        "XA END '$id'", "XA PREPARE '$id'" ) as $word ) $db->query( $word );
    $db->close();
}
if ( $p < 5 ) exit;
while ( pcntl_wait( $status ) > 0 );
return $ok ? '' : $db->connect_error;
"""


def test_prepared_transactions_without_end(paper: Newspaper, neighbour: Newspaper, seen: Seen) -> None:
    """Faster than they can be rolled back; at some 130,000 of them nobody could write any more."""
    one = _CONNECT % (f"'{paper.place.unix_user}'", "''", paper.node.layout.mariadb_socket)
    code, attacker = _LEAVES_MANY % (one, paper.site.name), Attacker(paper)
    enough, engine = paper.place.private / "tmp" / "enough", paper.node.engine
    engine.stop(GOVERNOR)
    try:
        with ThreadPoolExecutor(1) as beside:
            left = beside.submit(attacker.runs, code)
            until(lambda: _prepared(paper) > 400, seconds=40)
            enough.touch()
            assert left.result() == "", "he was refused without the governor"
        enough.unlink()
    finally:
        engine.start(GOVERNOR)
    until(lambda: _prepared(paper) == 0, seconds=60)
    try:
        assert attacker.runs(code) != "", "he was never refused"
        # His connections are ended at that moment too, while he makes one as well: that has another name.
        assert "account is locked" in attacker.runs(f"{one} return $ok ? '' : $db->connect_error;")
        with neighbour.client() as visitor:
            assert visitor.get("/?asked=1").status_code == 200
        until(lambda: _prepared(paper) == 0, seconds=60)
    finally:
        engine.stop(GOVERNOR)
        _as_root(paper, f"ALTER USER '{paper.place.unix_user}'@localhost ACCOUNT UNLOCK")  # else for a minute
        engine.start(GOVERNOR)
        paper.await_hit()
        paper.warm()
    seen.both("transactions that are prepared faster than they can be ended", "the governor locks the site's account")


def _prepared(paper: Newspaper) -> int:
    return len(paper.value("XA RECOVER").splitlines())

"""A tenant at the platform itself: PHP's settings, its own master process, what the neighbours' changes wait for, and
paths that are bent while root works on them.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pwd
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pymysql
import pytest

from pressroom.control.desired import site_program_name
from pressroom.model.errors import PressroomError
from pressroom.operations import cache, settings, sites
from pressroom.operations import running as nodes
from pressroom.operations.node import Node
from tests.conftest import until
from tests.functional.attacker import Attacker, fpm_changed
from tests.functional.conftest import PLUGIN
from tests.functional.newspaper import Newspaper
from tests.wall_table import Seen

# -- PHP's settings ---------------------------------------------------------------------------------------------------

_TRIED = {
    "memory_limit": "7G", "upload_max_filesize": "9G", "post_max_size": "9G", "max_input_vars": "77777",
    "error_log": "/tmp/own.log", "sendmail_path": "/bin/true", "upload_tmp_dir": "/var/tmp",
    "sys_temp_dir": "/var/tmp", "output_buffering": "77",
}  # fmt: skip


def _had(paper: Newspaper) -> list[str]:
    """The settings that are as they were tried, by ini_set() and by .user.ini."""
    code = "".join(f"ini_set( '{name}', '{value}' );" for name, value in _TRIED.items())
    names = ", ".join(f"'{name}' => '{value}'" for name, value in _TRIED.items())
    code += f"return array_keys( array_filter( array( {names} ), fn( $v, $n ) => ini_get( $n ) === $v, 1 ) );"
    ini = "".join(f'{name} = "{value}"\n' for name, value in _TRIED.items())
    return list(Attacker(paper).asks(code, **{".user.ini": ini}))


def test_phps_settings_are_not_its_own(paper: Newspaper, seen: Seen) -> None:
    assert _had(paper) == []
    with fpm_changed(paper, {"php_admin_value[": "php_value["}):
        assert {"memory_limit", "upload_max_filesize", "error_log"} <= set(_had(paper))
    seen.both("PHP's limits by `ini_set()` and `.user.ini`", "`php_admin_value`")


# -- its own PHP ------------------------------------------------------------------------------------------------------


def _activator(node: Node) -> list[int]:
    """Its process: supervisord keeps it for itself."""
    words = [b"pressroom.engine.activator", b"--root", str(node.layout.root).encode()]
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and (entry / "cmdline").read_bytes().split(b"\0")[2:5] == words:
                found.append(int(entry.name))
    assert found
    return found


@pytest.mark.parametrize("times", [3, pytest.param(25, marks=pytest.mark.long)])
def test_who_kills_his_php_again_and_again_is_down_alone(times: int, paper: Newspaper, neighbour: Newspaper) -> None:
    """Guard: a process for each site. `tests/engine/test_activation.py` has the pause and the bound of the log."""
    activator, spared = _activator(paper.node), neighbour.program_pid(site_program_name(neighbour.site.name))
    logs = [*paper.node.layout.log.glob(f"php-{paper.site.name}*"), paper.node.layout.log / "activator.log"]
    before = sum(log.stat().st_size for log in logs)
    slowest = 0.0
    with Attacker(paper).laid("posix_kill( posix_getppid(), 9 ); sleep( 1 ); return true;") as target:
        for _ in range(times):
            with paper.client() as attacker, contextlib.suppress(httpx.HTTPError):
                assert attacker.get(target).status_code >= 500
            with neighbour.client() as visitor:
                began = time.monotonic()
                assert visitor.get("/?asked-of-php").status_code == 200
                slowest = max(slowest, time.monotonic() - began)
    assert slowest < 5.0
    assert _activator(paper.node) == activator
    assert neighbour.program_pid(site_program_name(neighbour.site.name)) == spared
    assert sum(log.stat().st_size for log in logs if log.exists()) - before < 50_000
    with paper.client() as visitor:
        until(lambda: visitor.get("/?asked-of-php").status_code == 200)


# -- what the neighbours wait for -------------------------------------------------------------------------------------


def _changes(neighbour: Newspaper, seconds: float, goes_on: Callable[[], bool] = lambda: False) -> list[float]:
    """The neighbour's editor changes an article again and again, and it is seen at once: how long each took. For so
    long, and from the end of what goes on.
    """
    number = neighbour.value("SELECT MAX(ID) FROM wp_posts WHERE post_type='post' AND post_status='publish'")
    took = []
    end = time.monotonic() + seconds
    with neighbour.client() as visitor:
        while (on := goes_on()) or time.monotonic() < end:
            if on:
                end = time.monotonic() + seconds
            word = f"Changed {time.monotonic_ns()}"
            began = time.monotonic()
            link = neighbour.rest("POST", f"posts/{number}", title=word)["link"]
            took.append(time.monotonic() - began)
            assert word in visitor.get(link[link.index("/", 8) :]).text
            assert neighbour.place.gate.exists(), "the neighbour's gate was closed"
    return took


def _longest_commit(node: Node, goes_on: Callable[[], bool]) -> float:
    """Seconds that MariaDB itself took at the most for one row of nobody's, while that went on."""
    connection = pymysql.connect(unix_socket=str(node.layout.mariadb_socket), user="root", autocommit=True)
    longest = 0.0
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE DATABASE nobodys")
        cursor.execute("CREATE TABLE nobodys.t (id INT AUTO_INCREMENT PRIMARY KEY)")
        try:
            while goes_on():
                began = time.monotonic()
                cursor.execute("INSERT INTO nobodys.t VALUES ()")
                longest = max(longest, time.monotonic() - began)
                time.sleep(0.02)
        finally:
            cursor.execute("DROP DATABASE nobodys")
    return longest


def _dropped(paper: Newspaper) -> str | None:
    """When all its pages were taken out the last time, as they are where its gate was closed."""
    return cache.status(paper.node, paper.site.domain).dropped_at


def _under(attack: Callable[[], None], neighbour: Newspaper) -> None:
    """The neighbour's changes take what they took before, and what MariaDB makes all of them wait: as long for itself,
    which writes to one binlog, and as long again for that to be read.
    """
    neighbour.log_in()
    quiet, dropped = _changes(neighbour, 3.0), _dropped(neighbour)
    attacker = threading.Thread(target=attack)
    attacker.start()
    with ThreadPoolExecutor(1) as beside:
        commits = beside.submit(_longest_commit, neighbour.node, attacker.is_alive)
        try:
            busy = _changes(neighbour, 3.0, attacker.is_alive)
        finally:
            attacker.join()
    shared = commits.result()
    print(
        f"quiet: {len(quiet)}, {max(quiet):.2f} s at the most; under attack: {len(busy)}, {max(busy):.2f} s,"
        f" of which MariaDB's {shared:.2f} s at the most"
    )
    assert max(busy) < max(quiet) + 1.0 + 2 * shared, (quiet, busy)
    assert _dropped(neighbour) == dropped, "the neighbour's gate was closed meanwhile"


@pytest.mark.long
def test_tables_that_are_made_in_a_loop_concern_nobody_else(paper: Newspaper, neighbour: Newspaper) -> None:
    place, socket = paper.place, paper.node.layout.mariadb_socket
    code = (
        f"$db = mysqli_connect( 'localhost', '{place.unix_user}', '', '{place.name}', 0, '{socket}' );"
        "for ( $n = 0, $end = time() + 9; time() < $end; $n++ )"
        " { $db->query( 'CREATE TABLE looped (i INT)' ); $db->query( 'DROP TABLE looped' ); } return $n;"
    )
    rounds: list[int] = []
    _under(lambda: rounds.append(Attacker(paper).runs(code)), neighbour)
    assert rounds[0] > 50
    paper.await_hit()


# Rows of two hundred bytes that each page could have read, five thousand in a statement; as large as is wanted. In the
# binlog it has twice that, by the statements' text.
_AT_ONCE = (
    "$db = mysqli_connect( 'localhost', '{user}', '', '{name}', 0, '{socket}' );"
    " $db->query( 'SET SESSION max_statement_time=0' ); $value = str_repeat( 'x', 180 );"
    " $rows = implode( ',', array_fill( 0, 5000, \"(1, 'large', '$value')\" ) ); $db->begin_transaction();"
    " try {{ for ( $n = 0; $n < {megabytes}; $n++ )"
    ' $db->query( "INSERT INTO wp_postmeta (post_id, meta_key, meta_value) VALUES $rows" );'
    " $done = $db->commit(); }} catch ( mysqli_sql_exception $refused ) {{ return $refused->getCode(); }}"
    " $db->query( \"DELETE FROM wp_postmeta WHERE meta_key='large'\" ); return $done;"
)
_TOO_MUCH = 1197  # ER_TRANS_CACHE_FULL


@pytest.mark.parametrize(
    ("megabytes", "comes_of_it"),
    [
        (16, True),
        pytest.param(500, True, marks=pytest.mark.long),
        pytest.param(1024, _TOO_MUCH, marks=pytest.mark.long),
    ],
)
def test_a_large_transaction_concerns_nobody_else(
    paper: Newspaper, neighbour: Newspaper, megabytes: int, comes_of_it: object
) -> None:
    place, socket = paper.place, paper.node.layout.mariadb_socket
    code = _AT_ONCE.format(user=place.unix_user, name=place.name, socket=socket, megabytes=megabytes)
    done: list[object] = []
    paper.await_hit()
    _under(lambda: done.append(Attacker(paper).runs(code, timeout=280)), neighbour)
    assert done == [comes_of_it]
    paper.await_hit()


# One row of 34 times 16 MB, made of another one. MariaDB writes it to its binlog as it was and as it is.
_WIDE = (
    "$db = mysqli_connect( 'localhost', '{user}', '', '{name}', 0, '{socket}' );"
    " $db->query( 'SET SESSION max_statement_time=0' ); $all = range( 1, 34 );"
    " $db->query( \"CREATE TABLE one SELECT 1 AS id, 1 AS n, REPEAT('x', 16 * 1024 * 1024 - 1000) AS c\" );"
    " $db->query( 'CREATE TABLE wide (id INT PRIMARY KEY, n INT, c' . implode( ' LONGTEXT, c', $all ) . ' LONGTEXT)' );"
    " $db->query( 'INSERT INTO wide SELECT id, n' . str_repeat( ', c', 34 ) . ' FROM one' );"
    " $done = $db->query( 'UPDATE wide SET n=n+1' ); $db->query( 'DROP TABLE wide, one' ); return $done;"
)


@pytest.mark.long
def test_a_row_that_mariadb_cannot_send_concerns_nobody_else(paper: Newspaper, neighbour: Newspaper) -> None:
    """An event of more than a gigabyte ends the connection that follows the binlog."""
    place, socket = paper.place, paper.node.layout.mariadb_socket
    code = _WIDE.format(user=place.unix_user, name=place.name, socket=socket)
    neighbour.await_hit()
    dropped = _dropped(neighbour)
    assert Attacker(paper).runs(code, timeout=280) is True
    neighbour.log_in()
    _changes(neighbour, 3.0)
    assert _dropped(neighbour) == dropped, "all sites' pages were taken out"
    assert "event_skipped" in (paper.node.layout.log / "invalidator.log").read_text()
    paper.await_hit()


# Connections to a socket, by several processes, until there is enough.
_KNOCKS = (
    "for ( $n = 0; $n < 3 && pcntl_fork(); $n++ ) {{}} $all = array(); $count = 0;"
    " for ( $end = microtime( true ) + 40; microtime( true ) < $end && ! file_exists( '/tmp/enough' ); $count++ ) {{"
    " $all[ $count % 200 ] = stream_socket_client( 'unix://{socket}', $number, $why, 1 ); }}"
    " if ( $n < 3 ) exit; return $count;"
)


@contextlib.contextmanager
def _flooded(paper: Newspaper, socket: Path) -> Iterator[None]:
    enough = paper.place.private / "tmp" / "enough"
    with ThreadPoolExecutor(1) as beside:
        flood = beside.submit(Attacker(paper).runs, _KNOCKS.format(socket=socket))
        try:
            yield
            assert not flood.done()
        finally:
            enough.touch()
            count = flood.result()
            enough.unlink()
    assert count > 100


# As the site's PHP asks, so often: how often it was answered.
_ASKS = (
    "$answered = 0; for ( $n = 0; $n < 100; $n++ ) {{"
    " $socket = stream_socket_client( 'unix://{socket}', $number, $why, 1 );"
    ' if ( $socket && fwrite( $socket, "WAIT 1\\n" ) && fgets( $socket, 64 ) === "PASSED\\n" ) $answered++; }}'
    " return $answered;"
)


def test_a_flood_at_the_barrier_concerns_nobody_else(paper: Newspaper, neighbour: Newspaper, seen: Seen) -> None:
    own, theirs = paper.place.barrier_socket, neighbour.place.barrier_socket
    assert Attacker(paper).runs(f"return (bool) stream_socket_client( 'unix://{theirs}', $n, $why, 1 );") is False
    with _flooded(paper, own):
        until(lambda: Attacker(paper).runs(_ASKS.format(socket=own)) < 100)  # for who stands in the same queue
        assert Attacker(neighbour).runs(_ASKS.format(socket=theirs)) == 100
    seen.both("connections to the barrier without end", "a socket for each site")
    until(paper.place.gate.exists)
    paper.await_hit()


# Mail by PHP's own way, so often: how often it was taken.
_MAILS = (
    "$taken = 0; for ( $n = 0; $n < 10; $n++ ) { $taken += (int) mail( 'ann@example.org', 'x', 'y' ); } return $taken;"
)


def test_a_flood_at_the_mails_concerns_nobody_else(paper: Newspaper, neighbour: Newspaper, seen: Seen) -> None:
    own, theirs = paper.place.mail_socket, neighbour.place.mail_socket
    assert Attacker(paper).runs(f"return (bool) stream_socket_client( 'unix://{theirs}', $n, $why, 1 );") is False
    with _flooded(paper, own):
        until(lambda: Attacker(paper).asks(_MAILS) < 10)  # for who stands in the same queue
        assert Attacker(neighbour).asks(_MAILS) == 10
    seen.both("connections to the mail's socket without end", "a socket for each site")
    until(lambda: Attacker(paper).asks(_MAILS) == 10)


@pytest.mark.long
def test_pages_that_read_without_end_concern_nobody_else(paper: Newspaper, neighbour: Newspaper) -> None:
    """Each page's render asks a thousand statements of new kinds, and one that would take seconds to be understood."""

    def attack() -> None:
        paper.php("update_option('pressroom_test_read', 'without-end');")
        end = time.monotonic() + 9
        while time.monotonic() < end:
            paper.sql("UPDATE wp_pressroom_test SET word=UUID() WHERE id=1")
            time.sleep(0.5)

    try:
        _under(attack, neighbour)
    finally:
        paper.php("delete_option('pressroom_test_read');")
        paper.await_hit()


# -- addresses without end --------------------------------------------------------------------------------------------

_ROOM, _ASKED = 5, 20  # pages that the store has room for, and addresses of one page that are asked for


@contextlib.contextmanager
def _at_most(node: Node, pages: int) -> Iterator[None]:
    def put(most: str) -> None:
        settings.change(node, [f"cache.max_pages_per_site={most}"])
        nodes.up(node)

    put(str(pages))
    try:
        yield
    finally:
        put("")


def test_addresses_without_end_fill_one_sites_store_alone(paper: Newspaper, neighbour: Newspaper, seen: Seen) -> None:
    """Capitals make another address of a page; each is a page of its own for WordPress."""
    number = paper.rest("POST", "posts", title="Flooded", slug="flooded", status="publish")["id"]
    addresses = [f"/{''.join(_spelt('flooded', bits))}/" for bits in range(1, 1 + _ASKED)]
    most = paper.warm().stored + _ROOM

    def asked() -> int:
        """For each of the addresses; how many pages are stored then."""
        with paper.client() as visitor:
            for address in addresses:
                answer = visitor.get(address)
                assert answer.status_code == 200, (dict(answer.headers), answer.text[:200], _last_words(paper.node))
                assert "Flooded" in answer.text
        return paper.warm().stored

    try:
        with _at_most(paper.node, most):
            assert asked() <= most
            assert cache.status(paper.node, paper.site.domain).is_full
            paper.rest("POST", f"posts/{number}", title="Flooded, and right")
            with paper.client() as visitor:
                assert all("Flooded, and right" in visitor.get(address).text for address in addresses)
            neighbour.log_in()
            new = neighbour.rest("POST", "posts", title="There is room", status="publish")
            neighbour.await_hit(f"/{new['slug']}/")
            neighbour.rest("DELETE", f"posts/{new['id']}", force=True)
        assert asked() > most
    finally:
        paper.rest("DELETE", f"posts/{number}", force=True)
        paper.warm()
    seen.both("many addresses of one page, to fill the store", "`cache.max_pages_per_site`")


def _last_words(node: Node) -> dict[str, str]:
    return {log.name: log.read_text(errors="replace")[-600:] for log in node.layout.log.glob("*.log")}


def _spelt(word: str, bits: int) -> Iterator[str]:
    for place, letter in enumerate(word):
        yield letter.upper() if bits >> place & 1 else letter


# -- paths that are bent ----------------------------------------------------------------------------------------------


def _become(user: str) -> None:
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def _bend(home: Path, user: str, targets: list[Path], told: str) -> None:
    """Put links to `targets` in the place of whatever the user may, without rest; the rounds are counted in a file."""
    _become(user)
    count = 0
    places = [
        home / part
        for part in ("private", "public", "log", "public/wp-content", "private/tmp", "private/logins", "run")
    ]
    while True:
        for folder in places:
            with contextlib.suppress(OSError):
                for name in os.listdir(folder):  # noqa: PTH208
                    place, aside = folder / name, folder / f"aside-{count % 50}"
                    with contextlib.suppress(OSError):
                        os.rename(place, aside)  # noqa: PTH104  # as fast as can be
                        os.symlink(targets[count % len(targets)], place)  # noqa: PTH211
                        count += 1
                    with contextlib.suppress(OSError):
                        os.unlink(place)  # noqa: PTH108
                        os.rename(aside, place)  # noqa: PTH104
        with contextlib.suppress(OSError), open(told, "w") as file:  # noqa: PTH123
            file.write(str(count))


def _picture(folder: Path) -> list[tuple[object, ...]]:
    """A core's files have a link more for each site, so that links are not counted."""
    found: list[tuple[object, ...]] = []
    for path in sorted([folder, *folder.rglob("*")]):
        status = path.lstat()
        text = path.read_bytes() if path.is_file() else b""
        found.append((str(path), status.st_mode, status.st_uid, status.st_gid, text))
    return found


@pytest.fixture
def canaries(tmp_path: Path) -> Iterator[Path]:
    """What root alone may touch."""
    top = Path("/var/tmp") / f"pressroom-canaries-{tmp_path.name}"
    for mode, name in ((0o700, "closed"), (0o755, "open")):
        (top / name).mkdir(parents=True)
        for file in ("wp-config.php", "object-cache.php", "tries", "x"):
            (top / name / file).write_text(f"canary of {name}")
        (top / name).chmod(mode)
    yield top
    shutil.rmtree(top)


@pytest.mark.long
def test_paths_that_are_bent_while_root_works_on_them_lead_nowhere(node: Node, canaries: Path) -> None:
    """Thousands of rounds, while the site is settled, upgraded, given plugins and links for a login, and deleted."""
    new = sites.NewSite.check(
        "bent.localhost", title="Bent", admin_email="", admin_user="editor", aliases=[], wordpress="debian"
    )
    site = sites.create(node, new)
    place = node.layout.site(site.name)
    before, cores = _picture(canaries), _picture(node.layout.cores)
    told = place.private / "tmp" / "rounds"
    targets = [canaries / "closed", canaries / "open", canaries / "open" / "x", canaries / "closed" / "wp-config.php"]
    bender = multiprocessing.get_context("fork").Process(
        target=_bend, args=(place.home, place.unix_user, targets, str(told)), daemon=True
    )
    rounds, done = 0, 0
    bender.start()
    try:
        end = time.monotonic() + 15
        works: list[Callable[[], object]] = [
            lambda: sites.finish(node, node.state.site(site.domain)),
            lambda: sites.install_extension(node, site, PLUGIN, "plugins"),
            lambda: sites.login_link(node, site.domain),
            lambda: settings.change_site(node, site.domain, [f"prefetch={'off' if done % 2 else ''}"]),
            lambda: nodes.up(node),
            lambda: node.engine.restart(site_program_name(site.name)),
        ]
        while time.monotonic() < end:
            for work in works:
                with contextlib.suppress(PressroomError, OSError):  # it says that the place is not as it should be
                    work()
                    done += 1
                with contextlib.suppress(OSError, ValueError):
                    rounds = max(rounds, int(told.read_text()))
                assert _picture(canaries) == before
        with contextlib.suppress(PressroomError, OSError):
            sites.delete(node, site.domain)  # in the midst of it
        assert _picture(canaries) == before
    finally:
        bender.kill()
        bender.join()
        if any(one.domain == site.domain for one in node.state.sites()):
            sites.delete(node, site.domain)
    print(f"{rounds} rounds, {done} works")
    assert _picture(canaries) == before and _picture(node.layout.cores) == cores
    assert not place.home.exists()
    assert rounds > 2000

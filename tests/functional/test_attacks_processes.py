"""A tenant at what runs and lies beside it: other processes, libraries of its own, jobs, the platform's keys, what
neighbours lay down. Each list of attempts fails whole, and comes through whole without the walls it names.
"""

from __future__ import annotations

import base64
import contextlib
import json
import platform
import pwd
import secrets
import socket
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from pressroom.control.desired import site_program_name
from pressroom.system import files
from tests.functional import library
from tests.functional.attacker import Attacker
from tests.functional.newspaper import Newspaper
from tests.wall_table import Seen


def _php(value: object) -> str:
    """As a literal of PHP."""
    return f"json_decode( base64_decode( '{base64.b64encode(json.dumps(value).encode()).decode()}' ), true )"


def _kept_out(paper: Newspaper, code: str, walls: Collection[str], wanted: Sequence[Any]) -> None:
    """Of what the code returns there is nothing while one of the walls stands, and all that is wanted without them."""
    attacker = Attacker(paper)
    assert attacker.runs(code) == []
    assert attacker.asks(code) == []
    for one in walls if len(walls) > 1 else ():
        assert attacker.runs(code, without=set(walls) - {one}) == [], f"{one} keeps it out by itself"
    assert attacker.runs(code, without=walls) == list(wanted), "without its walls it comes through"


# -- other processes --------------------------------------------------------------------------------------------------


def _others(paper: Newspaper, neighbour: Newspaper) -> list[int]:
    """A neighbour's PHP, supervisord, MariaDB, nginx's master and a worker of it."""
    layout = paper.node.layout
    nginx = psutil.Process(int(layout.nginx_pid.read_text()))
    return [
        neighbour.program_pid(site_program_name(neighbour.site.name)),
        int((layout.run / "supervisord.pid").read_text()),
        paper.program_pid("mariadb"),
        nginx.pid,
        nginx.children()[0].pid,
    ]


_OPENED = (
    "$found = array(); foreach ( %s as $pid ) { foreach ( array( 'fd', 'root', 'cwd' ) as $name )"
    ' if ( scandir( "/proc/$pid/$name/" ) ) $found[] = "$pid $name";'
    ' if ( file_get_contents( "/proc/$pid/maps", false, null, 0, 9 ) ) $found[] = "$pid maps"; } return $found;'
)
_NAMED = 'return array_values( array_filter( %s, fn( $pid ) => (bool) file_get_contents( "/proc/$pid/cmdline" ) ) );'


def test_what_proc_tells_of_others(paper: Newspaper, neighbour: Newspaper, seen: Seen) -> None:
    others = _others(paper, neighbour)
    everything = [f"{pid} {name}" for pid in others for name in ("fd", "root", "cwd", "maps")]
    _kept_out(paper, _OPENED % _php(others), ("processes", "user"), everything)
    _kept_out(paper, _NAMED % _php(others), ("processes",), others)
    seen.both("open files, root, folder, memory's map of a neighbour's and the platform's processes", "processes, user")
    seen.both("their command lines", "processes")


# SIGURG, which each of them ignores.
_SIGNALLED = "return array_values( array_filter( %s, fn( $pid ) => posix_kill( $pid, 23 ) ) );"


def test_signals_to_others(paper: Newspaper, neighbour: Newspaper, seen: Seen) -> None:
    others = _others(paper, neighbour)
    _kept_out(paper, _SIGNALLED % _php(others), ("processes", "user"), others)
    assert _others(paper, neighbour) == others
    seen.both("a signal to a neighbour's PHP, supervisord, nginx's workers", "processes, user")


@pytest.mark.skipif(platform.machine() != library.MACHINE, reason="the library is of machine code")
def test_a_library_of_its_own_before_a_program(paper: Newspaper, neighbour: Newspaper, seen: Seen) -> None:
    """By LD_PRELOAD and mail(), and one of the system's that writes where it is told. It is run, behind the walls."""
    own, wanted = paper.place.private / "own.so", neighbour.place.public / "wp-config.php"
    got, told = paper.place.private / "got", neighbour.place.content / "profile"
    text = library.library(f"{{ echo ran; cat {wanted}; }} > {got}")
    code = (
        f"file_put_contents( '{own}', base64_decode( '{base64.b64encode(text).decode()}' ) );"
        f" putenv( 'LD_PRELOAD={own}' ); mail( 'a@b.example', 's', 't' ); $got = file( '{got}' );"
        f" putenv( 'LD_PRELOAD=libpcprofile.so' ); putenv( 'PCPROFILE_OUTPUT={told}' );"
        f" exec( '/bin/true' ); unlink( '{own}' ); unlink( '{got}' ); $told = unlink( '{told}' );"
        " return array( 'ran' => $got[0] === \"ran\\n\", 'read' => count( $got ) > 1, 'written' => $told );"
    )
    attacker = Attacker(paper)
    kept_out = {"ran": True, "read": False, "written": False}
    assert attacker.runs(code) == attacker.asks(code) == kept_out
    for one in ("files", "user"):
        assert attacker.runs(code, without=(one,)) == kept_out
    assert attacker.runs(code, without=("files", "user")) == {"ran": True, "read": True, "written": True}
    seen.both("a neighbour's file by a library before a program's own (LD_PRELOAD, mail())", "files, user")


# -- the platform's own -----------------------------------------------------------------------------------------------


_TAKEN = (
    "return array_values( array_filter( %s, fn( $path ) => is_dir( $path ) ? (bool) scandir( $path )"
    " : (bool) file_get_contents( $path, false, null, 0, 9 ) ) );"
)


def test_the_platforms_keys_and_marks(paper: Newspaper, seen: Seen) -> None:
    layout, key = paper.node.layout, paper.node.layout.keys / "canary.pem"
    paths = [
        layout.keys, key, layout.authority, layout.made, paper.place.installed_marker.parent, layout.control,
        layout.state_database, layout.helper_socket.parent, layout.certificates, paper.place.certificate,
        layout.cache, layout.index_database, layout.quarantine, layout.scans, layout.images, layout.audit_log,
        layout.log / "helper.log",
    ]  # fmt: skip
    try:
        files.write(key, "a canary", mode=0o600)
        there = [str(path) for path in paths if path.exists()]
        assert {layout.made, layout.state_database, layout.index_database} <= {Path(path) for path in there}
        _kept_out(paper, _TAKEN % _php(there), ("files", "user"), there)
    finally:
        key.unlink()
    seen.both("the platform's keys, marks, index, logs", "files, user")


# -- what a neighbour lays down ---------------------------------------------------------------------------------------


_LAID = (
    "foreach ( %s as $folder ) { file_put_contents( \"$folder/canary-%s\", 'a canary' );"
    ' chmod( "$folder/canary-%s", 0644 ); } '
)
# By cat: PHP takes /proc/N/root for a link to its own root.
_LISTED = (
    "return array_values( array_filter( %s, fn( $folder ) => in_array( 'canary-%s', scandir( $folder ) ?: array() )"
    " && exec( \"cat $folder/canary-%s\" ) === 'a canary' ) );"
)
_GONE = 'return array_map( fn( $folder ) => unlink( "$folder/canary-%s" ), %s );'
_SHARED = ["/tmp", "/var/tmp", "/dev/shm"]


def test_what_a_neighbour_lays_where_all_programs_do(paper: Newspaper, neighbour: Newspaper, seen: Seen) -> None:
    """Each has folders of its own under these names; on the machine itself all share them."""
    word, theirs, shared = secrets.token_hex(8), Attacker(neighbour), _php(_SHARED)
    laid, gone = _LAID % (shared, word, word), _GONE % (word, shared)
    pid = neighbour.program_pid(site_program_name(neighbour.site.name))
    around = [f"/proc/{pid}/root{folder}" for folder in _SHARED]
    try:
        assert theirs.asks(laid + _LISTED % (shared, word, word)) == _SHARED
        _kept_out(paper, _LISTED % (_php([*_SHARED, *around]), word, word), ("processes", "user"), around)
    finally:
        theirs.asks(gone)
    try:
        assert theirs.runs(laid + _LISTED % (shared, word, word), without=("files",)) == _SHARED
        _kept_out(paper, _LISTED % (shared, word, word), ("files",), _SHARED)
    finally:
        theirs.runs(gone, without=("files",))
    seen.both("what a neighbour lays into /tmp, /var/tmp, /dev/shm", "files")
    seen.both("the same by a process of its (/proc/N/root)", "processes, user")


# -- jobs -------------------------------------------------------------------------------------------------------------


_JOBS = (
    'return array_values( array_filter( %s, function ( $folder ) { $job = "$folder/pressroom-canary";'
    " return file_put_contents( $job, '# nothing' ) && unlink( $job ); } ) );"
)
_CONNECTED = (
    "return array_values( array_filter( %s,"
    ' fn( $path ) => (bool) stream_socket_client( "unix://$path", $n, $why, 2 ) ) );'
)


@contextlib.contextmanager
def _there(folders: Sequence[str], *, mode: int = 0o755) -> Iterator[None]:
    """Where the machine has none of the program whose folder it is, one like it."""
    made = []
    try:
        for folder in map(Path, folders):
            for each in [*reversed(folder.parents), folder]:
                if not each.exists():
                    each.mkdir()
                    each.chmod(mode if each == folder else 0o755)
                    made.append(each)
        yield
    finally:
        for each in reversed(made):
            each.rmdir()


@contextlib.contextmanager
def _listeners(paths: Sequence[str]) -> Iterator[None]:
    """For everybody, where nobody listens."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(_there([str(Path(path).parent) for path in paths]))
        for path in paths:
            if not Path(path).exists():
                listener = stack.enter_context(socket.socket(socket.AF_UNIX))
                listener.bind(path)
                stack.callback(Path(path).unlink)
                Path(path).chmod(0o666)
                listener.listen()
        yield


def test_jobs_for_later(paper: Newspaper, seen: Seen) -> None:
    """Of cron, at and systemd. A site's user has no home, so none of its files is a unit of its own."""
    entry = pwd.getpwnam(paper.place.unix_user)
    assert not Path(entry.pw_dir).exists()
    spools = ["/var/spool/cron/crontabs", "/var/spool/cron/atjobs"]
    folders = ["/etc/cron.d", "/etc/systemd/system", "/etc/systemd/user", "/var/lib/systemd/linger", "/run/user"]
    with _there(folders), _there(spools, mode=0o1730):
        _kept_out(paper, _JOBS % _php([*folders, *spools]), ("files", "user"), [*folders, *spools])
    seen.both("a job of cron's, at's, systemd's", "files, user")
    sockets = ["/run/systemd/private", "/run/dbus/system_bus_socket", f"/run/user/{entry.pw_uid}/bus"]
    with _listeners(sockets):
        _kept_out(paper, _CONNECTED % _php(sockets), ("files",), sockets)
    seen.both("systemd, by its sockets and the bus's", "files")

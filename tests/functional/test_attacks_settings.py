"""PHP's bounds as a tenant would lift them, by ini_set(), .user.ini and whatever else PHP has: what comes of it counts,
not what the settings say.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from pressroom.stack.php import REQUEST_TIMEOUT
from tests.functional.attacker import Attacker, fpm_changed
from tests.functional.newspaper import Newspaper
from tests.wall_table import Seen

# By setting: what it is set to, and code that says "lifted" when it is beyond the bound. `<own>`: a folder of its own.
_ATTEMPTS = {
    "max_execution_time": (
        "0",
        "set_time_limit( 0 ); $used = fn() => getrusage()['ru_utime.tv_sec'] + getrusage()['ru_utime.tv_usec'] / 1e6;"
        " for ( $began = $used(); $used() < $began + 1.2; ) hash( 'sha256', str_repeat( 'x', 9999 ) ); echo 'lifted';",
    ),
    "memory_limit": ("-1", "$all = str_repeat( 'x', 280 * 1024 * 1024 ); echo 'lifted';"),
    "session.save_path": (
        "<own>",
        "session_save_path( '<own>' ); session_id( 'own' ); session_start(); $_SESSION['x'] = 1; session_write_close();"
        " if ( unlink( '<own>/sess_own' ) ) echo 'lifted';",
    ),
    "error_log": ("<own>/own.log", "error_log( 'of its own' ); if ( unlink( '<own>/own.log' ) ) echo 'lifted';"),
    "log_errors": (
        "0",
        "error_reporting( E_ALL ); trigger_error( $word = bin2hex( random_bytes( 9 ) ), E_USER_WARNING );"
        " if ( ! str_contains( file_get_contents( '<log>/php.log' ), $word ) ) echo 'lifted';",
    ),
}
_SLEEP = "set_time_limit( 0 ); ignore_user_abort( true ); usleep( %d ); echo 'lifted';"


def _lifts(paper: Newspaper, setting: str, value: str, code: str) -> bool:
    """Whether it gets beyond the bound, in a folder of its own."""
    beside = {".user.ini": f'{setting} = "{value}"\n', "lift.php": f"<?php ini_set( '{setting}', '{value}' ); {code}"}
    own = str(paper.place.private / "tmp")
    texts = {name: text.replace("<own>", own).replace("<log>", str(paper.place.log)) for name, text in beside.items()}
    with Attacker(paper).laid("return true;", **texts) as target, paper.client() as visitor:
        return visitor.get(target.replace("attack.php", "lift.php")).text == "lifted"


def _lifted(paper: Newspaper) -> set[str]:
    """Of the settings those whose bound is exceeded; all are tried at once."""
    with ThreadPoolExecutor(len(_ATTEMPTS)) as threads:
        tried = threads.map(lambda name: _lifts(paper, name, *_ATTEMPTS[name]), _ATTEMPTS)
        return {name for name, is_lifted in zip(_ATTEMPTS, tried, strict=True) if is_lifted}


def test_phps_bounds_stay_in_force(paper: Newspaper, seen: Seen) -> None:
    a_second = {f"[max_execution_time] = {REQUEST_TIMEOUT}": "[max_execution_time] = 1"}
    with fpm_changed(paper, a_second):
        assert _lifted(paper) == set()
    with fpm_changed(paper, {**a_second, "php_admin_": "php_"}):
        assert _lifted(paper) == set(_ATTEMPTS)
    seen.both("time, memory, log and sessions of PHP beyond their bounds, by ini_set(), .user.ini", "`php_admin_value`")


def test_a_request_that_sleeps_is_ended(paper: Newspaper, seen: Seen) -> None:
    name = "request_terminate_timeout"
    with fpm_changed(paper, {f"{name} = {REQUEST_TIMEOUT}s": f"{name} = 1s"}):
        assert not _lifts(paper, name, "0", _SLEEP % 20_000_000)
    assert _lifts(paper, name, "0", _SLEEP % 1_500_000)
    seen.both("a request that sleeps, beyond its time", "`request_terminate_timeout`")

"""The object cache for logged-in readers: there, right after each change, and absent where it must be."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from pressroom.operations import running as nodes
from pressroom.operations import settings
from pressroom.system import process
from tests.functional.fresh import internal_client
from tests.functional.newspaper import Newspaper

pytestmark = pytest.mark.long

# A change by plain SQL is not waited for by anybody: after so long it is seen. Seconds.
SQL_BOUND = 0.5


@pytest.fixture(scope="module", autouse=True)
def object_cache(paper: Newspaper) -> Iterator[None]:
    node = paper.node
    for size in (16, 0):
        settings.change(node, [f"php.object_cache_mb={size}"])
        nodes.up(node)
        paper.await_hit()
        if size:
            yield
            _sql_title(paper, "The Test Paper")  # told, after changes that nobody was told of


def _title(paper: Newspaper) -> str:
    """The site's title as an editor's request reads it."""
    return str(paper.rest("GET", "settings")["title"])


def _sql_title(paper: Newspaper, title: str, *, logged: bool = True) -> None:
    """As an SQL client; a change that is not in the binlog cannot be noticed, so that a kept value shows itself."""
    paper.sql(
        f"SET sql_log_bin={int(logged)}; UPDATE wp_options SET option_value='{title}' WHERE option_name='blogname'"
    )


def _is_kept(paper: Newspaper) -> bool:
    title = _title(paper)
    _sql_title(paper, "Nobody was told", logged=False)
    kept = _title(paper) == title
    _sql_title(paper, title, logged=not kept)  # a reader may have kept the other one
    return kept


def _await_kept(paper: Newspaper) -> None:
    until = time.monotonic() + 15
    while not _is_kept(paper):
        assert time.monotonic() < until, "nothing is kept"
        time.sleep(0.05)


def test_a_change_by_sql_is_seen(paper: Newspaper) -> None:
    _await_kept(paper)
    for title in ("By SQL once", "By SQL twice"):
        _sql_title(paper, title)
        time.sleep(SQL_BOUND)
        assert _title(paper) == title


def test_a_post_that_is_changed_by_sql_is_seen(paper: Newspaper) -> None:
    post = paper.rest("GET", "posts?per_page=1&_fields=id,link")[0]["id"]
    assert paper.rest("GET", f"posts/{post}") == paper.rest("GET", f"posts/{post}")
    paper.sql(f"UPDATE wp_posts SET post_title='Renamed by SQL' WHERE ID={post}")
    time.sleep(SQL_BOUND)
    assert paper.rest("GET", f"posts/{post}")["title"]["rendered"] == "Renamed by SQL"


def test_a_change_by_wordpress_is_seen_when_it_is_answered(paper: Newspaper) -> None:
    for number in range(5):
        _await_kept(paper)
        paper.rest("POST", "settings", title=f"Title {number}")
        assert _title(paper) == f"Title {number}"


def test_what_an_older_request_keeps_late_is_not_read_after_the_change(paper: Newspaper) -> None:
    hold = paper.place.private / "tmp" / "hold"
    _sql_title(paper, "Before")
    time.sleep(SQL_BOUND)
    # The first request after a change reads the options from the database, and keeps them at its end.
    process.run(["touch", hold], user=paper.place.unix_user)
    code = f"touch('{hold}-here'); while (file_exists('{hold}')) {{ usleep(5000); clearstatcache(); }}"
    late = threading.Thread(target=paper.as_editor, args=(code,))
    late.start()
    while not hold.with_name("hold-here").exists():
        time.sleep(0.01)
    _sql_title(paper, "After")
    time.sleep(SQL_BOUND)
    hold.unlink()
    late.join()
    assert _title(paper) == "After"
    assert _is_kept(paper)
    hold.with_name("hold-here").unlink()


def test_what_is_never_committed_is_never_kept(paper: Newspaper) -> None:
    _await_kept(paper)
    title = _title(paper)
    paper.as_editor(
        "global $wpdb; $wpdb->query('START TRANSACTION'); update_option('blogname', 'Never');"
        "wp_load_alloptions(); $wpdb->query('ROLLBACK');"
    )
    assert _title(paper) == title


def test_a_writer_sees_what_it_wrote(paper: Newspaper) -> None:
    _await_kept(paper)
    paper.as_editor(
        "global $wpdb; $wpdb->update($wpdb->options, ['option_value' => 'Own'], ['option_name' => 'blogname']);"
        "wp_cache_delete('alloptions', 'options'); add_option('own_write', get_option('blogname'));"
    )
    assert paper.value("SELECT option_value FROM wp_options WHERE option_name='own_write'") == "Own"
    paper.sql("DELETE FROM wp_options WHERE option_name='own_write'")


def test_transients_are_in_the_database(paper: Newspaper) -> None:
    _await_kept(paper)
    paper.as_editor("set_transient('object_cache_test', 'here', 60);")
    assert paper.value("SELECT option_value FROM wp_options WHERE option_name='_transient_object_cache_test'") == "here"


def test_a_render_reads_the_database(paper: Newspaper) -> None:
    with internal_client(paper.node, paper.site) as client:
        for _ in range(10):  # any write meanwhile, an event's for one, ends what is kept
            _await_kept(paper)
            title = _title(paper)
            _sql_title(paper, "Only in the database", logged=False)
            assert "Only in the database" in client.get("/").text
            kept = _title(paper) == title
            _sql_title(paper, title)
            if kept:
                return
    raise AssertionError("what others read was never kept meanwhile")


def test_a_dead_invalidator_costs_speed(paper: Newspaper) -> None:
    _await_kept(paper)
    pid = paper.program_pid("invalidator")
    os.kill(pid, signal.SIGSTOP)
    try:
        paper.rest("POST", "settings", title="While it was stopped")
        assert _title(paper) == "While it was stopped"
    finally:
        os.kill(pid, signal.SIGCONT)
    _await_kept(paper)
    assert _title(paper) == "While it was stopped"


def test_a_restarted_invalidator_forgets_all_values(paper: Newspaper) -> None:
    _await_kept(paper)
    _sql_title(paper, "While nobody followed", logged=False)
    os.kill(paper.program_pid("invalidator"), signal.SIGKILL)
    until = time.monotonic() + 15
    while _title(paper) != "While nobody followed":
        assert time.monotonic() < until, "old values are still read"
        time.sleep(0.05)

"""The real daemon, a real MariaDB, and requests that arrive on a Unix socket."""

from __future__ import annotations

import json
import threading
import time

import pytest

from tests.conftest import until

from .conftest import LATER, LOOKS, Node

_AT_ONCE = 2.0  # seconds; to start takes one on a quiet machine


def now() -> int:
    return int(time.time())


def test_a_site_s_events_are_run_when_they_are_due(node: Node) -> None:
    due = now() + 3
    node.add_site("s1", due)
    node.add_site("s2", now() + LATER)
    node.start()
    until(lambda: len(node.nginx.requests) == 1)
    host, path, at = node.nginx.requests[0]
    assert (host, path) == ("s1.localhost:8080", "/wp-cron.php?doing_wp_cron")
    assert due <= at < due + 1.5
    until(lambda: '"ended": {"s1": "status 200' in node.log())


def test_what_was_missed_is_run_once(node: Node) -> None:
    for number in (1, 2, 3):
        node.add_site(f"s{number}", now() - 86_400 * number)
    node.start(POLL_EVERY=LOOKS)
    until(lambda: len(node.nginx.requests) >= 3)
    until(lambda: node.log().count("status 200") == 3)
    node.add_site("s4", now() + 3)
    until(lambda: "s4.localhost:8080" in node.nginx.hosts())
    assert sorted(node.nginx.hosts()) == [f"s{number}.localhost:8080" for number in (1, 2, 3, 4)]


def test_an_event_for_now_is_run_within_ten_seconds(node: Node) -> None:
    node.add_site("s1", now() + 86_400)
    node.start()
    until(lambda: '"started"' in node.log())
    began = time.monotonic()
    node.schedule("s1", now())
    until(lambda: node.nginx.hosts() == ["s1.localhost:8080"], seconds=10)
    assert time.monotonic() - began < 10


def test_two_sites_at_once_and_none_twice(node: Node) -> None:
    node.nginx.holding = threading.Event()
    for number in range(1, 6):
        node.add_site(f"s{number}", 1)
    node.start(POLL_EVERY=0.1)  # so all are seen to be due while the first two are run
    until(lambda: node.nginx.at_once == 2)
    until(lambda: node.log().count('"cycle"') >= 1)
    node.nginx.holding.set()
    until(lambda: len(node.nginx.requests) == 5)
    assert node.nginx.most_at_once == 2
    assert len(set(node.nginx.hosts())) == 5


def test_runs_that_go_on_after_the_answer_keep_their_places(node: Node) -> None:
    node.nginx.answers_first = True
    for number in (1, 2, 3):
        node.add_site(f"s{number}", 1)
    node.start(POLL_EVERY=LOOKS, SETTLES_WITHIN=1.0)
    until(lambda: len(node.nginx.requests) == 2)
    began = time.time()
    first = [host.partition(".")[0] for host in node.nginx.hosts()]
    for name in first:
        node.set_option(name, "_transient_doing_cron", f"{began + 0.5:.22f}")
    until(lambda: time.time() > began + 4)
    assert len(node.nginx.requests) == 2
    for name in first:
        node.schedule(name, now() + LATER)
        node.sql(f"DELETE FROM {name}.wp_options WHERE option_name = '_transient_doing_cron'")
    until(lambda: len(node.nginx.requests) == 3)
    assert len(set(node.nginx.hosts())) == 3


def test_nginx_down_is_said_once_and_made_up_for(node: Node) -> None:
    node.nginx.stop()
    node.add_site("s1", 1)
    node.start(AT_LEAST_BETWEEN=1.0)
    until(lambda: '"nginx_down"' in node.log())
    node.nginx.start()
    until(lambda: node.nginx.hosts() == ["s1.localhost:8080"])
    until(lambda: '"nginx_up"' in node.log())
    assert node.log().count('"nginx_down"') == 1


@pytest.mark.long
def test_the_database_down_at_the_start_and_again_later(node: Node) -> None:
    node.database_down()
    node.add_site("s1", 1)
    node.start()
    until(lambda: '"database_down"' in node.log())
    assert node.nginx.requests == []
    node.database_up()
    until(lambda: '"ended": {"s1"' in node.log())
    node.database_down()
    until(lambda: node.log().count('"database_down"') == 2)
    node.schedule("s1", 2)
    node.database_up()
    until(lambda: len(node.nginx.requests) == 2)
    assert node.log().count('"database_down"') == 2


def test_hostile_sites_do_not_hold_up_the_others(node: Node) -> None:
    """A locked table, a view that sleeps, a table of other columns, no table, bytes that PHP did not write."""
    for number in range(1, 6):
        node.add_site(f"s{number}", None, table=number in (1, 5))
    node.sql("CREATE VIEW s2.wp_options AS SELECT 'cron' AS option_name, SLEEP(30) AS option_value")
    node.sql("CREATE TABLE s3.wp_options (option_name INT, option_value DATE)")
    node.sql("INSERT INTO s3.wp_options VALUES (0, '2020-02-02')")
    node.set_option("s5", "cron", "a:1:{i:1;" + "a:1:{i:0;" * 400_000)
    with node.connect() as held, held.cursor() as cursor:
        cursor.execute("LOCK TABLES s1.wp_options WRITE")
        node.add_site("s6", 1)
        began = time.monotonic()
        node.start(POLL_EVERY=LOOKS)
        until(lambda: "s6.localhost:8080" in node.nginx.hosts(), seconds=6)
        assert time.monotonic() - began < 6
        until(lambda: '"schedule_unreadable"' in node.log())
        assert {number for number in range(1, 7) if f'"site": "s{number}", "why": "no such table' in node.log()} == {
            1,
            2,
            4,
        }
        cursor.execute("UNLOCK TABLES")
    assert '"database_down"' not in node.log()
    assert set(node.nginx.hosts()) <= {"s6.localhost:8080", "s5.localhost:8080"}


def test_a_failing_site_is_left_alone_for_a_while(node: Node) -> None:
    node.nginx.status = 500
    node.add_site("s1", 1)
    node.start()
    until(lambda: '"s1": "status 500' in node.log())
    node.nginx.status = 200
    node.add_site("s2", 1)
    until(lambda: "s2.localhost:8080" in node.nginx.hosts())
    assert node.nginx.hosts().count("s1.localhost:8080") == 1


def test_the_list_of_sites_is_read_again_and_what_is_no_site_is_left_out(node: Node) -> None:
    node.start(POLL_EVERY=LOOKS, AT_LEAST_BETWEEN=1.0)
    node.add_site("s1", 1)
    until(lambda: '"ended": {"s1"' in node.log())
    node.layout.roster.write_text("[{")
    node.schedule("s1", 2)
    until(lambda: len(node.nginx.requests) == 2)
    assert '"roster_refused"' in node.log()
    node.add_site("s2", 1)
    rows = json.loads(node.layout.roster.read_text())
    hostile = {**rows[0], "name": "s1`; DROP TABLE x", "host_header": "a\r\nX: y"}
    node.layout.roster.write_text(json.dumps([hostile, 7, rows[1]]))
    until(lambda: "s2.localhost:8080" in node.nginx.hosts())
    assert node.log().count('"site_left_out"') == 2


def test_it_starts_at_once_and_ends_so_with_a_run_under_way(node: Node) -> None:
    node.nginx.holding = threading.Event()
    node.add_site("s1", 1)
    began = time.monotonic()
    node.start()
    took = time.monotonic() - began
    until(lambda: node.nginx.at_once == 1)
    assert node.stop() < _AT_ONCE
    assert took < _AT_ONCE
    assert "Traceback" not in node.log()

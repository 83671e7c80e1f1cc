"""The audit that goes on all the time: what it finds and leaves behind, what it does not count, what it may use."""

from __future__ import annotations

import gzip
import json
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pressroom.control.observe import ready_daemons
from pressroom.model.layout import Layout
from pressroom.operations import audit as audits
from pressroom.operations import cache, settings
from pressroom.operations import running as nodes
from pressroom.pagecache.renderer.evidence import Evidence, Violation
from pressroom.pagecache.store import PageStore
from pressroom.system import messages, process
from tests.functional.command_line import CommandLine
from tests.functional.newspaper import Newspaper

TAMPERED = b"<!-- somebody was here -->"
ONE = "/article-1/"
PERCENT = 40
PARTS = {"about.json", "stored", "fresh", "difference.diff", "reads.txt", "binlog.jsonl"}


def _allow(paper: Newspaper, percent: int) -> None:
    settings.change(paper.node, [f"cache.audit_percent={percent}"])
    nodes.up(paper.node)


@pytest.fixture(scope="module")
def audited(paper: Newspaper) -> Iterator[Newspaper]:
    """With a larger budget than a node has, and without WordPress's events, which write when they are due."""
    paper.node.engine.stop("cron")
    _allow(paper, PERCENT)
    yield paper
    _allow(paper, 0)
    paper.node.engine.start("cron")


@pytest.fixture(autouse=True)
def warm(audited: Newspaper) -> Iterator[None]:
    audited.warm()
    for path in ("/", ONE):
        audited.await_hit(path)
    yield
    audited.forget_evidence()


def _figures(paper: Newspaper) -> cache.AuditStatus:
    return cache.audit_status(paper.node, paper.site)


def _await(what: Callable[[], bool], patience: float = 30.0) -> None:
    until = time.monotonic() + patience
    while not what():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.05)


def _file(paper: Newspaper, key: str = ONE) -> Path:
    generation = PageStore(paper.node.layout.store).current(paper.site.name)
    assert generation is not None
    return PageStore(paper.node.layout.store).plain_file(paper.site.name, generation, key, "page")


def _tamper(paper: Newspaper, key: str = ONE) -> None:
    file = _file(paper, key)
    file.write_bytes(file.read_bytes().replace(b"</body>", TAMPERED + b"</body>"))


def _evidence(paper: Newspaper, key: str = ONE) -> Violation:
    """Of the newest violation, which must be that page's."""
    found = Evidence(paper.node.layout.audit).newest(paper.site.name, 0.0)
    assert found and found[0].key == key, found
    return found[0]


def _check(paper: Newspaper, key: str) -> messages.Message:
    """Have one page checked now."""
    return cache.ask_renderer(paper.node, {"op": "audit", "site": paper.site.name, "key": key})


def test_a_page_that_is_not_right_is_found_and_taken_out(audited: Newspaper, command: CommandLine) -> None:
    before = _figures(audited)
    paper = audited
    paper.sql("INSERT INTO wp_options (option_name, option_value) VALUES ('nobody_reads_it', 'noise in the span')")
    time.sleep(0.2)
    _tamper(paper)
    began = time.monotonic()
    _await(lambda: _figures(paper).violations > before.violations, 150.0)  # other tests may have left many pages
    print(f"found after {time.monotonic() - began:.1f} s")

    with paper.client() as visitor:
        assert TAMPERED not in visitor.get(ONE, headers={"Accept-Encoding": "identity"}).content
    paper.await_hit(ONE)
    explained = cache.explain(paper.node, f"http://{paper.host}{ONE}")
    assert explained["taken_why"] == "the audit: it differs from a fresh render"
    log = (paper.node.layout.log / "renderer.log").read_text()
    assert "stored_page_was_wrong" in log and ONE in log

    violation = _evidence(paper)
    assert violation.site == paper.site.name and violation.domain == "paper.localhost" and violation.status == 200
    folder = paper.node.root / "audit" / paper.site.name / violation.folder
    assert {path.name for path in folder.iterdir()} == PARTS
    stored, fresh = (folder / "stored").read_bytes(), (folder / "fresh").read_bytes()
    assert stored.count(TAMPERED) == 1 and stored.replace(TAMPERED, b"") == fresh
    assert f"-{TAMPERED.decode()}</body>" in (folder / "difference.diff").read_text()
    assert "option blogname" in (folder / "reads.txt").read_text()
    assert violation.fence < violation.followed_to and violation.binlog == "whole"
    changes = [json.loads(line) for line in (folder / "binlog.jsonl").read_text().splitlines()]
    rows = [row for change in changes for row in change["rows"]]
    assert any((row["after"] or {}).get("option_value") == "noise in the span" for row in rows), changes
    for path in (folder.parent.parent, folder.parent, folder, *folder.iterdir()):
        assert not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO), path

    shown = command.done("cache", "status", "paper.localhost", "--format", "json").json()[0]["audit"]
    assert shown["violations"] == before.violations + 1 and shown["checked"] > before.checked
    assert shown["since"] and shown["unchecked_key"] and shown["unchecked_since"] > shown["since"][:10]
    assert "violations" in command.done("cache", "status").stdout
    findings = json.loads(command.run("doctor", "--format", "json").stdout)
    (wrong,) = [finding for finding in findings if finding["verdict"] == "wrong"]
    assert f"http://{paper.host}{ONE}" in wrong["detail"] and str(folder) in wrong["detail"] and wrong["advice"]
    paper.sql("DELETE FROM wp_options WHERE option_name='nobody_reads_it'")


def test_a_compressed_form_that_is_not_right_is_found(audited: Newspaper) -> None:
    """What nearly every visitor gets."""
    file = _file(audited).with_name(_file(audited).name + ".gz")
    checked = {"outcome": "overtaken"}
    for _ in range(5):  # the site's own events may change something at the same time
        if checked["outcome"] == "overtaken":
            audited.await_hit(ONE)
            text = gzip.decompress(file.read_bytes()).replace(b"</body>", TAMPERED + b"</body>")
            file.write_bytes(gzip.compress(text))
            checked = _check(audited, ONE)
    assert checked["outcome"] == "violation" and TAMPERED.decode() in checked["why"]


def test_the_audit_on_demand_leaves_the_same_evidence(audited: Newspaper) -> None:
    _tamper(audited, "/article-2/")
    result = audits.audit(audited.node, "paper.localhost", limit=1000)
    found = Evidence(audited.node.layout.audit).newest(audited.site.name, 0.0)  # whoever of the two was first
    assert [violation.key for violation in found] == ["/article-2/"]
    for violation in result.violations:
        assert {path.name for path in Path(violation.evidence).iterdir()} == PARTS


def test_a_held_change_is_no_violation(audited: Newspaper) -> None:
    """Its writer has not been answered: the old page is still right, though a fresh render differs."""
    before = _figures(audited)
    statement = "UPDATE wp_options SET option_value='Held' WHERE option_name='blogname' /*pressroom:writer*/"
    socket = audited.node.layout.mariadb_socket
    process.run(["mariadb", "--comments", "-S", socket, audited.site.name, "-e", statement])
    held, until = False, time.monotonic() + 0.2  # it is seen some milliseconds after the commit
    while not held and time.monotonic() < until:
        held = cache.ask_invalidator(audited.node, {"op": "place", "site": audited.site.name})["held"]
    outcome = _check(audited, ONE)["outcome"]
    audited.sql("UPDATE wp_options SET option_value='The Test Paper' WHERE option_name='blogname'")
    assert held and outcome == "overtaken"
    assert _figures(audited).violations == before.violations


@pytest.mark.long
def test_nothing_is_counted_while_changes_go_on(audited: Newspaper) -> None:
    """Editors at work, and every page of the site checked again and again meanwhile."""
    before = _figures(audited)
    stop = threading.Event()

    def edit() -> None:
        number = 0
        while not stop.wait(0.9):
            number += 1
            audited.sql(f"UPDATE wp_options SET option_value='Paper {number}' WHERE option_name='blogname'")

    editor = threading.Thread(target=edit)
    editor.start()
    try:
        outcomes: list[str] = []
        until = time.monotonic() + 12
        while time.monotonic() < until:
            outcomes += [_check(audited, key)["outcome"] for key in ("/", ONE, "/article-2/")]
            time.sleep(0.05)
    finally:
        stop.set()
        editor.join()
        audited.sql("UPDATE wp_options SET option_value='The Test Paper' WHERE option_name='blogname'")
    print({outcome: outcomes.count(outcome) for outcome in outcomes})
    assert {"overtaken", "right"} <= set(outcomes)
    assert _figures(audited).violations == before.violations


def test_a_page_whose_time_is_over_is_no_violation(audited: Newspaper) -> None:
    """It stays a while until it is rendered anew, and may differ from a fresh render then."""
    _allow(audited, 0)
    before = _figures(audited)
    _tamper(audited)
    with closing(sqlite3.connect(audited.node.layout.index_database, timeout=10)) as index, index:
        index.execute("UPDATE pages SET due=1 WHERE site=? AND key=?", (audited.site.name, ONE))
    outcome = _check(audited, ONE)["outcome"]
    cache.purge(audited.node, audited.site.domain, f"http://{audited.host}{ONE}")
    _allow(audited, PERCENT)
    assert outcome == "overtaken"
    assert _figures(audited).violations == before.violations


def test_a_random_page_is_counted_apart(audited: Newspaper) -> None:
    before = _figures(audited)
    audited.php("update_option('pressroom_test_read', 'random');")
    audited.warm()
    audited.await_hit(ONE)
    assert _check(audited, ONE)["outcome"] == "random"
    audited.php("update_option('pressroom_test_read', '');")
    after = _figures(audited)
    assert after.random > before.random and after.violations == before.violations
    assert after.random_key is not None and after.random_why is not None and "+<!-- " in after.random_why


def test_an_origin_that_is_down_takes_no_page_out(audited: Newspaper) -> None:
    before = _figures(audited)
    program = audited.node.engine.definition(f"php-{audited.site.name}")
    assert program is not None
    audited.node.engine.remove(program.name)  # who asks one that is stopped would wait for its start
    try:
        assert _check(audited, ONE)["outcome"] == "failed"
        with audited.client() as visitor:
            assert visitor.get(ONE).headers["x-pressroom-cache"] == "hit"
    finally:
        audited.node.engine.define(program)
    after = _figures(audited)
    assert after.failed > before.failed and after.violations == before.violations


def test_the_figures_outlive_the_daemons(audited: Newspaper) -> None:
    before = _figures(audited)
    assert before.checked > 0
    for name in ("renderer", "invalidator"):
        audited.node.engine.restart(name)
    _await(lambda: {"renderer", "invalidator"} <= ready_daemons(audited.node.layout))
    after = _figures(audited)
    assert after.since == before.since and after.checked >= before.checked


@pytest.mark.long
def test_every_page_has_its_turn_within_the_budget(audited: Newspaper) -> None:
    """The longest unchecked first: all that is stored now has been checked in a while, and no more time was used."""

    def spent() -> float:
        return float(cache.ask_renderer(audited.node, {"op": "status", "site": "-"})["audit_seconds"])

    unchecked, began, before = _figures(audited).unchecked_since, time.monotonic(), spent()
    assert unchecked is not None
    mark = time.time()
    _await(lambda: _turn(audited) > mark and time.monotonic() > began + 8, patience=60)
    seconds, used = time.monotonic() - began, spent() - before
    print(f"{used:.2f} s used in {seconds:.1f} s")
    assert 0 < used < (PERCENT / 100 * 1.25) * seconds + 0.5


def _turn(paper: Newspaper) -> float:
    answer = cache.ask_invalidator(paper.node, {"op": "audited", "site": paper.site.name})
    return float(answer["unchecked"][2])


def test_a_deleted_sites_evidence_goes(audited: Newspaper) -> None:
    layout: Layout = audited.node.layout
    process.run(["mkdir", layout.audit / "s999"], user=layout.platform_user)
    audited.node.engine.restart("renderer")  # it looks when the sites are others than before, and at its start
    _await(lambda: not (layout.audit / "s999").exists())

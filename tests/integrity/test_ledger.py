"""What the scanner keeps."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pressroom.integrity.comparison import FIRST_SEEN, MALWARE, Baseline, Found
from pressroom.integrity.ledger import Ledger, Scan, Taken

NAME = "wp-content/" + os.fsdecode(b"\xff\n'\".php")
FOUND = Found("abc", MALWARE, NAME, "is bad", ("bad", "worse"), "a" * 64, 5)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "scans.db")
    yield ledger
    ledger.close()


def test_a_finding_keeps_the_time_when_it_was_found_first(ledger: Ledger) -> None:
    assert ledger.put_findings("s1", [FOUND], [], 100.0) == [FOUND]
    assert ledger.put_findings("s1", [FOUND], [], 200.0) == []
    (kept,) = ledger.findings("s1")
    assert (kept.found, kept.since) == (FOUND, 100.0)
    ledger.put_findings("s1", [], ["abc"], 300.0)
    assert ledger.findings("s1") == []


def test_sites_know_nothing_of_each_other(ledger: Ledger) -> None:
    ledger.put_findings("s1", [FOUND], [], 1.0)
    ledger.accept("s1", NAME, "a" * 64)
    ledger.put_baseline("s1", "p", Baseline("1", FIRST_SEEN, 1.0, {NAME: "a" * 64}))
    assert ledger.findings("s2") == [] and ledger.accepted("s2") == frozenset() and ledger.baselines("s2") == {}


def test_all_that_is_kept_of_a_site_goes(ledger: Ledger) -> None:
    taken = Taken("t", "s1", NAME, 0o640, "a" * 64, 5, 7, 1.0, "it is bad")
    for site in ("s1", "s2"):
        ledger.put_baseline(site, NAME, Baseline("1", FIRST_SEEN, 1.0, {NAME: "a" * 64}))
    ledger.put_findings("s1", [FOUND], [], 1.0)
    ledger.accept("s1", NAME, None)
    ledger.put_scan("s1", Scan(1.0, 2, 3.0, None))
    ledger.put_taken(taken)
    assert ledger.taken("s1") == [taken] and ledger.accepted("s1") == {(NAME, None)} and ledger.sites() == {"s1"}
    ledger.forget("s1")
    assert (ledger.taken("s1"), ledger.accepted("s1"), ledger.findings("s1")) == ([], frozenset(), [])
    assert (ledger.baselines("s1"), ledger.scan("s1"), ledger.sites()) == ({}, None, set())
    assert ledger.baselines("s2")[NAME].manifest == {NAME: "a" * 64}, "the same manifest, which s2 still has"

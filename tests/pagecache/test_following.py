"""The invalidator's thread that follows the binlog goes on whatever befalls MariaDB."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pymysql
import pytest

from pressroom.pagecache.binlog.positions import Place, PositionGone, Transaction
from pressroom.pagecache.invalidator import daemon as module
from pressroom.pagecache.invalidator.daemon import InvalidatorDaemon


@pytest.mark.parametrize("fault", [PositionGone("purged"), ValueError("a fault of ours")])
def test_a_lost_place_is_made_good_when_mariadb_answers_again(
    fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It went away at that moment: the new place cannot be asked for, and must be before anything is followed."""
    daemon = object.__new__(InvalidatorDaemon)
    daemon._stopping, daemon._caught_up = threading.Event(), threading.Event()
    done: list[str] = []
    told: list[int] = []
    answers: list[Exception] = [pymysql.err.OperationalError(2002, "gone"), OSError("gone")]

    def follow(_: InvalidatorDaemon) -> None:
        done.append("follow")
        if done != ["follow"]:
            daemon._stopping.set()
            return
        raise fault

    def start_again(_: InvalidatorDaemon, why: str) -> None:
        done.append("start again")
        if answers:
            raise answers.pop()

    monkeypatch.setattr(InvalidatorDaemon, "_follow", follow)
    monkeypatch.setattr(InvalidatorDaemon, "_start_again", start_again)
    monkeypatch.setattr(InvalidatorDaemon, "_tell", lambda _, passed: told.append(passed))
    began = time.monotonic()
    daemon._tail()
    assert done == ["follow", "start again", "start again", "start again", "follow"]
    assert told == [0, 0, 0], "another server counts anew: who waits for its numbers was told that they had passed"
    assert 0.6 < time.monotonic() - began < 5.0, "each time it waits for longer"


def test_it_is_not_said_to_follow_once_it_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else who waits at the barrier is told for as long as the next one needs that it is worked on, and waits on."""
    daemon = object.__new__(InvalidatorDaemon)
    daemon._stopping, daemon._caught_up = threading.Event(), threading.Event()
    invalidator = SimpleNamespace(place=Place("binlog.000001", 4, "", ""), passed=0, connect=lambda: None)
    master = SimpleNamespace(has=lambda _: True, settings={}, tailer_id=1, binlogs=Path("/nowhere"))
    daemon._invalidator, daemon._master = invalidator, master  # type: ignore[assignment]
    monkeypatch.setattr(InvalidatorDaemon, "_tell", lambda *_: None)
    follows: list[bool] = []

    class Lost:
        def __init__(self, *_: Any) -> None: ...

        def transactions(self) -> Iterator[Transaction]:
            follows.append(daemon._caught_up.is_set())
            raise pymysql.err.OperationalError(2013, "gone")

        def close(self) -> None:
            follows.append(daemon._caught_up.is_set())

    monkeypatch.setattr(module, "Tailer", Lost)
    with pytest.raises(pymysql.err.OperationalError):
        daemon._follow()
    assert follows == [True, False]

"""The invalidator's thread that follows the binlog goes on whatever befalls MariaDB."""

from __future__ import annotations

import threading
import time

import pymysql
import pytest

from pressroom.pagecache.binlog.positions import PositionGone
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

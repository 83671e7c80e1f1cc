"""A site that nobody asks sleeps: no process is left, its pages are served, and the next request wakes it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from pressroom.control import desired
from pressroom.engine.protocol import ProgramState
from pressroom.operations import doctor, settings
from pressroom.operations import running as nodes
from pressroom.operations.node import Node
from tests.conftest import until
from tests.functional.newspaper import Newspaper


@pytest.fixture(scope="module")
def sleepy(node: Node, paper: Newspaper) -> Iterator[Newspaper]:
    _sleep_after(node, 1)
    yield paper
    _sleep_after(node, 0)


@pytest.fixture(autouse=True)
def asleep(sleepy: Newspaper) -> None:
    sleepy.warm()
    until(lambda: _state(sleepy) is ProgramState.ASLEEP, seconds=90)


def _sleep_after(node: Node, seconds: int) -> None:
    settings.change(node, [f"php.sleep_seconds={seconds}"])
    nodes.up(node)


def _state(paper: Newspaper) -> ProgramState:
    return paper.node.engine.status(desired.site_program_name(paper.site.name)).state


def _processes(paper: Newspaper) -> list[str]:
    """Command lines of all that runs as the site's user."""
    owner = paper.place.private.stat().st_uid
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and entry.stat().st_uid == owner:
                found.append((entry / "cmdline").read_text().replace("\0", " "))
    return found


def test_an_idle_site_has_no_process_and_its_pages_are_hits(sleepy: Newspaper) -> None:
    sleepy.await_hit()
    assert _processes(sleepy) == []
    assert "asleep" in {part.state for part in nodes.status(sleepy.node)}
    assert not [finding for finding in doctor.examine(sleepy.node) if finding.check.startswith("php-")]


def test_a_request_wakes_it(sleepy: Newspaper) -> None:
    with sleepy.client() as visitor:
        answer = visitor.get("/?s=anything")
    assert answer.status_code == 200
    assert answer.headers["x-pressroom-cache"] == "bypass; reason=arguments"
    assert _state(sleepy) is ProgramState.RUNNING
    assert _processes(sleepy)


def test_a_change_by_sql_wakes_it_to_make_its_pages_anew(sleepy: Newspaper) -> None:
    sleepy.sql("UPDATE wp_options SET option_value='Woken up' WHERE option_name='blogname'")
    with sleepy.client() as visitor:
        until(lambda: "Woken up" in visitor.get("/").text, seconds=5)
    sleepy.await_hit()


def test_compiled_code_is_kept_for_the_next_start(sleepy: Newspaper) -> None:
    assert any(sleepy.place.compiled_code.rglob("wp-settings.php.bin"))

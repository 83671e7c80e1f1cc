"""supervisord's files as text."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressroom.engine.protocol import Program
from pressroom.engine.supervisor_config import main_text, program_text
from pressroom.model.errors import InvalidInput
from pressroom.model.layout import Layout

_PHP = Program(
    name="php-s1",
    argv=("/usr/sbin/php-fpm8.2", "--fpm-config", "/srv/p/etc/php/s1.conf", "100 %", 'a "b" \\'),
    user="pr012345-s1",
    directory=Path("/srv/p/sites/s1/public"),
    environment=(("TMPDIR", "/srv/p/tmp"), ("HOME", "/srv/p/home"), ("SAYS", 'a "b" \\ 5%')),
    start_seconds=1.2,
    priority=40,
    log=Path("/srv/p/log/php-s1.log"),
    stop_signal="QUIT",
    stop_seconds=20,
    autostart=False,
)


def test_a_program() -> None:
    assert program_text(_PHP, "pr012345") == (Path(__file__).parent / "golden" / "php-s1.conf").read_text()


def test_the_engine() -> None:
    golden = (Path(__file__).parent / "golden" / "supervisord.conf").read_text()
    assert main_text(Layout(Path("/srv/p")), open_files=1024) == golden


@pytest.mark.parametrize(
    "text",
    [
        "a\nb",
        "a\rb",
        "a\0b",
        "a ; b",
        "a #b",
        "a\u00a0;b",
        "\x1b[1m",
        "x\x85y",
        "x\u2028y",
        "%(here)s",
        "\n[program:other]",
    ],
)
def test_values_that_supervisord_cannot_hold_are_refused(text: str) -> None:
    for harmed in (
        dataclasses.replace(_PHP, argv=("/bin/true", text)),
        dataclasses.replace(_PHP, environment=(("A", text),)),
        dataclasses.replace(_PHP, directory=Path("/" + text)),
        dataclasses.replace(_PHP, log=Path("/" + text)),
    ):
        with pytest.raises(InvalidInput):
            program_text(harmed, "pr012345")


@pytest.mark.parametrize("value", ["'a'", '"a"', "a'", "'", '"', """both ' and " of them"""])
def test_variables_that_would_lose_their_quotes_are_refused(value: str) -> None:
    with pytest.raises(InvalidInput):
        program_text(dataclasses.replace(_PHP, environment=(("A", value),)), "pr012345")


@given(st.text(max_size=40))
def test_no_value_makes_a_line_of_its_own(text: str) -> None:
    try:
        harmed = dataclasses.replace(_PHP, argv=("/bin/true", text), environment=(("A", text),))
        rendered = program_text(harmed, "pr012345")
    except InvalidInput:
        return
    assert len(rendered.splitlines()) == len(program_text(_PHP, "pr012345").splitlines())


@pytest.mark.parametrize(
    "change",
    [
        {"name": "engine"},
        {"name": "../x"},
        {"name": "a:b"},
        {"name": "a\n"},
        {"name": ""},
        {"user": "root\n"},
        {"user": "a b"},
        {"argv": ()},
        {"argv": ("sleep", "1")},
        {"environment": (("A=B", "x"),)},
        {"environment": (("A", "x"), ("A", "y"))},
        {"stop_signal": "STOP"},
    ],
)
def test_a_program_is_checked_where_it_is_made(change: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        dataclasses.replace(_PHP, **change)  # type: ignore[arg-type]


def test_the_order_of_variables_makes_no_difference() -> None:
    assert dataclasses.replace(_PHP, environment=tuple(reversed(_PHP.environment))) == _PHP

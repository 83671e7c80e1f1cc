"""Writes the audit trail: a line when a command begins, one when it has ended, and a copy of each elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pressroom.model.errors import (
    Busy,
    Conflict,
    InvalidInput,
    NoRights,
    NotFound,
    NotRunning,
    PortTaken,
    PressroomError,
)
from pressroom.model.masking import CommandLine
from pressroom.model.trail import BEGAN, DONE, FAILED, GIVEN_UP, REFUSED, Actor, Line
from pressroom.state.trail import Trail
from pressroom.system import witness

# With these a command ends before it has changed anything; nearly always.
_REFUSALS = (InvalidInput, NotFound, Conflict, Busy, NoRights, NotRunning, PortTaken)


@dataclass
class Change:
    """One command under way. ``detail`` is what it tells of itself in the end; ``failed``: it ended badly by its own
    account.
    """

    detail: str = ""
    failed: bool = False
    asking: bool = False

    def ask(self, question: Callable[[], object]) -> None:
        """Whoever says no to it ends the command by an exception, and has given it up."""
        self.asking = True
        question()
        self.asking = False


@dataclass(frozen=True)
class Recorder:
    """`open_trail` gives None while there is no node: the beginning is written when there is one."""

    open_trail: Callable[[], Trail | None]
    copy: Path
    actor: Actor

    @contextlib.contextmanager
    def recorded(self, command: CommandLine, site: str) -> Iterator[Change]:
        """Raises what the block raises; NoSpace and the like where not even the beginning can be written."""
        began = self._line(BEGAN, command, site)
        number = self._write(began)
        change = Change()
        event = DONE
        try:
            yield change
            event = FAILED if change.failed else DONE
        except PressroomError as error:
            event, change.detail = REFUSED if isinstance(error, _REFUSALS) else FAILED, error.message
            raise
        except Exception as error:
            event, change.detail = (GIVEN_UP, "") if change.asking else (FAILED, type(error).__name__)
            raise
        except BaseException:  # interrupted
            event = GIVEN_UP
            raise
        finally:
            number = number or self._write(began)
            self._write(self._line(event, command, site, change.detail, number))

    def _line(self, event: str, command: CommandLine, site: str, detail: str = "", begun: int | None = None) -> Line:
        at = datetime.now(UTC).isoformat(timespec="microseconds")
        return Line(at, event, self.actor, command.text, site, command.without_secrets(detail), begun)

    def _write(self, line: Line) -> int | None:
        trail = self.open_trail()
        if trail is None:
            return None
        kept = trail.append(line)
        copy_lines(trail, self.copy)
        witness.tell_machine(f"audit {kept.as_copied()}")
        return kept.number


def copy_lines(trail: Trail, path: Path) -> None:
    """Append to the copy what it lacks; all, where there is none. Lines that it has and the trail has not, stay."""
    with witness.appending(path) as copy:
        last = _last(copy.end)
        if last is None:
            rows = trail.rows()
        else:
            rows = trail.rows(after=last[0] - 1)
            same = bool(rows) and (rows[0].number, rows[0].hash) == last
            rows = rows[1:] if same else trail.rows()[-1:]
        copy.append(row.as_copied() for row in rows)


def _last(lines: list[str]) -> tuple[int, str] | None:
    """Number and hash of the last line that is whole."""
    for line in reversed(lines):
        digest, _, text = line.partition(" ")
        with contextlib.suppress(ValueError):
            return Line.read(text).number, digest
    return None

"""Writes the audit trail: a line when a command begins, one when it has ended, and a copy of each elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

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
from pressroom.model.trail import BEGAN, DONE, FAILED, GIVEN_UP, REFUSED, Actor, Line, Sealed
from pressroom.state.trail import Trail
from pressroom.system import witness

# With these a command ends before it has changed anything; nearly always.
_REFUSALS = (InvalidInput, NotFound, Conflict, Busy, NoRights, NotRunning, PortTaken)


class Copy(Protocol):
    """As `witness.copy_lines` does, of the node's own copy."""

    def __call__(self, rows: Sequence[Sealed], *, anyway: bool) -> int | None: ...


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
    copy: Copy
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
        keep_copy(trail, kept, self.copy)
        witness.tell_machine(f"audit {kept.as_copied()}")
        return kept.number


def keep_copy(trail: Trail, kept: Sealed, copy: Copy) -> None:
    """Of the trail's last line, and of those before it that a command did not come to copy."""
    last = copy([kept], anyway=False)
    if last is not None:
        copy(trail.rows(after=last - 1) or [kept], anyway=True)

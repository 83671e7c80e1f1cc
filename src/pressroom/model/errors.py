"""Everything that can go wrong and be explained: one tree, an exit code for each branch.

An error carries a message (what happened) and a hint (what to do). The CLI prints both and exits with the
branch's code; a traceback is shown with ``--debug`` only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class PressroomError(Exception):
    """Base of all errors that a user can do something about."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InvalidInput(PressroomError):
    """A name, address, title or option that is refused before anything is touched."""

    exit_code = 2


class Conflict(PressroomError):
    """The thing exists already, or belongs to another site."""

    exit_code = 3


class NotFound(PressroomError):
    """No such site, page, core or message."""

    exit_code = 4


class Busy(PressroomError):
    """Another command holds the lock; the message says which one."""

    exit_code = 5


class NoRights(PressroomError):
    """The operating system does not let this user do that."""

    exit_code = 6


class PortTaken(PressroomError):
    """Another program listens where nginx should."""

    exit_code = 7


class NoSpace(PressroomError):
    """The disk is full, or has too little left to begin."""

    exit_code = 8


class PackageUnavailable(PressroomError):
    """A Debian or Python package could not be had, or apt is locked."""

    exit_code = 9


class BadSource(PressroomError):
    """A WordPress source that is missing, broken, or fails its checksum."""

    exit_code = 10


class NotRunning(PressroomError):
    """A part of the node that is needed is down."""

    exit_code = 11


class CommandFailed(PressroomError):
    """A program that we started failed; the message names it and holds the end of what it printed."""

    exit_code = 12


class Drifted(PressroomError):
    """A plan's precondition no longer holds; nothing more was done."""

    exit_code = 13


def answer_of(error: PressroomError) -> dict[str, object]:
    """As a daemon tells it."""
    return {"ok": False, "kind": type(error).__name__, "error": error.message, "hint": error.hint}


def told(answer: Mapping[str, Any]) -> PressroomError:
    """The error of such an answer. One of an unknown kind is CommandFailed."""
    kinds = {kind.__name__: kind for kind in PressroomError.__subclasses__()}
    return kinds.get(str(answer.get("kind")), CommandFailed)(str(answer["error"]), hint=str(answer["hint"]))

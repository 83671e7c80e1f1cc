"""Runs inside supervisord: an RPC interface that reads one program's file, and how programs begin.

supervisor's own `reloadConfig` reads all files again: with a thousand programs it takes seconds for each one that is
added, in which supervisord does nothing else, and one bad file keeps all others out. It leaves programs in its own
session, and knows nothing of their precedence.
"""

from __future__ import annotations

import os
from typing import Any

from supervisor import events
from supervisor.options import UnhosedConfigParser
from supervisor.xmlrpc import Faults, RPCError

from pressroom.engine import precedence
from pressroom.engine.supervisor_config import NICE

NAMESPACE = "pressroom"


class OneProgram:
    """What is called as ``pressroom.checkProgram`` and ``.addProgram``: names in the manner of supervisor's own."""

    def __init__(self, supervisord: Any) -> None:
        self._supervisord = supervisord

    def checkProgram(self, path: str) -> bool:
        """Fault CANT_REREAD when supervisord could not run what the file says."""
        self._read(path)
        return True

    def addProgram(self, path: str) -> bool:
        """Take the program in, and start it if it is an autostart one. Faults CANT_REREAD, ALREADY_ADDED."""
        group = self._read(path)
        if not self._supervisord.add_process_group(group):
            raise RPCError(Faults.ALREADY_ADDED, group.name)
        return True

    def _read(self, path: str) -> Any:
        options = self._supervisord.options
        parser = UnhosedConfigParser()
        parser.expansions = options.environ_expansions
        try:
            if parser.read(path) != [path]:
                raise RPCError(Faults.CANT_REREAD, f"{path} cannot be read")
            (group,) = options.process_groups_from_parser(parser)
        except (ValueError, OSError) as error:
            raise RPCError(Faults.CANT_REREAD, str(error)) from error
        return group


class Beginnings:
    """Each program begins in a session of its own, with its precedence."""

    def __init__(self) -> None:
        self._process: Any = None

    def on_starting(self, event: Any) -> None:
        """supervisord is about to fork for this process."""
        self._process = event.process

    def begin(self) -> None:
        """In the child, which is root's still."""
        os.setsid()
        nice = (self._process.config.environment or {}).get(NICE)
        if nice is not None:
            precedence.give(os.getpid(), int(nice))


def make(supervisord: Any) -> OneProgram:
    """The factory that supervisord.conf names."""
    beginnings = Beginnings()
    events.subscribe(events.ProcessStateStartingEvent, beginnings.on_starting)
    supervisord.options.setpgrp = beginnings.begin
    return OneProgram(supervisord)

"""The root helper: ``python -m pressroom.control.helper --root FOLDER``.

The activator starts it when the control plane connects, and ends it when nobody has asked for a while; each connection
is served by a process of its own. One request (`requests.py`) is a JSON object on a line; the answer is a line for each
change that is made, and one with ``ok``. Whoever is neither root nor the control user is told so, and logged, as is
each request. Nothing but short names and checked values comes in; every path is made here.
"""

from __future__ import annotations

import argparse
import contextlib
import pwd
import signal
import socket
import time
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import structlog

from pressroom.control import requests as r
from pressroom.control.hands import Done
from pressroom.control.maker import Maker
from pressroom.model.errors import BadSource, InvalidInput, NoRights, PressroomError, answer_of
from pressroom.model.layout import Layout
from pressroom.system import daemon, forking
from pressroom.system.messages import encode
from pressroom.system.peer import peer_of
from pressroom.wordpress.descriptors import directory
from pressroom.wordpress.folders import DebianSource, GivenSource

_INHERITED = 3
_LONGEST_REQUEST = 16 * 2**20  # bytes: a thousand sites in the roster are half of one
_PATIENCE = 10.0  # seconds for a request to come in, and for each part of the answer to go out
_MOST = 8  # at once
_log = structlog.get_logger("helper")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--code", type=Path)
    arguments = parser.parse_args()
    layout = Layout(arguments.root, code=arguments.code)
    daemon.log_as_json()
    forking.serve(socket.socket(fileno=_INHERITED), lambda connection: serve(connection, layout), most=_MOST)


def serve(connection: socket.socket, layout: Layout) -> None:
    """One request. It is carried out to its end also when nobody waits for that any more."""
    connection.settimeout(_PATIENCE)
    answers = connection.makefile("wb")
    told = partial(_tell, answers)
    peer = peer_of(connection)
    log = _log.bind(pid=peer.pid, uid=peer.uid)
    try:
        if peer.uid not in (0, _control_user(layout)):
            raise NoRights("only the control plane is answered here", hint="use the pressroom command")
        request = _read(connection)
        log = log.bind(op=request.op, site=_site_of(request))
        began = time.monotonic()
        answer = _carry_out(request, Maker(layout, lambda change, reason: told({"change": change, "reason": reason})))
        log.info("done", seconds=round(time.monotonic() - began, 3))
        told({"ok": True, **answer})
    except PressroomError as error:
        log.warning("refused", kind=type(error).__name__, why=error.message)
        told(answer_of(error))
    except Exception as error:
        log.exception("failed")
        told({"ok": False, "kind": "CommandFailed", "error": f"the root helper failed: {type(error).__name__}",
              "hint": "its log tells more: pressroom logs helper"})  # fmt: skip


def _control_user(layout: Layout) -> int:
    return pwd.getpwnam(layout.control_user).pw_uid


def _read(connection: socket.socket) -> r.Request:
    signal.signal(signal.SIGALRM, _too_slow)
    signal.setitimer(signal.ITIMER_REAL, _PATIENCE)
    try:
        with connection.makefile("rb") as lines:
            line = lines.readline(_LONGEST_REQUEST)
        return r.parse(line)
    except (OSError, ValueError) as error:
        first = str(error).splitlines()
        raise InvalidInput(
            f"no request that there is: {'; '.join(first[:3])[:300]}", hint="use the pressroom command"
        ) from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _too_slow(number: int, frame: object) -> None:
    raise TimeoutError("it did not come in time")


def _tell(answers: BinaryIO, message: dict[str, Any]) -> None:
    try:
        answers.write(encode(message))
        answers.flush()
    except OSError:
        pass  # nobody waits


def _site_of(request: r.Request) -> str | None:
    site = getattr(request, "site", None)
    return site.name if isinstance(site, r.WantedSite) else site


def _carry_out(request: r.Request, maker: Maker) -> dict[str, Any]:
    match request:
        case r.Programs():
            alive = maker.alive()
            programs = maker.programs() if alive else {}
            return {"alive": alive, "programs": {name: state.value for name, state in programs.items()}}
        case r.MakeNode():
            return _told(maker.make_node(request.settings))
        case r.MakeSite() | r.RemoveSite():
            do = maker.make_site if isinstance(request, r.MakeSite) else maker.remove_site
            return _told(do(request.site.site(), request.settings, [listed.site() for listed in request.roster]))
        case r.RepairCore():
            return _told(maker.repair_core(request.site.site(), request.settings))
        case r.RenewCertificate():
            return _told(maker.renew_certificate(request.site.site(), request.settings))
        case r.WriteLogin():
            wanted = {"digest": request.digest, "until": request.until, "user": request.user}
            maker.write_login(request.site.site(), request.settings, wanted)
            return {}
        case r.ForgetLogins():
            maker.forget_logins(request.site.site(), request.settings)
            return {}
        case r.KeepCore():
            return {"core": _keep(maker, request.incoming)}
        case r.RoomOf():
            room, database = maker.room(request.site)
            spaces = {"used": room.used, "most": room.most}
            told = {name: space and {"bytes": space.bytes, "files": space.files} for name, space in spaces.items()}
            return {"by": room.by, "database": database, **told}
        case r.CopyTrail():
            return {"last": maker.copy_trail([line.row() for line in request.rows], anyway=request.anyway)}


def _told(done: Done) -> dict[str, Any]:
    return {"changes": done.changes, "dropped": done.dropped}


def _keep(maker: Maker, incoming: str | None) -> str:
    """The way to what comes in leads through folders that are the control user's: no link in it is followed."""
    if incoming is None:
        return maker.keep(DebianSource())
    with contextlib.ExitStack() as ways:
        try:
            top = ways.enter_context(directory(maker.layout.control))
            tree = ways.enter_context(directory(incoming, ways.enter_context(directory("incoming", top))))
        except OSError as error:
            raise BadSource(f"{incoming} is no folder that came in", hint="use the pressroom command") from error
        return maker.keep(GivenSource(tree, _control_user(maker.layout)))


if __name__ == "__main__":
    main()

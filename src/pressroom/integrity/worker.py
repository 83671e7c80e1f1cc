"""Looks at one site's files for the scanner: ``python -m pressroom.integrity.worker --public FOLDER``.

The activator starts it behind the site's walls, as its user, when the scanner connects; each connection is served by a
process of its own. A request is a JSON object on a line:

- ``look``: at ``units`` (paths; None: at all), within ``bounds``. The answer is what `looking` tells, a line each.
- ``take``: ``path``, ``digest``. Answered by `Taking.facts`, then by the content; at a line ``kept`` it is removed, and
  that is answered by ``done``.
- ``put``: ``path``, ``size``, ``mode``, ``time``, followed by the content; answered by ``done``.

What fails is answered by ``refused`` and why.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
from typing import Any, BinaryIO

import yara_x

from pressroom.integrity import beneath, matcher
from pressroom.integrity.limits import Bounds
from pressroom.integrity.looking import Look
from pressroom.integrity.taking import Refused, Taking, put
from pressroom.system import forking

_INHERITED = 3
_LONGEST_REQUEST = 2**20  # bytes
_AFTER_ALL_OTHERS = 19  # nice(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--public", required=True)
    public = parser.parse_args().public
    os.nice(_AFTER_ALL_OTHERS)
    compiled = matcher.compiled()
    forking.serve(socket.socket(fileno=_INHERITED), lambda connection: serve(connection, public, compiled))


def serve(connection: socket.socket, public: str, compiled: yara_x.Rules) -> None:
    """One request."""
    with connection.makefile("rb") as requests, connection.makefile("wb") as answers:
        try:
            _answer(json.loads(requests.readline(_LONGEST_REQUEST)), requests, answers, public, compiled)
            answers.flush()
        except BrokenPipeError:  # nobody waits for it any more
            os._exit(1)


def _answer(
    request: dict[str, Any], requests: BinaryIO, answers: BinaryIO, public: str, compiled: yara_x.Rules
) -> None:
    def tell(message: dict[str, Any]) -> None:
        answers.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")

    try:
        top = beneath.folder(public)
        if request["op"] == "look":
            bounds = Bounds(**request["bounds"])
            Look(top, public, matcher.Matcher(compiled), tell, bounds).run(request["units"])
        elif request["op"] == "take":
            _take(top, request, requests, answers, tell)
        else:
            put(top, request["path"], requests, size=request["size"], mode=request["mode"], time=request["time"])
            tell({"done": True})
    except Refused as error:
        tell({"refused": str(error)})
    except OSError as error:
        tell({"refused": f"cannot be reached: {error.strerror}"})


def _take(top: int, request: dict[str, Any], requests: BinaryIO, answers: BinaryIO, tell: Any) -> None:
    taking = Taking(top, request["path"], request["digest"])
    try:
        tell(taking.facts())
        answers.write(taking.content)
        answers.flush()
        if b"kept" in requests.readline(_LONGEST_REQUEST):
            taking.remove()
            tell({"done": True})
    finally:
        taking.close()


if __name__ == "__main__":
    main()

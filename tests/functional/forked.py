"""Commands as processes of their own, without the second that Python takes to load their modules.

A process that has loaded them waits, and makes a child for each command: with its own words, channels and exit code.
"""

from __future__ import annotations

import functools
import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

# It ends with us. A child's last word is its exit code, as sys.exit() takes it.
_WAITING = """
import json, os, signal, socket, sys, traceback
from pressroom.cli.main import run

def command(words, handles):
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    asked.close()
    for number in range(3):
        os.dup2(handles[number], number)
        os.close(handles[number])
    os.set_inheritable(handles[3], False)
    sys.argv = ["pressroom", *words]
    code = 0
    try:
        run()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(handles[3], str(code).encode())

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
asked = socket.socket(fileno=int(sys.argv[1]))
while True:
    request, handles, _, _ = socket.recv_fds(asked, 1 << 20, 4)
    if not request:
        break
    if os.fork() == 0:
        try:
            command(json.loads(request), handles)
        finally:
            os._exit(1)
    for handle in handles:
        os.close(handle)
"""


@functools.cache
def _waiting(environment: tuple[tuple[str, str], ...], python: tuple[str, ...]) -> socket.socket:
    """By which that process, which has this environment, is asked."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    argv = [*python, "-c", _WAITING, str(theirs.fileno())]
    subprocess.Popen(argv, stdin=subprocess.DEVNULL, env=dict(environment), pass_fds=[theirs.fileno()])
    theirs.close()
    return ours


def run(
    words: Sequence[str],
    *,
    environment: dict[str, str],
    stdin: bytes | None = None,
    python: Sequence[str] = (sys.executable,),
) -> subprocess.CompletedProcess[bytes]:
    """`pressroom` with these words, without a terminal. `python`: by which words that process is started."""
    out, out_in = os.pipe()
    errors, errors_in = os.pipe()
    code, code_in = socket.socketpair()
    given, given_in = os.pipe()
    handles = [given, out_in, errors_in, code_in.fileno()]
    waiting = _waiting(tuple(environment.items()), tuple(python))
    socket.send_fds(waiting, [json.dumps(words).encode()], handles)
    for handle in (given, out_in, errors_in):
        os.close(handle)
    code_in.close()
    with code, ThreadPoolExecutor(2) as both:
        told = both.map(_all, (out, errors))
        with os.fdopen(given_in, "wb") as pipe:
            pipe.write(stdin or b"")
        stdout, stderr = told
        last = code.recv(16)
    assert last, f"it did not come to its end: {stderr.decode(errors='replace')}"
    return subprocess.CompletedProcess(list(words), int(last), stdout, stderr)


def _all(handle: int) -> bytes:
    with os.fdopen(handle, "rb") as pipe:
        return pipe.read()

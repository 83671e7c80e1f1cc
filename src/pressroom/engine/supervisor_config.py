"""supervisord's configuration as text. Pure.

Its rules are supervisor's own: values expand %(…)s, ` ;` and ` #` begin a comment, `command` is read by shlex as a
POSIX shell would, `environment` by shlex in its other mode, where a backslash means itself and outer quotes go.
"""

from __future__ import annotations

import math
import re

from pressroom.engine.protocol import Program
from pressroom.model.errors import InvalidInput
from pressroom.model.layout import Layout

# Carried by every process of a node, so that those whose engine was killed can be found.
MARK = "PRESSROOM_PROGRAM"
ENGINE_MARK = "engine"
NICE = "PRESSROOM_NICE"  # supervisord has no setting for it: see supervisor_extension
_CUT = re.compile(r"\s[;#]|%\(here\)s")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def main_text(layout: Layout, *, open_files: int = 4096) -> str:
    """The engine's own file. `open_files`: each program costs it three descriptors."""
    return f"""\
; The node's supervisord. Rendered by Pressroom; changes made here are lost.
[unix_http_server]
file={_value(str(layout.supervisor_socket))}
chmod=0700

[supervisord]
logfile={_value(str(layout.log / "supervisord.log"))}
logfile_maxbytes=5MB
logfile_backups=1
loglevel=info
pidfile={_value(str(layout.run / "supervisord.pid"))}
user=root
umask=027
minfds={open_files}
minprocs=200
nocleanup=true
childlogdir={_value(str(layout.log))}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[rpcinterface:pressroom]
supervisor.rpcinterface_factory=pressroom.engine.supervisor_extension:make

[include]
files={_value(str(layout.etc / "programs"))}/*.conf
"""


def environment_of(program: Program, prefix: str) -> dict[str, str]:
    """All that a program of this node finds in its environment."""
    nice = {NICE: str(program.nice)} if program.nice else {}
    mark = {MARK: f"{prefix}:{program.name}"}
    return {"PATH": _PATH, "LANG": "C.UTF-8", **dict(program.environment), **nice, **mark}


def program_text(program: Program, prefix: str) -> str:
    """One program's file. Raises InvalidInput for values that supervisord cannot hold."""
    environment = environment_of(program, prefix)
    pairs = ",".join(f"{name}={_variable(value)}" for name, value in sorted(environment.items()))
    directory = "" if program.directory is None else f"directory={_value(str(program.directory))}\n"
    return f"""\
; Rendered by Pressroom; changes made here are lost.
[program:{program.name}]
command={" ".join(_word(word) for word in program.argv)}
user={program.user}
{directory}environment={pairs}
priority={program.priority}
autostart={"true" if program.autostart else "false"}
autorestart={"true" if program.autorestart else "false"}
startsecs={max(1, math.ceil(program.start_seconds))}
startretries=5
stopsignal={program.stop_signal}
stopwaitsecs={program.stop_seconds}
stopasgroup=false
killasgroup=true
umask={program.umask:03o}
redirect_stderr=true
stdout_logfile={_value(str(program.log))}
stdout_logfile_maxbytes=5MB
stdout_logfile_backups=1
"""


def _value(text: str) -> str:
    """%(here)s is put in by supervisor even where the per cent sign is doubled."""
    if any(ord(letter) < 32 or letter in "\x7f\x85\u2028\u2029" for letter in text) or _CUT.search(text):
        raise InvalidInput(
            f"supervisord cannot hold {text[:80]!r}",
            hint="leave out line breaks, other control characters, and ; or # after a space",
        )
    return text.replace("%", "%%")


def _word(text: str) -> str:
    """A word of a command line, in double quotes."""
    return '"' + _value(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _variable(text: str) -> str:
    """The value of a variable, in whichever quotes it does not hold itself."""
    quote = "'" if '"' in text else '"'
    if quote in text or text.strip("'\"") != text:
        raise InvalidInput(
            f"supervisord cannot hold the variable's value {text[:80]!r}",
            hint="use one kind of quotes, and none at its ends",
        )
    return quote + _value(text) + quote

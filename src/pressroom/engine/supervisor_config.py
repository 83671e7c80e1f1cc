"""supervisord's configuration as text. Pure."""

from __future__ import annotations

import math

from pressroom.engine.protocol import Program
from pressroom.model.errors import InvalidInput
from pressroom.model.layout import Layout


def main_text(layout: Layout) -> str:
    """The engine's own file."""
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
umask=022
minfds=4096
minprocs=200
nocleanup=true
childlogdir={_value(str(layout.log))}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[include]
files={_value(str(layout.etc / "programs"))}/*.conf
"""


def program_text(program: Program, prefix: str) -> str:
    """One program's file. Its mark in the environment tells later whose process it was."""
    environment = dict(program.environment)
    environment["PRESSROOM_PROGRAM"] = f"{prefix}:{program.name}"
    environment.setdefault("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    environment.setdefault("LANG", "C.UTF-8")
    pairs = ",".join(f"{name}={_quoted(value)}" for name, value in sorted(environment.items()))
    directory = "" if program.directory is None else f"directory={_value(str(program.directory))}\n"
    return f"""\
; Rendered by Pressroom; changes made here are lost.
[program:{program.name}]
command={" ".join(_quoted(word) for word in program.argv)}
user={program.user}
{directory}environment={pairs}
priority={program.priority}
autostart=true
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
    """supervisord expands %(…)s, and takes ` ;` for a comment."""
    if any(character in text for character in "\n\r\0;"):
        raise InvalidInput(f"supervisord cannot hold {text!r}", hint="leave out line breaks and semicolons")
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    """A word in double quotes, as shlex reads it."""
    return '"' + _value(text).replace("\\", "\\\\").replace('"', '\\"') + '"'

"""Debian's own kernel, run as a program (User-mode Linux), for what the kernel of this machine may lack.

It sees this machine's files, read-only, and has memory of its own at /mnt. Its first and only process is the given
Python; what that prints as its last line comes back.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pressroom
from pressroom.system import process

_KERNEL = Path("/usr/bin/linux.uml")
_BEGIN = """#!{python}
import ctypes, json, os, subprocess, sys, traceback
sys.path.insert(0, {code!r})
libc = ctypes.CDLL(None)
os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
def run(*argv):
    subprocess.run(argv, check=True)
def load(name):
    handle = os.open(f"{modules}/kernel/{{name}}.ko", os.O_RDONLY)
    assert libc.syscall(313, handle, b"", 0) == 0, name  # finit_module
try:
    run("mount", "-t", "proc", "proc", "/proc")
    run("mount", "-t", "tmpfs", "tmpfs", "/mnt")
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    with open({body!r}) as file:
        exec(file.read())
except BaseException:
    answer = traceback.format_exc()
print("\\nANSWER", json.dumps(answer), flush=True)
libc.reboot(0x4321FEDC)
"""


def run_there(body: str, folder: Path) -> Any:
    """What `body` leaves in `answer`."""
    (modules,) = Path("/usr/lib/uml/modules").iterdir()
    script = folder / "first.py"
    (folder / "body.py").write_text(body)
    code = str(Path(pressroom.__file__).parent.parent)
    script.write_text(_BEGIN.format(python=sys.executable, code=code, modules=modules, body=str(folder / "body.py")))
    script.chmod(0o755)
    place = ("rootfstype=hostfs", "rootflags=/", "ro", f"init={script}", f"uml_dir={folder}")
    argv: list[process.Argument] = [_KERNEL, "mem=512M", *place, "con0=null,fd:1", "con=null", "quiet"]
    printed = process.run(argv, timeout=60, check=False, environment={"TMPDIR": str(folder)}).stdout
    answers = [line for line in printed.splitlines() if line.startswith("ANSWER ")]
    assert answers, printed
    answer = json.loads(answers[-1].removeprefix("ANSWER "))
    assert not isinstance(answer, str), answer
    return answer

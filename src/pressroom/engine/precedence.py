"""Which processes get the processor first.

A nice value counts among the processes of one session only where the kernel shares the processor among sessions first
(sched(7), autogroup; Debian's does), so each program has a session of its own, and that is given the same value.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def give(pid: int, nice: int) -> None:
    """To a process that leads a session, with all that it will start; `nice` as in nice(1).

    Where that is not permitted (a container without CAP_SYS_NICE) or there are no groups, the kernel decides.
    """
    with contextlib.suppress(PermissionError, ProcessLookupError):
        os.setpriority(os.PRIO_PROCESS, pid, nice)
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(nice))

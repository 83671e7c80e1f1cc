"""Starts Debian's Chromium without a word from the kernel on network devices.

Each start of a site's PHP, on any node of the machine, makes a network; Chromium takes that for a change of its own
line and breaks off what it is loading (ERR_NETWORK_CHANGED). Without netlink it takes the line for steady.
"""

from __future__ import annotations

import errno
import os
import sys

import pyseccomp

_NETLINK = 16  # AF_NETLINK


def main() -> None:
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    rules.add_rule(pyseccomp.ERRNO(errno.EAFNOSUPPORT), "socket", pyseccomp.Arg(0, pyseccomp.EQ, _NETLINK))
    rules.load()
    os.execv("/usr/bin/chromium", ["chromium", *sys.argv[1:]])


if __name__ == "__main__":
    main()

"""System calls that no program behind walls has a use for: each is a part of the kernel that could be attacked.

As in Docker's and systemd's own lists (systemd.exec(5), SystemCallFilter): what most holes of the last years needed.
"""

from __future__ import annotations

import errno
import functools
import os
import tempfile

import pyseccomp

_REFUSED = (
    "add_key", "bpf", "fsconfig", "fsmount", "fsopen", "fspick", "io_uring_enter", "io_uring_register",
    "io_uring_setup", "kcmp", "kexec_file_load", "kexec_load", "keyctl", "lookup_dcookie", "mount", "mount_setattr",
    "move_mount", "move_pages", "name_to_handle_at", "open_by_handle_at", "open_tree", "perf_event_open",
    "personality", "pidfd_getfd", "pivot_root", "process_vm_readv", "process_vm_writev", "ptrace", "quotactl",
    "quotactl_fd", "request_key", "setns", "umount2", "unshare", "userfaultfd", "vmsplice",
)  # fmt: skip
_NEW_USER_NAMESPACE = 0x10000000  # CLONE_NEWUSER
_FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK
_MOST_FAMILY = 46  # linux/socket.h, AF_MAX
# Letters pushed into the terminal from which an administrator ran a command of the site (CVE-2017-5226).
_TERMINAL = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX


@functools.cache
def program() -> bytes:
    """The filter for bwrap's --seccomp: these calls fail with EPERM, those of another architecture end the program."""
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    refuse = pyseccomp.ERRNO(errno.EPERM)
    for name in _REFUSED:
        rules.add_rule(refuse, name)
    masked = pyseccomp.Arg(0, pyseccomp.MASKED_EQ, _NEW_USER_NAMESPACE, _NEW_USER_NAMESPACE)
    rules.add_rule(refuse, "clone", masked)
    rules.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")  # its flags cannot be looked at; glibc then takes clone
    for family in range(_MOST_FAMILY):
        if family not in _FAMILIES:
            rules.add_rule(refuse, "socket", pyseccomp.Arg(0, pyseccomp.EQ, family))
    for request in _TERMINAL:
        rules.add_rule(refuse, "ioctl", pyseccomp.Arg(1, pyseccomp.MASKED_EQ, 0xFFFFFFFF, request))
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return os.read(file.fileno(), 2**20)

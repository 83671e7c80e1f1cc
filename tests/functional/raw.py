"""A connection that sends the bytes it is given and reads one answer after another: no client tidies them up."""

from __future__ import annotations

import contextlib
import gzip
import socket
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO

import brotli


@dataclass(frozen=True)
class Answer:
    """One response; header names in lower case, of several of one name all."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def cache(self) -> str:
        return self.headers.get("x-pressroom-cache", "")

    @property
    def text(self) -> bytes:
        """The body as it was before it was compressed; what is cut or not compressed after all, as it came."""
        unpack = {"gzip": gzip.decompress, "br": brotli.decompress}.get(self.headers.get("content-encoding", ""))
        with contextlib.suppress(OSError, EOFError, brotli.error):
            return bytes(unpack(self.body)) if unpack else self.body
        return self.body


class Closed(ConnectionError):
    """The other side ended the connection without an answer."""


class RawConnection:
    """To this machine, opened when it is needed, and again after it was closed."""

    def __init__(self, port: int, timeout: float = 60.0) -> None:
        self._port = port
        self._timeout = timeout
        self._socket: socket.socket | None = None
        self._stream: BinaryIO | None = None

    def ask(self, request: bytes) -> Answer:
        """Raises Closed. A connection that was closed between two requests is opened again once."""
        fresh = self._socket is None
        try:
            return self._ask(request)
        except (Closed, ConnectionError):
            self.close()
            if fresh:
                raise
            return self._ask(request)

    def _ask(self, request: bytes) -> Answer:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=self._timeout)
            self._stream = self._socket.makefile("rb")
        # Whoever refuses a request before its end closes the connection while it is sent, behind its answer.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(request)
        answer = self._read(head_only=request.startswith(b"HEAD "))
        if answer.headers.get("connection") == "close":
            self.close()
        return answer

    def _read(self, *, head_only: bool) -> Answer:
        assert self._stream is not None
        first = self._stream.readline()
        if not first:
            raise Closed("no answer")
        headers: dict[str, str] = {}
        while (line := self._stream.readline().strip()) != b"":
            name, _, value = line.decode("latin-1").partition(":")
            before = headers.get(name.lower())
            headers[name.lower()] = value.strip() if before is None else f"{before}, {value.strip()}"
        status = int(first.split()[1])
        if head_only or status in (204, 304):
            return Answer(status, headers, b"")
        return Answer(status, headers, self._body(headers))

    def _body(self, headers: dict[str, str]) -> bytes:
        assert self._stream is not None
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(self._stream.readline(), 16):
                body += self._stream.read(size)
                self._stream.readline()
            self._stream.readline()
            return body
        length = headers.get("content-length")
        return self._stream.read() if length is None else self._stream.read(int(length))

    def close(self) -> None:
        if self._socket is not None and self._stream is not None:
            self._stream.close()
            self._socket.close()
        self._socket = self._stream = None

    def __enter__(self) -> RawConnection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def request(target: str, *headers: str, host: str | None, method: str = "GET", body: bytes = b"") -> bytes:
    """HTTP/1.1, as text of one byte a character; without a Host header for None."""
    lines = [f"{method} {target} HTTP/1.1", *([] if host is None else [f"Host: {host}"]), *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body

"""A JSON file that another process writes, as what it means to its reader."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class JsonFile(Generic[Value]):
    """``read`` makes the value of the parsed file; ``missing`` is the value where there is none."""

    def __init__(self, path: Path, read: Callable[[Any], Value], *, missing: Value) -> None:
        self._path = path
        self._read = read
        self._missing = self._value = missing
        self._stamp: tuple[int, int, int] | None = None

    def value(self) -> Value:
        """The same object until the file has changed.

        Raises OSError while it cannot be read, and once what `read` or the parser raises, when what it holds is wrong:
        the last good value stands then, until the file is another one.
        """
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._stamp, self._value = None, self._missing
            return self._value
        stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
        if stamp != self._stamp:
            text = self._path.read_bytes()
            self._stamp = stamp
            self._value = self._read(json.loads(text))
        return self._value

"""Programs as files: what was defined (JSON, the record) and what supervisord reads (made from it).

And what holds for every program, whoever starts it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import structlog
from pydantic import TypeAdapter

from pressroom.engine.protocol import Program
from pressroom.engine.supervisor_config import program_text
from pressroom.model.errors import InvalidInput, PressroomError
from pressroom.system import files, users

_log = structlog.get_logger(__name__)
_PROGRAM = TypeAdapter(Program)


class Definitions:
    """One folder with a pair of files for each program, so that adding one touches no other's."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self._folder = folder
        self._prefix = prefix

    def get(self, name: str) -> Program | None:
        """None for one that is unknown, or whose record cannot be read (then it is to be defined anew)."""
        try:
            return program_of(json.loads(self._record(name).read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, InvalidInput) as error:
            _log.warning("definition_unreadable", program=name, error=str(error))
            return None

    def all(self) -> dict[str, Program]:
        found = {path.stem: self.get(path.stem) for path in sorted(self._folder.glob("*.json"))}
        return {name: program for name, program in found.items() if program is not None}

    def record(self, program: Program) -> None:
        text = json.dumps(plain(program), indent=1) + "\n"
        files.write(self._record(program.name), text, mode=0o600)

    def unrecord(self, name: str) -> None:
        self._record(name).unlink(missing_ok=True)

    def forget(self, name: str) -> None:
        self._record(name).unlink(missing_ok=True)
        self._config(name).unlink(missing_ok=True)

    def render(self, program: Program) -> Path:
        """Write what supervisord reads. Raises InvalidInput for a program that would keep it from booting."""
        text = program_text(program, self._prefix)
        require_possible(program)
        path = self._config(program.name)
        if not path.exists() or path.read_text() != text:
            files.write(path, text, mode=0o600, durable=False)  # it can be made again from the record
        return path

    def render_all(self) -> None:
        """Make all of supervisord's files anew, without those that cannot hold any more."""
        good = set()
        for name, program in self.all().items():
            try:
                self.render(program)
                good.add(name)
            except PressroomError as error:
                _log.warning("program_left_out", program=name, error=error.message)
        for path in self._folder.glob("*.conf"):
            if path.stem not in good:
                path.unlink()

    def _record(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _config(self, name: str) -> Path:
        return self._folder / f"{name}.conf"


def require_possible(program: Program) -> None:
    """Raises InvalidInput where a user or a folder is missing, or somebody else could exchange its sockets."""
    if not users.user_exists(program.user):
        raise InvalidInput(f"{program.name}: there is no user {program.user}", hint="run `pressroom up`")
    for folder in {path.parent for path in (program.log, *program.sockets)}:
        if not folder.is_dir():
            raise InvalidInput(f"{program.name}: there is no folder {folder}", hint="run `pressroom up`")
    for path in program.sockets:
        if path.parent.stat().st_uid != os.geteuid():
            raise InvalidInput(f"{program.name}: {path.parent} is another user's", hint="run `pressroom up`")


def log_tail(program: Program) -> str:
    """The last lines of its log, each behind a line break."""
    try:
        lines = program.log.read_text(errors="replace").strip().splitlines()[-5:]
    except OSError:
        return ""
    return "\n" + "\n".join(lines) if lines else ""


def plain(program: Program) -> dict[str, object]:
    """In JSON's types."""
    made: dict[str, object] = _PROGRAM.dump_python(program, mode="json")
    return made


def program_of(record: object) -> Program:
    """What `plain` made. Raises ValueError or InvalidInput for anything else."""
    return _PROGRAM.validate_python(record, strict=False)

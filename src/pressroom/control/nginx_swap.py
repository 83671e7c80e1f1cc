"""Changes nginx's files without a moment in which they are wrong: test beside, swap, reload, undo on failure."""

from __future__ import annotations

import contextlib
import shutil
import signal
import tempfile
import time
from pathlib import Path

import psutil

from pressroom.model.errors import CommandFailed
from pressroom.model.layout import Layout
from pressroom.system import files, process

_PATIENCE = 60.0  # seconds until nginx has its new workers
_NONE = (FileNotFoundError, ValueError, psutil.NoSuchProcess)  # of nginx's master


class NginxSwap:
    """nginx's files live in one folder; a copy of it with the changes is tested before they are made."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._folder = layout.etc / "nginx"

    def swap(self, changes: tuple[tuple[Path, str | None], ...]) -> None:
        """Write (or with None remove) these files and let a running nginx take them over.

        Raises CommandFailed with nginx's own words when it refuses them; then nothing has changed.
        """
        self._test_beside(changes)
        before = [(path, path.read_text() if path.exists() else None) for path, _ in changes]
        self._write(changes)
        try:
            self.reload()
        except CommandFailed:
            self._write(tuple(before))
            self._hang_up()  # it may have been slow, no more
            raise

    def _write(self, changes: tuple[tuple[Path, str | None], ...]) -> None:
        for path, text in changes:
            if text is None:
                path.unlink(missing_ok=True)
            else:
                files.write(path, text)

    def _test_beside(self, changes: tuple[tuple[Path, str | None], ...]) -> None:
        """`nginx -t` over the changed files alone and the node's own, in a copy, so that its cost does not grow."""
        with tempfile.TemporaryDirectory(prefix="nginx-test.", dir=self._layout.run) as name:
            beside = Path(name)
            (beside / "sites").mkdir()
            for entry in self._folder.iterdir():
                if entry.is_file():
                    shutil.copyfile(entry, beside / entry.name)
            for path in {file for changed, _ in changes for file in changed.parent.glob(f"{changed.stem}.*")}:
                # A changed file may include its neighbour, which has not changed.
                if path.parent != self._folder:
                    (beside / path.relative_to(self._folder)).write_text(self._moved(path.read_text(), beside))
            for path, text in changes:
                target = beside / path.relative_to(self._folder)
                if text is None:
                    target.unlink(missing_ok=True)
                else:
                    target.write_text(self._moved(text, beside))
            main = beside / "nginx.conf"
            if not main.exists():
                return
            main.write_text(self._moved(main.read_text(), beside).replace(str(self._layout.nginx_pid), f"{name}/pid"))
            process.run(["nginx", "-t", "-q", "-c", main, "-e", beside / "error.log"])

    def _moved(self, text: str, beside: Path) -> str:
        return text.replace(f"{self._folder}/", f"{beside}/").replace(f"{self._folder};", f"{beside};")

    def reload(self) -> None:
        """Let a running nginx read its files anew; at the end no new connection is answered by what it was before.

        Raises CommandFailed where nginx keeps to what it was.
        """
        end = time.monotonic() + _PATIENCE
        try:
            master = self._master()
            while not (before := _accepting(master)):  # it is just starting
                self._wait(end)
            master.send_signal(signal.SIGHUP)
            while before & _accepting(master):
                self._wait(end)
        except _NONE:
            return  # it reads them when it starts

    def _hang_up(self) -> None:
        with contextlib.suppress(*_NONE):
            self._master().send_signal(signal.SIGHUP)

    def _master(self) -> psutil.Process:
        master = psutil.Process(int(self._layout.nginx_pid.read_text()))
        if not _title(master).startswith("nginx: master process"):
            raise psutil.NoSuchProcess(master.pid)  # the number of one that was killed, and has been given again
        return master

    def _wait(self, end: float) -> None:
        if time.monotonic() > end:
            log = self._layout.log / "nginx.log"
            raise CommandFailed("nginx does not take over its new configuration.", hint=f"See {log}.")
        time.sleep(0.01)


def _accepting(master: psutil.Process) -> set[int]:
    """nginx's workers that take connections: one that is to end has another title, one that has ended has none."""
    found = set()
    for child in master.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if _title(child) == "nginx: worker process":
                found.add(child.pid)
    return found


def _title(process: psutil.Process) -> str:
    return " ".join(process.cmdline()).strip()

"""Stands in for a program that makes itself a daemon and must outlive everything: nginx.

``python -m pressroom.engine.keeper --pidfile FILE [--socket FILE [--logs FOLDER]] -- PROGRAM ARGUMENT…``. If the pid
file names a living process of that program with these arguments, it is kept as it is; else it is started. The keeper
ends when it does. TERM and QUIT end both, HUP is passed on; a keeper that is killed leaves the program alone, and the
next one takes it over. A program that was killed, or whose machine lost power, leaves its socket's file behind, on
which the next one cannot listen, and perhaps workers that hold its ports: both are cleared away before a start. A log
in the folder, or the program's own (`-e`), that has grown large is put aside (`.1`, one of each), and the program told
by USR1 to begin a new one.
The firewall's (`.json`) is copied and emptied instead: ModSecurity keeps it open for good, and writes at its end.

It stays in memory for good, so it imports next to nothing.
"""

from __future__ import annotations

import os
import select
import signal
import stat
import sys
import time

MODULE = "pressroom.engine.keeper"
_START_PATIENCE = 10.0  # seconds until the pid file must name a process
# Seconds for each; together less than an engine's patience with the keeper, or nginx would be left behind.
_LOOK_AT_LOGS = 60.0  # seconds
_LARGEST_LOG = 50_000_000  # bytes; nginx writes some hundred for a request
_ENDINGS = ((signal.SIGQUIT, 4.0), (signal.SIGTERM, 2.0), (signal.SIGKILL, 2.0))


def kept_by(argv: tuple[str, ...]) -> tuple[str, list[str]] | None:
    """The pid file and the kept program's words in a keeper's command line; None when it is no keeper's."""
    if MODULE not in argv:
        return None
    words = list(argv[argv.index(MODULE) + 1 :])
    own = words[: words.index("--")] if "--" in words else []
    program = words[len(own) + 1 :]
    names = ["--pidfile", "--socket", "--logs"]
    if not own or own[::2] != names[: len(own) // 2] or len(own) % 2 or not program:
        return None
    return own[1], program


def living(pidfile: str, argv: list[str]) -> int | None:
    """The process that the pid file names, if it runs `argv`'s program with all the paths `argv` names."""
    try:
        with open(pidfile) as file:  # noqa: PTH123 (pathlib would double this small process's memory)
            pid = int(file.read())
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123
            # nginx writes its title over them: the words stand in it, parted by spaces.
            words = file.read().replace(b"\0", b" ").split(b" ")
    except (OSError, ValueError):
        return None
    paths = [word.encode() for word in argv[1:] if word.startswith("/")]
    return pid if _program(pid) == os.path.realpath(argv[0]) and all(path in words for path in paths) else None


def _program(pid: int) -> str:
    """The file that a process runs; empty when it has ended."""
    try:
        return os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")  # noqa: PTH115
    except OSError:
        return ""


def adopt(pidfile: str, argv: list[str]) -> int | None:
    """A handle (pidfd) of the living program, None when there is none."""
    pid = living(pidfile, argv)
    if pid is None:
        return None
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    if living(pidfile, argv) == pid:  # else its number may have gone to another process meanwhile
        return handle
    os.close(handle)
    return None


def end(handle: int) -> bool:
    """Ask the program to finish what it is serving, then make it end. Whether it has."""
    ended = select.poll()
    ended.register(handle, select.POLLIN)
    for number, patience in _ENDINGS:
        try:
            signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            return True
        if ended.poll(patience * 1000):
            return True
    return False


def main(arguments: list[str]) -> int:
    kept = kept_by((MODULE, *arguments))
    if kept is None:
        usage = "--pidfile FILE [--socket FILE [--logs FOLDER]] -- PROGRAM ARGUMENT..."
        print(f"usage: python -m {MODULE} {usage}", file=sys.stderr)
        return 2
    pidfile, argv = kept
    own = arguments[: arguments.index("--")]
    options = dict(zip(own[::2], own[1::2], strict=True))
    told = _listen()
    handle = adopt(pidfile, argv)
    if handle is None:
        end_workers(pidfile, argv[0])
        if "--socket" in options:
            _remove_socket(options["--socket"])
        code = _start(argv)
        if code != 0:
            return code
        until = time.monotonic() + _START_PATIENCE
        while (handle := adopt(pidfile, argv)) is None:
            if time.monotonic() > until:
                print(f"keeper: {argv[0]} did not write {pidfile}, or has ended", file=sys.stderr)
                return 1
            time.sleep(0.02)
    own_log = argv[argv.index("-e") + 1] if "-e" in argv[:-1] else None
    return _keep(handle, told, options.get("--logs"), own_log)


def _listen() -> int:
    """Signals come as bytes through the pipe that is returned."""
    told, teller = os.pipe()
    os.set_blocking(teller, False)
    signal.set_wakeup_fd(teller, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    return told


def workers_left(pidfile: str, program: str) -> list[int]:
    """What the killed one that the pid file names has left: the program's processes in a session without its leader."""
    try:
        with open(pidfile) as file:  # noqa: PTH123
            leader = int(file.read())
    except (OSError, ValueError):
        return []
    if _program(leader):
        return []  # its number is another's by now
    left = []
    for name in os.listdir("/proc"):  # noqa: PTH208
        try:
            if name.isdigit() and os.getsid(int(name)) == leader and _program(int(name)) == os.path.realpath(program):
                left.append(int(name))
        except OSError:
            continue
    return left


def end_workers(pidfile: str, program: str) -> None:
    """End what a killed one has left, so that it holds no port."""
    for pid in workers_left(pidfile, program):
        try:
            handle = os.pidfd_open(pid)
        except OSError:
            continue
        end(handle)
        os.close(handle)


def _remove_socket(path: str) -> None:
    try:
        if stat.S_ISSOCK(os.lstat(path).st_mode):
            os.unlink(path)  # noqa: PTH108
    except FileNotFoundError:
        pass


def _start(argv: list[str]) -> int:
    """Until it has gone into the background. Python ignores two signals that its children must not."""
    default = (signal.SIGPIPE, signal.SIGXFSZ)
    try:
        pid = os.posix_spawn(argv[0], argv, os.environ, setsigdef=default)
    except OSError as error:
        print(f"keeper: {argv[0]}: {error.strerror}", file=sys.stderr)
        return 1
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _keep(handle: int, told: int, logs: str | None, own_log: str | None) -> int:
    """Wait for the program's end (1), or end it when we are told to (0); and see to its logs."""
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    poll.register(told, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in poll.poll(None if logs is None else _LOOK_AT_LOGS * 1000)}
        if handle in ready:
            return 1
        if not ready:
            if logs is not None and put_aside(logs, _LARGEST_LOG, own_log):
                signal.pidfd_send_signal(handle, signal.SIGUSR1)
            continue
        for number in os.read(told, 64):
            if number != signal.SIGHUP:
                return 0 if end(handle) else 1
            signal.pidfd_send_signal(handle, signal.SIGHUP)


def put_aside(folder: str, largest: int, beside: str | None = None) -> list[str]:
    """Put away the logs, and the one that lies elsewhere, that are larger than that many bytes; returns their names."""
    aside = []
    paths = [f"{folder}/{name}" for name in sorted(os.listdir(folder))]  # noqa: PTH208
    for path in paths if beside is None else [*paths, beside]:
        name = os.path.basename(path)  # noqa: PTH119
        try:
            status = os.lstat(path)
            if not stat.S_ISREG(status.st_mode) or status.st_size <= largest:
                continue
            if name.endswith(".log"):
                os.replace(path, f"{path}.1")  # noqa: PTH105
                aside.append(name)
            elif name.endswith(".json"):
                _move_content(path, f"{path}.1")
                aside.append(name)
        except OSError as error:  # the site is gone, or the disk has a fault: the next look comes
            print(f"keeper: {path}: {error.strerror}", file=sys.stderr)
    return aside


def _move_content(source: str, target: str) -> None:
    """What is written between the last look and the emptying is lost: some lines, once in many thousand."""
    with open(source, "rb+") as old, open(target, "wb") as new:  # noqa: PTH123
        os.fchmod(new.fileno(), stat.S_IMODE(os.fstat(old.fileno()).st_mode))
        while os.sendfile(new.fileno(), old.fileno(), None, 1 << 20):
            pass
        old.truncate(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

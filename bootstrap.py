#!/usr/bin/env python3
"""Make this machine ready for Pressroom: first the Debian packages it needs, then its Python environment, .venv.

It needs Python's standard library only, because it runs before anything is installed. Run again, it does
what is left to do, or nothing. Progress goes to stderr. Every failure is one sentence, what to do, and an
exit code that is the same as in src/pressroom/model/errors.py; nothing half made is left behind.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import fcntl
import hashlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
EARLIER = HERE / ".venv.earlier"  # where the environment waits while its successor is made
POLICY = Path("/usr/sbin/policy-rc.d")
NO_RIGHTS, NO_SPACE, PACKAGE_UNAVAILABLE = 6, 8, 9
MEGABYTE = 1_000_000
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Measured on a bare Debian 12, with some to spare; the browser of the tests is the largest part.
SPACE_FOR_PACKAGES = {Path("/usr"): 600 * MEGABYTE, Path("/var/cache/apt"): 200 * MEGABYTE}
SPACE_FOR_TESTS = {Path("/usr"): 1_100 * MEGABYTE, Path("/var/cache/apt"): 350 * MEGABYTE}
SPACE_FOR_VENV = 550 * MEGABYTE
# Services that Debian would start at the next boot; a node runs its own nginx and PHP-FPM.
SERVICES = {"nginx": "nginx", "php8.2-fpm": "php8.2-fpm"}

LOCKED = re.compile(r"Could not get lock|Unable to acquire the dpkg frontend lock|Unable to lock|was locked by another")
HOLDER = re.compile(r"held by process (\d+)(?: \(([^)]+)\))?|process with pid (\d+)")
LISTS_OLD = re.compile(
    r"Unable to locate package|no installation candidate|Unable to fetch|Failed to fetch|404  Not Found"
)
NO_NETWORK = re.compile(
    r"Temporary failure resolving|Could not connect|Could not resolve|Failed to fetch|Unable to fetch|unable to connect"
    r"|Network is unreachable|Failed to establish a new connection|NameResolutionError|Read timed out|ProxyError"
)
UNKNOWN = re.compile(r"Unable to locate package (\S+)|Package '?([^\s']+)'? has no installation candidate")
FULL = re.compile(r"No space left on device|don't have enough free space|Disk quota exceeded")


class Failure(Exception):
    """What went wrong, what to do about it, and the exit code."""

    def __init__(self, message: str, hint: str, code: int) -> None:
        super().__init__(message)
        self.message, self.hint, self.code = message, hint, code


class Stopped(BaseException):
    """A signal asked this program to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Finished(NamedTuple):
    """A program that has ended: its exit code and all that it printed."""

    code: int
    output: str


class Owner(NamedTuple):
    """The user that the Python environment shall belong to."""

    uid: int
    gid: int
    name: str
    home: str


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def run(argv: Sequence[str], *, owner: Owner | None = None, to_the_end: bool = False, **extra: str) -> Finished:
    """Run a program, silently, to its end. It has a process group of its own, so that Ctrl-C reaches only us.

    When we are asked to stop, the whole group is interrupted, or with `to_the_end` just the program itself:
    apt-get then finishes the package that dpkg is working on, which must not be cut off halfway.
    """
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    environment |= {"LC_ALL": "C.UTF-8", **extra}
    identity: dict[str, object] = {}
    if owner is not None:
        environment |= {"HOME": owner.home, "USER": owner.name, "LOGNAME": owner.name}
        identity = {"user": owner.uid, "group": owner.gid, "extra_groups": os.getgrouplist(owner.name, owner.gid)}
    child = subprocess.Popen(  # type: ignore[call-overload]
        list(argv),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        close_fds=False,  # of ours, only the folder's lock is inherited; see one_at_a_time
        text=True,
        errors="replace",
        **identity,
    )
    try:
        output, _ = child.communicate()
    except BaseException:
        ignore_signals()
        tell(f"Stopping; waiting for {Path(argv[0]).name} to end.")
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid if to_the_end else -child.pid, signal.SIGINT)
        child.communicate()
        raise
    return Finished(child.returncode, output)


def ignore_signals() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def last_words(output: str) -> str:
    """The line in which a program says what is wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("E: ", "ERROR: ", "dpkg: error", "sudo: "))]
    return re.sub(r"^(E|ERROR): ", "", (errors or lines or ["it printed nothing"])[-1]).rstrip(".")


# --- Debian packages


def wanted_packages(text: str, sections: Collection[str] = ()) -> list[list[str]]:
    """The packages that packages.txt names, each with its alternatives; of its [sections] these alone."""
    wanted = []
    section = ""
    for line in text.splitlines():
        entry = line.partition("#")[0].strip()
        if entry.startswith("["):
            section = entry.strip("[]")
        elif entry and (not section or section in sections):
            wanted.append([name.strip() for name in entry.split("|")])
    return wanted


def missing_packages(wanted: list[list[str]]) -> list[str]:
    """The first name of each entry of which no alternative is installed and configured."""
    names = [name for entry in wanted for name in entry]
    try:
        answer = run(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Abbrev}\\n", *names])
    except FileNotFoundError:
        raise Failure(
            "this machine has no dpkg, so it is not a Debian machine",
            "Run Pressroom on Debian 12.",
            PACKAGE_UNAVAILABLE,
        ) from None
    lines = [line.split() for line in answer.output.splitlines()]
    installed = {line[0] for line in lines if len(line) == 2 and line[1] in ("ii", "hi")}
    return [entry[0] for entry in wanted if not installed.intersection(entry)]


def install_packages(missing: list[str], *, wait: int) -> None:
    """Have apt-get install them, as root. Raises Failure."""
    tell(f"Installing {len(missing)} Debian packages: {' '.join(missing)}")
    deadline = time.monotonic() + wait
    with no_service_starts():
        result, fetched = apt_get("install", *missing, deadline=deadline), ""
        if result.code and LISTS_OLD.search(result.output):
            tell("Fetching Debian's package lists.")
            fetched = apt_get("update", deadline=deadline).output
            result = apt_get("install", *missing, deadline=deadline)
    if result.code:
        raise apt_failure(fetched + result.output)
    for package in SERVICES.keys() & set(missing):
        if run(["update-rc.d", SERVICES[package], "disable"]).code:
            tell(f"Note: Debian's own {SERVICES[package]} service may start at the next boot.")


def apt_get(command: str, *words: str, deadline: float) -> Finished:
    """Run apt-get, and again until the deadline while another process holds one of its locks.

    DPkg::Lock::Timeout covers dpkg's locks only; those of the lists and of the archives fail at once.
    """
    patience = 0  # at first none, so that the user soon hears what is waited for
    while True:
        options = ["-o", f"DPkg::Lock::Timeout={patience}", "-o", "Dpkg::Options::=--force-confdef"]
        options += ["-o", "Dpkg::Options::=--force-confold"]
        if command == "install":
            options += ["-y", "--no-install-recommends"]
        result = run(
            ["apt-get", "-q", *options, command, *words],
            to_the_end=True,
            DEBIAN_FRONTEND="noninteractive",
            APT_LISTCHANGES_FRONTEND="none",
            NEEDRESTART_SUSPEND="1",
        )
        left = deadline - time.monotonic()
        if result.code == 0 or left <= 0 or not LOCKED.search(result.output):
            return result
        if not patience:
            tell(f"Waiting for {lock_holder(result.output)}, which holds apt's lock.")
        patience = max(1, int(left))
        time.sleep(min(0.5, left))


def lock_holder(output: str) -> str:
    found = HOLDER.search(output)
    if found is None:
        return "another process"
    return f"process {found[1] or found[3]}" + (f" ({found[2]})" if found[2] else "")


def apt_failure(output: str) -> Failure:
    """What apt-get's texts (apt 2.6, C locale) mean, and what to do about it."""
    unknown = sorted({first or second for first, second in UNKNOWN.findall(output)})
    if LOCKED.search(output):
        message = f"apt is locked by {lock_holder(output)}"
        hint = "Wait until that is done, then run this again."
    elif "dpkg --configure -a" in output:
        message = "an earlier installation on this machine was interrupted, and apt refuses to work until it is ended"
        hint = "Run `sudo dpkg --configure -a`, then this again."
    elif FULL.search(output):
        return no_space(f"the disk is full ({last_words(output)})")
    elif NO_NETWORK.search(output):
        message = "Debian's packages could not be fetched" + (f" ({' '.join(unknown)})" if unknown else "")
        hint = "Look at the network connection and at /etc/apt/sources.list; `sudo apt-get update` shows more."
    elif unknown:
        message = f"Debian's package lists of this machine do not have {' '.join(unknown)}"
        hint = "Have Debian 12's section `main` in /etc/apt/sources.list, run `sudo apt-get update`, then this again."
    elif "unmet dependencies" in output or "held broken packages" in output:
        message = "apt cannot fit the packages in with those that are installed"
        hint = "See what `sudo apt-get -f install` and `apt-mark showhold` say."
    else:
        message = f"apt-get failed: {last_words(output)}"
        hint = "Run `sudo apt-get -f install` to see more, then this again."
    return Failure(message, hint, PACKAGE_UNAVAILABLE)


@contextlib.contextmanager
def no_service_starts(policy: Path = POLICY) -> Iterator[None]:
    """While this lasts, packages' scripts start no services (Debian's policy-rc.d interface: 101 is "forbidden").

    A policy-rc.d of the machine's own is left as it is. One that a killed bootstrap.py left is removed.
    """
    remove_orphaned_policy(policy)
    ours = False
    try:
        if not os.path.lexists(policy):
            ours = True
            policy.write_text(f"#!/bin/sh\n# Placed by Pressroom's bootstrap.py, process {os.getpid()}.\nexit 101\n")
            policy.chmod(0o755)
        yield
    except PermissionError as error:
        raise Failure(f"{policy} cannot be written", "Run this as root.", NO_RIGHTS) from error
    finally:
        if ours:
            policy.unlink(missing_ok=True)


def remove_orphaned_policy(policy: Path) -> None:
    try:
        mark = re.search(r"Placed by Pressroom's bootstrap.py, process (\d+)\.", policy.read_text(errors="replace"))
    except OSError:
        return
    if mark and not Path("/proc", mark[1]).exists():
        policy.unlink(missing_ok=True)


def become_root(options: argparse.Namespace) -> None:
    """Have the packages installed by this program run through sudo. Raises Failure if that is not possible."""
    hint = "Run this as root, or install the packages that `python3 bootstrap.py --check` names."
    if options.packages_only or shutil.which("sudo") is None:
        raise Failure("installing Debian packages needs root, and there is no sudo here", hint, NO_RIGHTS)
    silent = run(["sudo", "-n", "true"]).code == 0
    if not silent and not sys.stdin.isatty():
        raise Failure("installing Debian packages needs root, and sudo wants a password", hint, NO_RIGHTS)
    command = ["sudo", *(["-n"] if silent else []), sys.executable, str(HERE / "bootstrap.py"), "--packages-only"]
    command += ["--wait", str(options.wait), *(f"--{section}" for section in sections(options))]
    child = subprocess.Popen(command)
    try:
        code = child.wait()
    except Stopped:
        ignore_signals()
        child.wait()  # it has got the terminal's signal too, and cleans up
        raise
    if code == 1:
        raise Failure("sudo did not let this user install Debian packages", hint, NO_RIGHTS)
    if code:
        sys.exit(code)


# --- The Python environment


def stamp_text(python: str) -> str:
    """What an environment was made from. It is of no use elsewhere: its programs name its full path."""
    parts = [python, str(HERE)]
    parts += [
        hashlib.sha256((HERE / name).read_bytes()).hexdigest() for name in ("requirements.lock", "pyproject.toml")
    ]
    return "\n".join(parts) + "\n"


def venv_is_complete(venv: Path) -> bool:
    with contextlib.suppress(OSError):
        stamp = (venv / "pressroom-stamp").read_text()
        version = run([str(venv / "bin/python3"), "-ISc", "import sys; print(*sys.version_info[:2])"])
        return version.code == 0 and stamp == stamp_text(version.output.strip())
    return False


def choose_python() -> str:
    """Debian's python3 if it can make environments, else the one that runs this. Raises Failure."""
    probe = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"
    for python in ("/usr/bin/python3", os.path.realpath(sys.executable)):
        if Path(python).exists() and run([python, "-Ic", probe]).code == 0:
            return python
    raise Failure(
        "no Python 3.11 or newer that can make environments is here",
        "Install it: sudo apt-get install python3 python3-venv",
        PACKAGE_UNAVAILABLE,
    )


def venv_owner() -> Owner | None:
    """Under sudo, whoever called sudo, if the checkout is theirs; else whoever runs this (None)."""
    uid = int(os.environ.get("SUDO_UID", "0"))
    if os.geteuid() != 0 or uid == 0 or HERE.stat().st_uid != uid:
        return None
    user = pwd.getpwuid(uid)
    return Owner(uid, user.pw_gid, user.pw_name, user.pw_dir)


def make_venv() -> None:
    """Make .venv anew, in its place (an environment cannot be moved); on failure the earlier one is put back."""
    python = choose_python()
    try:
        if os.path.lexists(EARLIER):  # a run before this one was killed
            remove(VENV)
            EARLIER.rename(VENV)
        if os.path.lexists(VENV):
            VENV.rename(EARLIER)
        try:
            fill_venv(VENV, python, venv_owner())
        except BaseException:
            ignore_signals()
            remove(VENV)
            if os.path.lexists(EARLIER):
                EARLIER.rename(VENV)
            raise
    except PermissionError as error:
        raise Failure(
            f"{error.filename} cannot be written by this user",
            f"Run this as the owner of {HERE}, or as root.",
            NO_RIGHTS,
        ) from error


def fill_venv(venv: Path, python: str, owner: Owner | None) -> None:
    tell(f"Making the Python environment .venv with {python}.")
    venv.mkdir()
    if owner is not None:
        os.chown(venv, owner.uid, owner.gid)
    made = run([python, "-I", "-m", "venv", str(venv)], owner=owner)
    if made.code:
        raise pip_failure("the Python environment could not be made", made.output)
    own_python = str(venv / "bin/python3")
    pip = [own_python, "-Im", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps"]
    tell("Installing the Python packages of requirements.lock.")
    lock = ["--require-hashes", "-r", str(HERE / "requirements.lock")]
    installed = run([*pip, *lock], owner=owner)
    if not installed.code:
        installed = run([*pip, "--no-build-isolation", "--editable", str(HERE)], owner=owner)
    if installed.code:
        raise pip_failure("the Python packages could not be installed", installed.output)
    version = run([own_python, "-ISc", "import sys; print(*sys.version_info[:2])"]).output.strip()
    stamp = venv / "pressroom-stamp"
    stamp.write_text(stamp_text(version))
    if owner is not None:
        os.chown(stamp, owner.uid, owner.gid)


def pip_failure(message: str, output: str) -> Failure:
    if FULL.search(output):
        return no_space("the disk is full")
    if "DO NOT MATCH THE HASHES" in output:
        return Failure(
            "a Python package that was fetched is not the one that requirements.lock names",
            "Do not go on with it: find out which mirror or proxy it came from (`pip config list`).",
            PACKAGE_UNAVAILABLE,
        )
    if NO_NETWORK.search(output):
        hint = "Look at the network connection and at `pip config list`, then run this again."
        return Failure(f"{message}: they could not be fetched", hint, PACKAGE_UNAVAILABLE)
    return Failure(f"{message}: {last_words(output)}", "Mend that, then run this again.", PACKAGE_UNAVAILABLE)


def remove(path: Path) -> None:
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


# --- The whole


def no_space(message: str) -> Failure:
    return Failure(message, "Free some space on that disk, then run this again.", NO_SPACE)


def require_space(places: dict[Path, int]) -> None:
    """Raises Failure when a disk has too little left for what is to be put in these places (bytes)."""
    needs: dict[int, tuple[Path, int]] = {}
    for place, size in places.items():
        device = place.stat().st_dev
        first, before = needs.get(device, (place, 0))
        needs[device] = first, before + size
    for place, size in needs.values():
        free = shutil.disk_usage(place).free
        if free < size:
            raise no_space(
                f"the disk of {place} has {free // MEGABYTE} MB left, and some {size // MEGABYTE} MB are needed"
            )


def warn_about_system(release: Path = Path("/etc/os-release")) -> None:
    """Say so if this is not Debian 12; it may work all the same."""
    lines = release.read_text().splitlines() if release.exists() else []
    values = dict(line.replace('"', "").split("=", 1) for line in lines if "=" in line)
    if (values.get("ID"), values.get("VERSION_ID")) != ("debian", "12"):
        name = values.get("PRETTY_NAME", "an unknown system")
        tell(f"Warning: this is {name}; Pressroom is made for Debian 12, whose packages it asks for.")


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two of these in one folder go one after the other. The lock is the folder's own; it leaves no file.

    The programs that we start inherit it: a pip whose bootstrap.py was killed holds it until it has ended.
    """
    folder = os.open(HERE, os.O_RDONLY)
    os.set_inheritable(folder, True)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell("Waiting for another bootstrap.py in this folder.")
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def bootstrap(options: argparse.Namespace) -> None:
    wanted = wanted_packages((HERE / "packages.txt").read_text(), sections(options))
    missing = missing_packages(wanted)
    venv_needed = not options.packages_only and not venv_is_complete(VENV)
    if os.geteuid() == 0:
        remove_orphaned_policy(POLICY)
    if missing or venv_needed:
        warn_about_system()
        places = (SPACE_FOR_TESTS if sections(options) else SPACE_FOR_PACKAGES) if missing else {}
        require_space(places | ({HERE: SPACE_FOR_VENV} if venv_needed else {}))
    if missing:
        if os.geteuid() == 0:
            install_packages(missing, wait=options.wait)
        else:
            become_root(options)
        left = missing_packages(wanted)
        if left:
            raise Failure(
                f"apt-get has ended, and yet {' '.join(left)} are not installed",
                "Run `sudo dpkg --configure -a` and `sudo apt-get -f install`, then this again.",
                PACKAGE_UNAVAILABLE,
            )
    if not options.packages_only:
        with one_at_a_time():
            if not venv_is_complete(VENV):
                make_venv()
            remove(EARLIER)


def check(options: argparse.Namespace) -> int:
    """Print what would be done; 1 if that is something."""
    wanted = wanted_packages((HERE / "packages.txt").read_text(), sections(options))
    missing = missing_packages(wanted)
    complete = venv_is_complete(VENV)
    if missing:
        print(f"Debian packages to install: {' '.join(missing)}")
    if not complete:
        print(f"Python environment to make: {VENV}")
    if not missing and complete:
        print("Nothing to do.")
    return int(bool(missing) or not complete)


def sections(options: argparse.Namespace) -> list[str]:
    """Of packages.txt, those that were asked for."""
    return [section for section in ("test", "bench") if getattr(options, section)]


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Install what Pressroom needs: Debian packages (packages.txt) and a Python environment (.venv)."
    )
    parser.add_argument("--test", action="store_true", help="also install what only the tests need")
    parser.add_argument("--bench", action="store_true", help="also install what only the comparison of speed needs")
    parser.add_argument(
        "--check", action="store_true", help="print what would be done; exit code 1 if that is something"
    )
    parser.add_argument("--wait", type=int, default=60, metavar="SECONDS", help="how long to wait for apt's lock (60)")
    parser.add_argument("--packages-only", action="store_true", help="leave .venv as it is")
    return parser.parse_args(arguments)


def stop(number: int, frame: object) -> NoReturn:
    raise Stopped(number)


def main(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    os.umask(0o022)  # the node's own users read .venv too
    for number in SIGNALS:
        signal.signal(number, stop)
    try:
        if options.check:
            return check(options)
        bootstrap(options)
    except Failure as failure:
        tell(f"Error: {failure.message}.\nTry:   {failure.hint}")
        return failure.code
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        tell(f"Error: the disk of {error.filename or HERE} is full.\nTry:   Free some space, then run this again.")
        return NO_SPACE
    except Stopped as stopped:
        tell("Stopped; nothing half made is left.")
        return 128 + stopped.number
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

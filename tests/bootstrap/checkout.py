"""A small checkout with the real bootstrap.py, and a small Debian of its own for the real apt and dpkg.

apt-get and dpkg are those of the machine. Their state, their locks, the package source and the folder that
packages are unpacked to lie below the checkout, so the machine's own packages are not touched.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PART = "pressroom-test-part"
POLICY = Path("/usr/sbin/policy-rc.d")

# A build backend for the checkout's own project, so that no package has to be fetched to install it.
_BACKEND = """
import base64, hashlib, os, zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    if os.path.exists("pause"):
        open("pause").read()
    files = {
        "small.pth": os.getcwd(),
        "small-1.dist-info/METADATA": "Metadata-Version: 2.1\\nName: small\\nVersion: 1\\n",
        "small-1.dist-info/WHEEL": "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    record = "".join(f"{name},,\\n" for name in files) + "small-1.dist-info/RECORD,,\\n"
    with zipfile.ZipFile(os.path.join(folder, "small-1-py3-none-any.whl"), "w") as wheel:
        for name, text in {**files, "small-1.dist-info/RECORD": record}.items():
            wheel.writestr(name, text)
    return "small-1-py3-none-any.whl"
"""
_PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "small"
version = "1"
"""
_MAKES = '[python, "-I", "-m", "venv", str(venv)]'
# Only the wheel's own checkout is known to pip: no configuration of the machine, no index.
_PIP = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_RETRIES": "0"}


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


@dataclass
class Checkout:
    """One folder with bootstrap.py, packages.txt and so on; `environment` is added to that of its runs.

    `bare` is an environment that venv has made: it is copied where bootstrap.py would have venv make one, which takes
    seconds.
    """

    path: Path
    environment: dict[str, str] = field(default_factory=lambda: dict(_PIP))
    bare: Path | None = None

    def __post_init__(self) -> None:
        text = (PROJECT / "bootstrap.py").read_text()
        if self.bare is not None:
            assert text.count(_MAKES) == 1
            text = text.replace(_MAKES, f'["cp", "-R", "--preserve=timestamps", "{self.bare}/.", str(venv)]')
        (self.path / "bootstrap.py").write_text(text)
        (self.path / "backend.py").write_text(_BACKEND)
        (self.path / "pyproject.toml").write_text(_PYPROJECT)
        (self.path / "requirements.lock").write_text("# nothing\n")
        (self.path / "packages.txt").write_text("")

    @property
    def venv(self) -> Path:
        return self.path / ".venv"

    def start(self, *arguments: str, user: int | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["/usr/bin/python3", str(self.path / "bootstrap.py"), *arguments],
            env={name: value for name, value in os.environ.items() if not name.startswith("SUDO_")} | self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )

    def run(self, *arguments: str, user: int | None = None) -> Ended:
        process = self.start(*arguments, user=user)
        out, err = process.communicate(timeout=120)
        return Ended(process.returncode, out, err)

    def names(self) -> set[str]:
        return {str(path.relative_to(self.path)) for path in self.path.rglob("*")}

    def program(self, name: str, text: str) -> None:
        """Put a program on the PATH of the runs, before all others."""
        folder = self.path / "programs"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
        self.environment["PATH"] = f"{folder}:{os.environ['PATH']}"


@dataclass(frozen=True)
class SmallDebian:
    """What the runs' apt and dpkg take for the machine; see the module's text."""

    path: Path

    @property
    def dpkg(self) -> Path:
        return self.path / "machine/var/lib/dpkg"

    @property
    def lists(self) -> Path:
        return self.path / "apt/var/lib/apt/lists"

    @property
    def sources(self) -> Path:
        return self.path / "apt/etc/apt/sources.list"

    def build(self, *, hook: str = "true") -> dict[str, str]:
        """Make it, with one package in its source; the environment by which apt and dpkg find it.

        `hook` is what apt's shell runs before dpkg.
        """
        folders = [
            "apt/etc/apt",
            "apt/var/lib/apt/lists/partial",
            "apt/var/cache/apt/archives/partial",
            "apt/var/log/apt",
        ]
        for folder in [*folders, "machine/var/lib/dpkg/updates", "machine/var/lib/dpkg/info"]:
            (self.path / folder).mkdir(parents=True)
        (self.dpkg / "status").write_text("")
        self._add_package()
        self.sources.write_text(f"deb [trusted=yes] file:{self.path}/source ./\n")
        config = self.path / "apt.conf"
        config.write_text(
            f'Dir "{self.path}/apt"; Dir::State::status "{self.dpkg}/status"; APT::Sandbox::User "root";\n'
            f'DPkg::Options {{ "--root={self.path}/machine"; }}; DPkg::Pre-Invoke {{ "{hook}"; }};\n'
        )
        return {"APT_CONFIG": str(config), "DPKG_ADMINDIR": str(self.dpkg)}

    def _add_package(self) -> None:
        tree, source = self.path / "tree", self.path / "source"
        (tree / "DEBIAN").mkdir(parents=True)
        source.mkdir()
        control = f"Package: {PART}\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n"
        (tree / "DEBIAN/control").write_text(control)
        (tree / "part").write_text("here\n")
        subprocess.run(["dpkg-deb", "--build", str(tree), str(source / "part.deb")], check=True, capture_output=True)
        data = (source / "part.deb").read_bytes()
        entry = f"Filename: ./part.deb\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n"
        (source / "Packages").write_text(control + entry)


def interrupt_when_paused(process: subprocess.Popen[str], pause: Path, number: signal.Signals) -> Ended:
    """Wait until something reads the fifo `pause`, send the signal to bootstrap.py alone, and let the reader go on."""
    with pause.open("w"):  # opens once the other side does
        process.send_signal(number)
        assert process.stderr is not None
        told = ""
        while "Stopping" not in told:
            line = process.stderr.readline()
            assert line, told
            told += line
    out, err = process.communicate(timeout=60)
    return Ended(process.returncode, out, told + err)

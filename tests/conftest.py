"""Fixtures that all tests share."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from pressroom.system import process
from tests.wall_table import Seen, rows, table


class FileByFile(LoadScopeScheduling):  # type: ignore[misc]
    """For two workers: one begins with the tests that need no running node, and each takes the next file of those that
    do when it has ended one. Each has a node of its own for them all.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file.startswith("tests/functional/") else "without a node"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FileByFile:
    config.option.loadscopereorder = False  # in their order
    return FileByFile(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--walls", action="store_true", help="run what tells of a wall, and print the table of them all")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--walls"):
        items[:] = [item for item in items if "seen" in getattr(item, "fixturenames", ())]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.getoption("--walls"):
        passed = terminalreporter.getreports("passed")
        found = rows(one for report in passed if report.when == "call" for one in report.user_properties)
        terminalreporter.write_line(f"\n{table(found)}")


@pytest.fixture
def seen(record_property: Callable[[str, object], None]) -> Seen:
    """By it a test tells what a wall keeps out (`wall_table`)."""
    return Seen(record_property)


def until(true: Callable[[], bool], *, seconds: float = 15.0) -> None:
    """Wait for a condition that another process brings about."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Path]:
    """The socket of a real server that only listens there, and writes a binlog as a node's does."""
    folder = Path(tempfile.mkdtemp(prefix="testdb.", dir="/var/tmp"))
    folder.chmod(0o755)
    data, socket_path = folder / "data", folder / "m.sock"
    data.mkdir()
    common: list[process.Argument] = ["--no-defaults", f"--datadir={data}", "--user=root"]
    process.run(["mariadb-install-db", *common, "--auth-root-authentication-method=socket", "--skip-test-db"])
    binlog = [
        f"--log-bin={data}/binlog", "--server-id=7", "--binlog-format=ROW", "--binlog-row-image=FULL",
        "--binlog-row-metadata=FULL", "--binlog-annotate-row-events=ON",
    ]  # fmt: skip
    argv = ["mariadbd", *map(str, common), "--skip-networking", f"--socket={socket_path}", f"--pid-file={folder}/pid"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([*argv, *binlog, "--innodb-buffer-pool-size=32M"], stderr=log, stdout=log)
    until(socket_path.exists, seconds=60)
    yield socket_path
    server.terminate()
    server.wait(60)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def free_port() -> int:
    """A TCP port that nobody listens on."""
    return find_free_port()


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

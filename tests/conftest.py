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
from xdist.workermanage import WorkerController

from pressroom.system import process
from tests.wall_table import Seen, rows, table

_COMMANDS = "command line"


class InParts(LoadScopeScheduling):  # type: ignore[misc]
    """A folder's tests go to one worker, in their order, and so do those of a file that needs a running node: each
    worker makes one of its own, when it comes to the first such file. The command line's files go together, and first:
    they expect a node that has one site.
    """

    def _assign_work_unit(self, node: WorkerController) -> None:
        if _COMMANDS in self.workqueue:
            self.workqueue.move_to_end(_COMMANDS, last=False)
        super()._assign_work_unit(node)

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if not file.startswith("tests/functional/"):
            return str(Path(file).parent)
        return _COMMANDS if Path(file).name.startswith("test_cli_") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> InParts:
    return InParts(config, log)


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

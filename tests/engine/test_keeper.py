"""A real nginx under its keeper: it serves through the death of everything that is Python."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from pressroom.engine import keeper
from pressroom.engine.protocol import Program, ProgramState
from pressroom.engine.supervisor import SupervisorEngine
from pressroom.model.errors import CommandFailed
from pressroom.model.layout import Layout
from tests.conftest import find_free_port
from tests.engine.conftest import lives, program, soon


@dataclasses.dataclass(frozen=True)
class Nginx:
    program: Program
    port: int
    pidfile: Path

    @property
    def pid(self) -> int:
        return int(self.pidfile.read_text() or 0)  # it is empty for a moment

    def serves(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/page.txt", verify=False).text == "the page"
        except httpx.TransportError:
            return False


@pytest.fixture
def nginx(layout: Layout) -> Nginx:
    port = find_free_port()
    (layout.root / "page.txt").write_text("the page")
    config = layout.etc / "nginx.conf"
    config.write_text(f"""\
user nobody nogroup;
worker_processes 1;
pid {layout.nginx_pid};
error_log {layout.log}/nginx.log;
events {{}}
http {{
    log_format short '$request_uri';
    access_log {layout.log}/visits.log short;
    server {{
        listen 127.0.0.1:{port}; listen unix:{layout.run}/http.sock;
        root {layout.root}; location = /slow {{ limit_rate 1; alias {config}; }}
    }}
}}
""")
    own = ("--pidfile", str(layout.nginx_pid), "--socket", f"{layout.run}/http.sock", "--logs", str(layout.log), "--")
    words = (sys.executable, "-m", keeper.MODULE, *own)
    kept = program(
        layout,
        "nginx",
        *(*words, "/usr/sbin/nginx", "-c", str(config), "-e", f"{layout.log}/nginx.log"),
        user="root",
        adopt=True,
    )
    return Nginx(kept, port, layout.nginx_pid)


def _keepers(layout: Layout) -> list[int]:
    """All of this node, whoever started them."""
    found = subprocess.run(
        ["/usr/bin/pgrep", "-f", f"{keeper.MODULE} --pidfile {layout.nginx_pid}"], capture_output=True
    )
    return [int(word) for word in found.stdout.split()]


def _kill_all_python(layout: Layout) -> None:
    """-9, supervisord first, so that it starts nothing again."""
    pids = [int((layout.run / "supervisord.pid").read_text()), *_keepers(layout)]
    assert len(pids) == 2
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    soon(lambda: not any(lives(pid) for pid in pids))


def _start(supervisor: SupervisorEngine, nginx: Nginx) -> int:
    supervisor.define(nginx.program)
    soon(nginx.serves)
    return nginx.pid


def test_nginx_outlives_all_that_is_python_and_is_adopted(
    layout: Layout, supervisor: SupervisorEngine, nginx: Nginx
) -> None:
    pid = _start(supervisor, nginx)
    _kill_all_python(layout)
    assert nginx.serves()
    supervisor.boot()
    soon(lambda: len(_keepers(layout)) == 1)
    assert supervisor.define(nginx.program) is False
    assert nginx.serves()
    assert nginx.pid == pid
    assert _keepers(layout) == [supervisor.pids()["nginx"]]


def test_a_keeper_whose_engine_was_killed_is_replaced_by_one_of_the_new_engine(
    layout: Layout, supervisor: SupervisorEngine, nginx: Nginx
) -> None:
    pid = _start(supervisor, nginx)
    old = _keepers(layout)
    os.kill(int((layout.run / "supervisord.pid").read_text()), signal.SIGKILL)
    soon(lambda: not supervisor.alive())
    supervisor.boot()
    soon(lambda: _keepers(layout) == list(supervisor.pids().values()))
    assert _keepers(layout) != old
    assert nginx.pid == pid and nginx.serves()


def test_a_killed_keeper_is_started_again_and_adopts(
    layout: Layout, supervisor: SupervisorEngine, nginx: Nginx
) -> None:
    pid = _start(supervisor, nginx)
    soon(lambda: supervisor.status("nginx").state is ProgramState.RUNNING)
    old = supervisor.pids()["nginx"]
    os.kill(old, signal.SIGKILL)
    soon(lambda: supervisor.pids().get("nginx", old) != old)
    assert nginx.serves()
    assert nginx.pid == pid


@pytest.mark.parametrize("alone", [False, True])
def test_a_killed_nginx_is_started_again(
    layout: Layout, supervisor: SupervisorEngine, nginx: Nginx, *, alone: bool
) -> None:
    """Its socket's file is left behind, and where only the master was killed, workers that hold the port."""
    pid = _start(supervisor, nginx)
    soon(lambda: supervisor.status("nginx").state is ProgramState.RUNNING)
    workers = _children(pid)
    for victim in (pid, *([] if alone else workers)):
        os.kill(victim, signal.SIGKILL)
    soon(lambda: nginx.pid != pid and nginx.serves())
    soon(lambda: not any(lives(worker) for worker in workers))


def test_a_socket_from_before_a_power_loss_is_no_hindrance(
    layout: Layout, supervisor: SupervisorEngine, nginx: Nginx
) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(f"{layout.run}/http.sock")
    _start(supervisor, nginx)


def test_only_a_socket_is_removed(
    layout: Layout, supervisor: SupervisorEngine, nginx: Nginx, capfd: pytest.CaptureFixture[str]
) -> None:
    (layout.run / "http.sock").write_text("not a socket")
    assert keeper.main(list(nginx.program.argv[3:])) == 1
    assert (layout.run / "http.sock").read_text() == "not a socket"
    assert "http.sock" in capfd.readouterr().err
    signal.set_wakeup_fd(-1)


def test_a_start_counts_when_nginx_listens(layout: Layout, supervisor: SupervisorEngine, nginx: Nginx) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", nginx.port))
        other.listen()
        with pytest.raises(CommandFailed, match="Address already in use"):
            supervisor.define(nginx.program)


def test_hup_is_passed_on(layout: Layout, supervisor: SupervisorEngine, nginx: Nginx) -> None:
    pid = _start(supervisor, nginx)
    workers, kept = _children(pid), _keepers(layout)
    supervisor.signal("nginx", "HUP")
    soon(lambda: bool(_children(pid)) and not set(_children(pid)) & set(workers))
    assert _keepers(layout) == kept
    assert nginx.pid == pid and nginx.serves()


def test_remove_ends_nginx_too(layout: Layout, supervisor: SupervisorEngine, nginx: Nginx) -> None:
    pid = _start(supervisor, nginx)
    family = [pid, *_children(pid)]
    supervisor.remove("nginx")
    assert not lives(pid)
    soon(lambda: not any(lives(one) for one in family))
    assert _keepers(layout) == []


def test_shutdown_ends_an_nginx_that_nobody_keeps(layout: Layout, supervisor: SupervisorEngine, nginx: Nginx) -> None:
    pid = _start(supervisor, nginx)
    _kill_all_python(layout)
    assert nginx.serves()
    supervisor.shutdown()
    assert not lives(pid)


def test_a_slow_visitor_does_not_hold_up_the_end(layout: Layout, supervisor: SupervisorEngine, nginx: Nginx) -> None:
    pid = _start(supervisor, nginx)
    with socket.create_connection(("127.0.0.1", nginx.port)) as visitor:
        visitor.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        assert visitor.recv(1)
        family = [pid, *_children(pid)]
        began = time.monotonic()
        supervisor.stop("nginx")
        assert time.monotonic() - began < nginx.program.stop_seconds
        soon(lambda: not any(lives(one) for one in family), seconds=2)


def test_a_pid_file_that_names_another_process_is_not_believed(layout: Layout, nginx: Nginx) -> None:
    kept = keeper.kept_by(nginx.program.argv)
    assert kept is not None
    pidfile, argv = kept
    # The words are there, the program is another.
    impostor = subprocess.Popen(["/bin/sleep", "1000"], executable="/bin/sleep")
    liar = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)", *argv])
    try:
        for pid in (str(impostor.pid), str(liar.pid), "1", "0", "-1", "99999999", "x", ""):
            Path(pidfile).write_text(pid)
            assert keeper.living(pidfile, argv) is None
            assert keeper.adopt(pidfile, argv) is None
    finally:
        for process in (impostor, liar):
            process.kill()
            process.wait()


def test_an_nginx_of_another_configuration_is_not_adopted(
    layout: Layout, supervisor: SupervisorEngine, nginx: Nginx
) -> None:
    pid = _start(supervisor, nginx)
    assert keeper.living(str(nginx.pidfile), ["/usr/sbin/nginx", "-c", f"{layout.etc}/nginx.conf"]) == pid
    assert keeper.living(str(nginx.pidfile), ["/usr/sbin/nginx", "-c", f"{layout.etc}/nginx.con"]) is None
    assert keeper.living(str(nginx.pidfile), ["/usr/sbin/php-fpm8.2", "-c", f"{layout.etc}/nginx.conf"]) is None


def test_a_configuration_that_nginx_refuses_is_reported(
    layout: Layout, supervisor: SupervisorEngine, nginx: Nginx, capfd: pytest.CaptureFixture[str]
) -> None:
    (layout.etc / "nginx.conf").write_text("nonsense;")
    assert keeper.main(list(nginx.program.argv[3:])) == 1
    assert "nonsense" in capfd.readouterr().err
    signal.set_wakeup_fd(-1)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--pidfile", "/x"],
        ["--pidfile", "/x", "--"],
        ["-p", "/x", "--", "/bin/true"],
        ["--pidfile", "/x", "--socket", "--", "/bin/true"],
    ],
)
def test_wrong_arguments_are_refused(arguments: list[str]) -> None:
    assert keeper.main(arguments) == 2


def test_the_keeper_stays_small(layout: Layout, supervisor: SupervisorEngine, nginx: Nginx) -> None:
    _start(supervisor, nginx)
    (pid,) = _keepers(layout)
    bare = subprocess.Popen([sys.executable, "-c", "import time; print(flush=True); time.sleep(1000)"], stdout=-1)
    assert bare.stdout is not None
    bare.stdout.readline()
    # Measured: 1,976 and 2,004 KiB more than a bare Python; the rest is room for chance.
    assert _resident_kib(pid) < _resident_kib(bare.pid) + 3072
    bare.kill()
    bare.wait()
    bare.stdout.close()


def _resident_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1])


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_large_log_is_put_aside_and_nginx_begins_another(nginx: Nginx, layout: Layout, tmp_path: Path) -> None:
    """The keeper that looks each half second is a copy: the real one looks each minute."""
    source = Path(keeper.__file__).read_text()
    for old, new in (("_LOOK_AT_LOGS = 60.0", "_LOOK_AT_LOGS = 0.5"), ("50_000_000", "1_000")):
        assert old in source
        source = source.replace(old, new)
    (tmp_path / "hasty.py").write_text(source)
    argv = (sys.executable, str(tmp_path / "hasty.py"), *nginx.program.argv[3:])
    log, aside = layout.log / "visits.log", layout.log / "visits.log.1"
    other = layout.log / "other.txt"
    other.write_text("x" * 2_000)
    running = subprocess.Popen(argv)
    try:
        soon(nginx.serves)
        time.sleep(1.2)
        assert not aside.exists()
        log.write_text("old\n" * 500)
        soon(lambda: aside.exists() and nginx.serves() and log.read_text().startswith("/page.txt"))
        assert aside.read_text().startswith("old\n") and log.stat().st_size < 1_000
        assert other.read_text() == "x" * 2_000
    finally:
        running.terminate()
        running.wait(timeout=20)


def test_a_large_log_that_is_kept_open_is_copied_and_emptied(tmp_path: Path) -> None:
    """As the firewall writes it: opened once, each line at the end."""
    log, small, aside = tmp_path / "firewall.json", tmp_path / "small.json", tmp_path / "firewall.json.1"
    small.write_text("small\n")
    with log.open("ab", buffering=0) as writer:
        log.chmod(0o640)
        for words in (b"first\n" * 500_000, b"second\n" * 300):
            writer.write(words)
            assert keeper.put_aside(str(tmp_path), 1_000) == ["firewall.json"]
            assert aside.read_bytes() == words and log.stat().st_size == 0
            assert aside.stat().st_mode & 0o777 == 0o640
        writer.write(b"last\n")
    assert log.read_bytes() == b"last\n" and small.read_text() == "small\n"

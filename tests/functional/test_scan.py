"""`site scan` on a real site: what is found there, by whom, and files that are taken away and come back.

What is laid there looks like malware and does no harm (`tests/integrity/samples.py`); nobody asks for it.
"""

from __future__ import annotations

import io
import json
import os
import pwd
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pressroom.control import desired
from pressroom.model.errors import Conflict, NotFound
from pressroom.operations import scans, sites
from pressroom.operations.node import Node
from pressroom.operations.scans import Scanned
from tests.conftest import until
from tests.functional.command_line import CommandLine, write_as
from tests.functional.conftest import FOREVER
from tests.functional.newspaper import Newspaper
from tests.integrity.samples import LOOKALIKES

PLUGIN = "wp-content/plugins/pressroom-test"
SHELL = b"<?php @eval($_POST['nothing']);"
FOUND_AT_FIRST = f"{PLUGIN}/run.php"  # the test plugin's own back door


class Scanning:
    """A site's files as its owner, or who broke in, would change them; and what the scanner says."""

    def __init__(self, paper: Newspaper) -> None:
        self.paper = paper
        self.node = paper.node
        self.domain = paper.site.domain
        self.public = paper.place.public
        self._laid: set[str] = set()

    def lay(self, path: str, content: bytes = SHELL) -> Path:
        self.lay_all({path: content})
        return self.public / path

    def lay_all(self, contents: dict[str, bytes]) -> None:
        """By one process."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for path, content in contents.items():
                info = tarfile.TarInfo(path)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        self._laid |= {path for path in contents if not (self.public / path).exists()}
        self.run("tar", "-C", str(self.public), "--overwrite", "-xmf", "-", stdin=packed.getvalue())

    def take_back(self) -> None:
        """What was laid where nothing was, with its folder if that is one of a test's own."""
        if gone := {_own_part(path) for path in self._laid}:
            self.run("rm", "-rf", *(str(self.public / path) for path in gone))
        self._laid = set()

    def run(self, *argv: str, stdin: bytes = b"") -> None:
        sites.run_inside(self.node, self.paper.site, list(argv), stdin=stdin)

    def scan(self) -> Scanned:
        return scans.scan(self.node, self.domain)

    def found(self) -> dict[str, set[str]]:
        """Kinds by path, without what is always found in this site."""
        return _by_path(self.scan())


def _own_part(path: str) -> str:
    """Of `wp-content/uploads/x/y.php` the folder `x`."""
    folder, inner = path.rpartition("/")[0], path.split("/")
    return "/".join(inner[:3]) if folder.startswith(("wp-content/uploads/", "wp-content/plugins/")) else path


def _by_path(scanned: Scanned) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in scanned.findings:
        if one.path != FOUND_AT_FIRST:
            found.setdefault(one.path, set()).add(one.kind)
    return found


@pytest.fixture(scope="module")
def clean(paper: Newspaper) -> Iterator[Scanning]:
    scanning = Scanning(paper)
    before = _remove_what_is_found(scanning)  # other tests have left it
    assert _by_path(before) == {} and before.trouble is None, before
    yield scanning
    assert scanning.found() == {}


def _remove_what_is_found(scanning: Scanning) -> Scanned:
    """All of it, and the core as it was. The last scan."""
    paper = scanning.paper
    scanned = scanning.scan()
    if any(kind.startswith("core") for kinds in _by_path(scanned).values() for kind in kinds):
        scans.repair(paper.node, paper.site.domain)
        scanned = scanning.scan()
    if found := _by_path(scanned):
        scanning.run("rm", "-rf", *(str(paper.place.public / path) for path in found))
        scanned = scanning.scan()
    return scanned


@pytest.fixture
def scanning(clean: Scanning, paper: Newspaper) -> Iterator[Scanning]:
    yield clean
    clean.take_back()
    for one in scans.known(paper.node, paper.site.domain).quarantine:
        scans.discard(paper.node, paper.site.domain, one.id)


# -- by itself; first, for all that changed before is looked at then ---------------------------------------------------


@pytest.fixture
def awake(node: Node) -> Iterator[None]:
    scans.rest(node, 0)
    yield
    scans.rest(node, FOREVER)


def _known(scanning: Scanning) -> dict[str, set[str]]:
    return _by_path(scans.known(scanning.node, scanning.domain))


@pytest.mark.usefixtures("awake")
def test_new_files_and_changed_plugins_are_found_by_themselves(scanning: Scanning) -> None:
    """And forgotten, when they are as they were."""
    file, path = f"{PLUGIN}/pressroom-test.php", "wp-content/uploads/new/folder/shell.php"
    before = (scanning.public / file).read_bytes()
    scanning.lay_all({path: SHELL, file: before + b"\n// changed"})
    until(lambda: path in _known(scanning) and _known(scanning).get(file) == {"changed"}, seconds=60)
    scanning.take_back()
    scanning.lay(file, before)
    until(lambda: not {path, file} & _known(scanning).keys(), seconds=60)


@pytest.mark.usefixtures("awake")
def test_malware_is_taken_away_where_the_site_says_so(scanning: Scanning, command: CommandLine) -> None:
    """Malware alone, and at once; what was restored stays."""
    command.done("site", "scan", scanning.domain, "--accept", FOUND_AT_FIRST)
    command.done("site", "settings", scanning.domain, "--set", "scan=quarantine")
    try:
        file, other = (scanning.public / "wp-content/uploads" / name for name in ("shell.txt", "other.php"))
        scanning.lay_all({"wp-content/uploads/shell.txt": SHELL, "wp-content/uploads/other.php": b"<?php echo 1;"})
        until(lambda: not file.exists(), seconds=60)
        until(lambda: scans.known(scanning.node, scanning.domain).quarantine != [])
        assert [one.path for one in scans.known(scanning.node, scanning.domain).quarantine] == [
            "wp-content/uploads/shell.txt"
        ]
        (kept,) = scans.known(scanning.node, scanning.domain).quarantine
        command.done("site", "scan", scanning.domain, "--restore", kept.id)
        scanning.scan()
        assert file.exists() and other.exists()
    finally:
        command.done("site", "settings", scanning.domain, "--set", "scan=")


# -- what is found ----------------------------------------------------------------------------------------------------


def test_a_new_site_has_no_finding(neighbour: Newspaper) -> None:
    """With Debian's WordPress, its themes and plugins, and the demo's own theme and plugin."""
    scanned = scans.scan(neighbour.node, neighbour.site.domain)
    assert scanned.findings == [] and scanned.trouble is None and scanned.files > 2000
    sources = {one.place: one.source for one in scanned.extensions}
    assert sources["wp-content/plugins/akismet"] == "core"
    assert "first seen" in sources.values()


def test_each_lookalike(scanning: Scanning) -> None:
    scanning.lay_all(
        {f"wp-content/uploads/{number}/{name}": content for number, (_, name, content) in enumerate(LOOKALIKES)}
    )
    rules = {one.path: one.rules for one in scanning.scan().findings if one.kind == "malware"}
    for number, (rule, name, _) in enumerate(LOOKALIKES):
        assert rule in rules[f"wp-content/uploads/{number}/{name}"]


def test_the_core(scanning: Scanning) -> None:
    """The folder is the site's, so its files there can be exchanged; and so can, as a whole, the core's folders."""
    files = "rm -f wp-cron.php wp-links-opml.php && echo '<?php echo 1;' > wp-cron.php"
    folders = "cp -r wp-includes copy && mv -T wp-includes away && mv -T copy wp-includes"
    scanning.run("sh", "-c", f"cd {scanning.public} && {files} && {folders}")
    scanning.lay_all(
        {
            "wp-blog.php": b"<?php echo 2;",
            "wp-includes/load-more.php": b"<?php echo 3;",
            "wp-includes/images/new.txt": b"text",
        }
    )
    found = scanning.found()
    shutil.rmtree(scanning.public / "away")  # root's files, in a folder of root's: the site may only rename it
    found = {path: kinds for path, kinds in found.items() if not path.startswith("away/")}
    assert found == {
        "wp-cron.php": {"core changed"}, "wp-links-opml.php": {"core missing"}, "wp-blog.php": {"core extra"},
        "wp-includes/load-more.php": {"core extra"}, "wp-includes/images/new.txt": {"core extra"},
    }  # fmt: skip
    scans.repair(scanning.node, scanning.domain)
    assert scanning.found() == {"wp-blog.php": {"core extra"}}
    assert (scanning.public / "wp-cron.php").stat().st_uid == 0


def test_a_plugin_is_compared_with_how_it_was_first_seen(scanning: Scanning) -> None:
    """Two, so that each scan sees something of both: both are changed; then one is updated, and the other not."""
    header = b"<?php\n/*\nPlugin Name: Sample\nVersion: %s\n*/\n"
    first, more, new = (f"wp-content/plugins/sample/{name}.php" for name in ("sample", "more", "new"))
    other, others_more = (f"wp-content/plugins/other/{name}.php" for name in ("other", "more"))
    scanning.lay_all({first: header % b"1.0", more: b"<?php echo 1;"})
    scanning.lay_all({other: header % b"1.0", others_more: b"<?php echo 1;"})
    assert scanning.found() == {}
    scanning.lay_all({more: b"<?php echo 2;", new: b"<?php echo 3;", others_more: b"<?php echo 2;"})
    assert scanning.found() == {more: {"changed"}, new: {"extra"}, others_more: {"changed"}}
    scanning.lay_all({first: header % b"1.1", other: b"<?php echo 'no header';"})
    assert scanning.found() == {others_more: {"changed"}, other: {"changed"}}, "an update"
    scanning.run("rm", str(scanning.public / more))
    scanning.run("rm", "-r", str(scanning.public / "wp-content/plugins/other"))
    assert scanning.found() == {more: {"missing"}}
    scanning.run("rm", "-r", str(scanning.public / "wp-content/plugins/sample"))


def test_php_among_the_uploads_and_what_is_accepted(scanning: Scanning, command: CommandLine) -> None:
    silence = b"<?php\n// Silence is golden.\n"
    scanning.lay_all({"wp-content/uploads/x/index.php": silence, "wp-content/uploads/x/y.php": b"<?php echo 1;"})
    assert scanning.found() == {"wp-content/uploads/x/y.php": {"php in uploads"}}
    command.done("site", "scan", scanning.domain, "--accept", "wp-content/uploads/x/y.php")
    assert scanning.found() == {}
    scanning.lay("wp-content/uploads/x/y.php", b"<?php echo 2;")
    assert scanning.found() == {"wp-content/uploads/x/y.php": {"php in uploads"}}


def test_what_nobody_may_read_and_what_must_not_be_waited_for(scanning: Scanning) -> None:
    """The scanner is no more than the site's user, and opens no FIFO."""
    folder = scanning.public / "wp-content/uploads/odd"
    hidden = scanning.lay("wp-content/uploads/odd/hidden.php")
    scanning.run("php8.2", "-r", f"chmod('{hidden}', 0); posix_mkfifo('{folder}/fifo.php', 0644);"
                 f"symlink('/etc', '{folder}/etc'); touch('{folder}/' . chr(0xff) . \"\\n.php\");"
                 f"$f = fopen('{folder}/big.php', 'w');"
                 "ftruncate($f, 300000000); $p = '';"
                 f"chdir('{folder}'); for ($i = 0; $i < 100; $i++) {{ mkdir('d'); chdir('d'); }}"
                 f"file_put_contents('{folder}/line.php', '<?php ' . str_repeat('eval(', 400000));")  # fmt: skip
    began = time.monotonic()
    found = scanning.found()
    assert time.monotonic() - began < 60
    odd = "wp-content/uploads/odd"
    assert found[f"{odd}/hidden.php"] == {"unread"} and found[f"{odd}/etc"] == {"link"}
    assert "unread" in found[f"{odd}/big.php"] and f"{odd}/fifo.php" not in found
    assert any(path.startswith(f"{odd}/d/d/d/") and kinds == {"unread"} for path, kinds in found.items())
    assert f"{odd}/" + os.fsdecode(b"\xff\n.php") not in found, "it is empty"


def test_the_worker_sees_the_document_root_and_nothing_else_of_the_node(
    scanning: Scanning, neighbour: Newspaper
) -> None:
    """Guard: its own walls, narrower than those of the site's PHP; the site's user, after all others."""
    scanning.scan()
    name = desired.scan_program_name(scanning.paper.site.name)
    process = Path(f"/proc/{scanning.node.engine.pids()[name]}")
    layout, place = scanning.node.layout, scanning.paper.place
    within = Path(f"{process}/root")
    assert (within / str(place.public).lstrip("/") / "index.php").exists()
    for path in (
        layout.control, place.mail_socket.parent, layout.mariadb_run, layout.quarantine, layout.scans, place.run,
        place.private, place.gate.parent, neighbour.place.home,
    ):  # fmt: skip
        assert not (within / str(path).lstrip("/")).exists(), path
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines())
    assert set(status["Uid"].split()) == {str(pwd.getpwnam(place.unix_user).pw_uid)}
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0 and status["NoNewPrivs"] == "1"
    assert os.getpriority(os.PRIO_PROCESS, int(process.name)) == 19
    until(lambda: name not in scanning.node.engine.pids(), seconds=20)


# -- the command ------------------------------------------------------------------------------------------------------


def _findings(command: CommandLine, *words: str) -> dict[str, dict[str, Any]]:
    said = command.run("site", "scan", *words, "--format", "json")
    assert said.exit_code == 1, said
    return {one["path"]: one for one in json.loads(said.stdout)["findings"]}


def test_the_command_tells_and_its_exit_code_does(scanning: Scanning, command: CommandLine) -> None:
    assert command.run("site", "scan", "neighbour.localhost").exit_code in (0, 4)
    scanning.lay("wp-content/uploads/\x1b[31mred.php")
    name = "wp-content/uploads/\x1b[31mred.php"
    found = _findings(command, scanning.domain)[name]
    assert found["kind"] in ("malware", "php in uploads") and found["since"] and found["changed"]
    again = _findings(command, scanning.domain, "--last")[name]
    assert again["since"] == found["since"]
    said = command.run("site", "scan", scanning.domain)
    assert said.exit_code == 1 and "\x1b[31m" not in said.stdout and "red.php" in said.stdout
    doctor = command.run("doctor", "--format", "json")
    assert any("among its files" in one["detail"] for one in json.loads(doctor.stdout))
    assert name in command.run("logs", "scanner", "-n", "50").stdout.encode().decode("unicode_escape")


def test_into_quarantine_and_back(scanning: Scanning, command: CommandLine) -> None:
    path = "wp-content/uploads/shell.php"
    file = scanning.lay(path)
    scanning.run("chmod", "604", str(file))
    finding = _findings(command, scanning.domain)[path]
    command.done("site", "scan", scanning.domain, "--quarantine", finding["id"])
    assert not file.exists() and path not in _by_path(scans.known(scanning.node, scanning.domain))
    (kept,) = command.done("site", "scan", scanning.domain, "--list", "--format", "json").json()
    assert (kept["path"], kept["mode"], kept["owner"]) == (path, "0604", scanning.paper.place.unix_user)
    assert kept["sha256"] and kept["taken"] and "request" in kept["why"]
    vault = scanning.node.layout.quarantine / scanning.paper.site.name / kept["id"]
    assert vault.read_bytes() == SHELL and vault.stat().st_mode & 0o777 == 0o600
    assert vault.stat().st_uid != file.parent.stat().st_uid
    scanning.lay(path, b"another")
    command.refused(Conflict, "site", "scan", scanning.domain, "--restore", kept["id"])
    assert file.read_bytes() == b"another" and vault.exists()
    scanning.run("rm", str(file))
    command.done("site", "scan", scanning.domain, "--restore", kept["id"])
    assert file.read_bytes() == SHELL and file.stat().st_mode & 0o777 == 0o604
    assert file.owner() == scanning.paper.place.unix_user and not vault.exists()
    assert scanning.found() == {}, "what was restored is accepted"
    command.refused(NotFound, "site", "scan", scanning.domain, "--restore", kept["id"])


def test_a_file_that_is_another_by_now_is_not_taken(scanning: Scanning, command: CommandLine) -> None:
    file = scanning.lay("wp-content/uploads/exchanged.php")
    scanning.scan()
    scanning.lay("wp-content/uploads/exchanged.php", b"<?php echo 'the right one';")
    command.refused(Conflict, "site", "scan", scanning.domain, "--quarantine", "wp-content/uploads/exchanged.php")
    assert file.exists() and scans.known(scanning.node, scanning.domain).quarantine == []


def test_a_site_that_is_deleted_leaves_nothing(node: Node, command: CommandLine) -> None:
    command.done("site", "create", "gone.localhost")
    site = node.state.site("gone.localhost")
    write_as(node.layout.site(site.name).unix_user, node.layout.site(site.name).public / "shell.php", SHELL.decode())
    scans.scan(node, "gone.localhost")
    scans.quarantine(node, "gone.localhost", "shell.php")
    command.done("site", "delete", "gone.localhost", "--yes")
    until(lambda: not (node.layout.quarantine / site.name).exists())


# -- last, for all that changes here is looked at afterwards ----------------------------------------------------------


@pytest.mark.long
def test_folders_that_become_links_while_files_are_taken(scanning: Scanning) -> None:
    """By the whole way, with the site's own hand at it; `tests/integrity/test_taking.py` has thousands of rounds."""
    neighbour = scanning.node.layout.root / "mail"
    before = sorted(neighbour.rglob("*"))
    folder = scanning.public / "wp-content/uploads/race"
    scanning.lay("wp-content/uploads/race/shell.php")
    scanning.scan()
    code = (
        f"for ($i = 0; $i < 100000; $i++) {{ @rename('{folder}', '{folder}2'); @symlink('{neighbour}', '{folder}');"
        f" @unlink('{folder}'); @rename('{folder}2', '{folder}'); usleep(200); }}"
    )
    with sites.inside(scanning.node, scanning.paper.site).enclosure(["php8.2", "-r", code]) as within:
        attacker = subprocess.Popen(within.argv, pass_fds=within.descriptors)
        within.admit(attacker.pid)
        for _ in range(100):
            for act in (_take, _restore):
                try:
                    act(scanning)
                except (Conflict, NotFound):
                    continue
        attacker.kill()
        attacker.wait()
    assert sorted(neighbour.rglob("*")) == before
    scanning.run("rm", "-rf", f"{folder}2")


def _take(scanning: Scanning) -> None:
    scans.quarantine(scanning.node, scanning.domain, "wp-content/uploads/race/shell.php")


def _restore(scanning: Scanning) -> None:
    for one in scans.known(scanning.node, scanning.domain).quarantine:
        scans.restore(scanning.node, scanning.domain, one.id)

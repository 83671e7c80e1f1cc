"""`site create` and `site delete` killed before each of their steps: a second run finishes, or removes without rest."""

from __future__ import annotations

import os
import pwd
import signal
from pathlib import Path

import httpx
import pytest

from pressroom.model.site import SiteStatus
from pressroom.operations import sites
from pressroom.operations.node import Node, open_node

DOMAIN = "interrupted.localhost"


def _new() -> sites.NewSite:
    return sites.NewSite.check(
        DOMAIN, title="Interrupted", admin_email="a@b.example", admin_user="admin", aliases=[], wordpress="debian"
    )


def _killed_before(node: Node, step: int, work: str, told: Path | None = None) -> bool:
    """Run create or delete in a process of its own that kills itself before its step `step`. Whether it got so far.

    Steps that `told` names are not counted, and each that is taken is added to it.
    """
    before = told.read_text().splitlines() if told else []
    child = os.fork()
    if child == 0:
        count = 0

        def die(action: str, reason: str) -> None:
            nonlocal count
            count += action not in before
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)
            if told:
                with told.open("a") as file:
                    file.write(f"{action}\n")

        mine = open_node(node.root, progress=die, pauses=True)
        if work == "create":
            sites.create(mine, _new())
        else:
            sites.delete(mine, DOMAIN)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def _traces(node: Node, name: str) -> list[str]:
    """Whatever is left of a site on the machine."""
    left = [user.pw_name for user in pwd.getpwall() if user.pw_name == f"{node.layout.prefix}-{name}"]
    left += [database for database in node.database.databases() if database == name]
    left += [account for account in node.database.accounts() if account == f"{node.layout.prefix}-{name}"]
    left += [program for program in node.engine.definitions() if program == f"php-{name}"]
    for folder, folders, names in os.walk(node.root):
        if Path(folder).name in ("binlog", "mariadb") or "/mariadb" in folder:
            continue
        own = (name, f"{name}.conf", f"{name}.fastcgi", f"{name}.log", f"php-{name}.log", f"php-{name}.conf")
        left += [os.path.join(folder, entry) for entry in [*folders, *names] if entry in own]  # noqa: PTH118
    return left


def _ask(node: Node, target: str) -> httpx.Response:
    port = node.state.settings().http.port
    return httpx.get(f"http://127.0.0.1:{port}{target}", headers={"Host": f"{DOMAIN}:{port}"}, timeout=30, verify=False)


def _answers(node: Node) -> bool:
    answer = _ask(node, "/")
    return answer.status_code == 200 and "Interrupted" in answer.text


def test_create_killed_again_and_again_goes_on_where_it_was(node: Node, tmp_path: Path) -> None:
    """Each run takes one new step and dies before the next."""
    told = tmp_path / "told"
    told.touch()
    runs = 0
    while _killed_before(node, 2, "create", told):
        runs += 1
        assert node.state.site(DOMAIN).status is SiteStatus.CREATING
        assert runs < 60, "it does not get on"
    assert runs > 15, "the plan has become shorter than what a site needs"
    assert node.state.site(DOMAIN).status is SiteStatus.READY
    assert _answers(node)
    site = sites.delete(node, DOMAIN)
    assert _traces(node, site.name) == []


@pytest.mark.long
def test_create_killed_before_each_step_is_finished_by_a_second_run(node: Node) -> None:
    step = 0
    while True:
        step += 1
        if not _killed_before(node, step, "create"):
            break
        assert node.state.site(DOMAIN).status is SiteStatus.CREATING
        site = sites.create(node, _new())
        assert site.status is SiteStatus.READY
        assert _answers(node)
        sites.delete(node, DOMAIN)
        assert _traces(node, site.name) == []
    assert step > 15, "the plan has become shorter than what a site needs"
    sites.delete(node, DOMAIN)


@pytest.mark.parametrize("step", [*(pytest.param(step, marks=pytest.mark.long) for step in (1, 9, 16)), 4, 13, 19])
def test_create_killed_is_removed_by_delete(node: Node, step: int) -> None:
    """Until then nobody gets to WordPress's installer."""
    assert _killed_before(node, step, "create")
    for target in ("/wp-admin/install.php?step=1", "/wp-admin/setup-config.php?step=0"):
        assert _ask(node, target).status_code >= 400, target
    assert "install.php" not in _ask(node, "/").headers.get("location", "")
    site = sites.delete(node, DOMAIN)
    assert _traces(node, site.name) == []


@pytest.mark.long
def test_delete_killed_before_each_step_is_finished_by_a_second_run(node: Node) -> None:
    step = 0
    while True:
        step += 1
        site = sites.create(node, _new())
        if not _killed_before(node, step, "delete"):
            break
        assert node.state.site(DOMAIN).status is SiteStatus.DELETING
        sites.delete(node, DOMAIN)
        assert _traces(node, site.name) == []
    assert step > 10
    assert _traces(node, site.name) == []

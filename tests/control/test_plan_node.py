"""The node's plan: what is missing, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pressroom.control import actions as a
from pressroom.control import desired
from pressroom.control.files import SeenFile, WantedDirectory, WantedFile
from pressroom.control.observe import ObservedNode
from pressroom.control.plan import plan_node
from pressroom.model.site import HttpsSettings, NodeSettings
from tests.control.right_node import LAYOUT, SETTINGS, node_as_wanted
from tests.stack import examples


def _plan(seen: ObservedNode, settings: NodeSettings = SETTINGS) -> tuple[a.Action, ...]:
    return plan_node(LAYOUT, settings, seen).actions


def _place(actions: tuple[a.Action, ...], kind: type[a.Action], text: str = "") -> int:
    """Where the one action of this kind stands whose sentence has this text."""
    (place,) = [n for n, action in enumerate(actions) if isinstance(action, kind) and text in action.sentence()]
    return place


def test_nothing_is_done_to_a_node_that_is_right() -> None:
    plan = plan_node(LAYOUT, SETTINGS, node_as_wanted())
    assert plan.actions == ()
    assert not plan


def test_a_new_node_is_built_in_order() -> None:
    actions = _plan(ObservedNode())
    first_directory = next(n for n, action in enumerate(actions) if isinstance(action, a.MakeDirectory))
    steps = [
        _place(actions, a.EnsureUser, LAYOUT.database_user),
        first_directory,
        _place(actions, a.WriteFile, "mariadb.cnf"),
        _place(actions, a.MakeDataDirectory),
        _place(actions, a.DefineProgram, desired.MARIADB),
        _place(actions, a.AwaitMariaDB),
        _place(actions, a.EnsurePlatformAccount),
        _place(actions, a.DefineProgram, desired.INVALIDATOR),
        _place(actions, a.SwapNginxFiles),
        _place(actions, a.DefineProgram, desired.FIREWALL),
        _place(actions, a.AwaitInvalidator),
        _place(actions, a.DefineProgram, desired.NGINX),
        _place(actions, a.AwaitRenderer),
    ]
    assert steps == sorted(steps)


def test_a_folder_comes_after_the_one_it_is_in() -> None:
    made = [action.path for action in _plan(ObservedNode()) if isinstance(action, a.MakeDirectory)]
    for number, path in enumerate(made):
        assert not any(later in path.parents for later in made[number:])


@pytest.mark.parametrize("user", [name for name, _ in desired.node_users(LAYOUT)])
def test_a_missing_user(user: str) -> None:
    seen = node_as_wanted()
    (action,) = _plan(replace(seen, users=seen.users - {user}))
    assert isinstance(action, a.EnsureUser) and action.name == user


@pytest.mark.parametrize("directory", desired.node_directories(LAYOUT), ids=lambda wanted: str(wanted.path))
@pytest.mark.parametrize("fault", ["missing", "mode", "owner", "a file"])
def test_a_folder_that_is_not_right(directory: WantedDirectory, fault: str) -> None:
    seen = node_as_wanted()
    now = {
        "missing": None,
        "mode": SeenFile(0o777, directory.owner, directory.group, None),
        "owner": SeenFile(directory.mode, "nobody", directory.group, None),
        "a file": SeenFile(directory.mode, directory.owner, directory.group, "digest"),
    }[fault]
    actions = _plan(replace(seen, paths={**seen.paths, directory.path: now}))
    assert [action.sentence() for action in actions] == [f"make the folder {directory.path}"]
    (action,) = actions
    assert isinstance(action, a.MakeDirectory)
    assert (action.mode, action.owner, action.group) == (directory.mode, directory.owner, directory.group)


@pytest.mark.parametrize("file", desired.node_files(LAYOUT, SETTINGS), ids=lambda wanted: wanted.path.name)
@pytest.mark.parametrize("fault", ["missing", "text", "mode", "group"])
def test_a_file_that_is_not_right(file: WantedFile, fault: str) -> None:
    seen = node_as_wanted()
    right = seen.paths[file.path]
    assert right is not None
    now = {
        "missing": None,
        "text": replace(right, digest="another"),
        "mode": replace(right, mode=0o666),
        "group": replace(right, group="nogroup"),
    }[fault]
    (action,) = _plan(replace(seen, paths={**seen.paths, file.path: now}))
    assert isinstance(action, a.WriteFile)
    assert (action.path, action.text, action.mode) == (file.path, file.text, file.mode)
    assert action.reason == ("it is missing" if fault == "missing" else "it has changed")


@pytest.mark.parametrize("file", desired.node_nginx_files(LAYOUT, SETTINGS), ids=lambda wanted: wanted.path.name)
def test_a_file_of_nginx_that_has_changed_is_swapped_alone(file: WantedFile) -> None:
    seen = node_as_wanted()
    (action,) = _plan(replace(seen, paths={**seen.paths, file.path: None}))
    assert isinstance(action, a.SwapNginxFiles)
    assert action.files == ((file.path, file.text),)


AWAITED = {"invalidator": [a.AwaitInvalidator], "renderer": [a.AwaitRenderer]}
PROGRAMS = ["mariadb", "invalidator", "renderer", "cron", "mail", "firewall", "nginx"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_is_down(name: str) -> None:
    seen = node_as_wanted()
    (action,) = _plan(replace(seen, running=seen.running - {name}))
    assert action == a.StartProgram(name, reason="it is down")


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_is_defined_otherwise_or_not_at_all(name: str) -> None:
    seen = node_as_wanted()
    right = seen.programs[name]
    other = {**seen.programs, name: replace(right, argv=("/bin/other",))}
    changed, *then = _plan(replace(seen, programs=other))
    assert changed == a.DefineProgram(right, reason="its definition has changed")
    assert [type(action) for action in then] == AWAITED.get(name, []), "it is started anew, and so awaited"
    without = {key: program for key, program in seen.programs.items() if key != name}
    new, *_ = _plan(replace(seen, programs=without))
    assert new == a.DefineProgram(right, reason="it is new")


def test_a_database_that_is_down_is_started_awaited_and_looked_after() -> None:
    seen = node_as_wanted()
    actions = _plan(replace(seen, running=seen.running - {"mariadb"}, accounts=None))
    assert [type(action) for action in actions] == [
        a.StartProgram,
        a.AwaitMariaDB,
        a.EnsurePlatformAccount,
        a.EnsureGovernorAccount,
    ]


def test_a_missing_account() -> None:
    platform, governor = _plan(replace(node_as_wanted(), accounts=frozenset({"root"})))
    assert isinstance(platform, a.EnsurePlatformAccount) and platform.user == LAYOUT.platform_user
    assert isinstance(governor, a.EnsureGovernorAccount) and governor.user == LAYOUT.database_user


def test_missing_data() -> None:
    (action,) = _plan(replace(node_as_wanted(), has_data=False))
    assert isinstance(action, a.MakeDataDirectory)
    assert (action.data, action.user) == (LAYOUT.mariadb_data, LAYOUT.database_user)


def test_nginx_is_started_after_the_invalidator_has_looked_at_the_store() -> None:
    seen = node_as_wanted()
    down = replace(seen, running=seen.running - {"nginx", "invalidator"}, ready=frozenset({desired.RENDERER}))
    actions = _plan(down)
    assert [action.sentence() for action in actions] == ["start invalidator", "wait for the invalidator", "start nginx"]


def test_daemons_that_do_not_answer_yet_are_waited_for() -> None:
    actions = _plan(replace(node_as_wanted(), ready=frozenset()))
    assert [type(action) for action in actions] == [a.AwaitInvalidator, a.AwaitRenderer]


def test_another_port_changes_both_nginx_and_the_way_to_them_alone() -> None:
    seen = node_as_wanted()
    walls, action, firewall = _plan(seen, examples.settings(port=9090))
    assert isinstance(firewall, a.DefineProgram) and firewall.program.name == desired.FIREWALL
    assert isinstance(walls, a.PutUpWalls) and isinstance(action, a.SwapNginxFiles)
    assert {path for path, _ in action.files} == {LAYOUT.nginx_fastcgi, LAYOUT.nginx_servers, LAYOUT.nginx_config}


def test_the_firewall_is_started_anew_when_its_files_change() -> None:
    settings = examples.settings()
    larger = settings.model_copy(update={"php": settings.php.model_copy(update={"upload_max": "128M"})})
    program = desired.firewall_program(LAYOUT, settings)
    assert program == desired.firewall_program(LAYOUT, settings) != desired.firewall_program(LAYOUT, larger)


def test_nginx_programs_are_not_started_by_the_engine_itself() -> None:
    assert not desired.nginx_program(LAYOUT).autostart
    assert desired.nginx_program(LAYOUT).adopt


def test_no_part_but_nginx_is_root() -> None:
    programs = [desired.mariadb_program(LAYOUT), *desired.daemon_programs(LAYOUT, SETTINGS)]
    assert all(program.user not in ("root", "") for program in programs)


def test_what_only_the_platform_may_read() -> None:
    modes = {wanted.path: wanted.mode for wanted in desired.node_directories(LAYOUT)}
    for path in (LAYOUT.control, LAYOUT.keys, LAYOUT.made, LAYOUT.cache, LAYOUT.mariadb_data):
        assert modes[path] & 0o077 == 0, path
    assert modes[LAYOUT.mail] & 0o027 == 0, "the control user, who is of the platform's group, reads it"
    assert modes[LAYOUT.sites] & 0o066 == 0, "sites cannot be listed"
    mail = next(file for file in desired.node_files(LAYOUT, SETTINGS) if file.path == Path(LAYOUT.etc / "mail.json"))
    assert mail.mode & 0o007 == 0


def test_the_authority_comes_with_https_and_before_nginx() -> None:
    settings = SETTINGS.model_copy(update={"https": HttpsSettings(port=8443)})
    assert plan_node(LAYOUT, settings, node_as_wanted(settings)).actions == ()
    actions = plan_node(LAYOUT, settings, ObservedNode()).actions
    kinds = [type(action) for action in actions]
    assert kinds.index(a.MakeAuthority) < kinds.index(a.SwapNginxFiles)
    without = plan_node(LAYOUT, SETTINGS, replace(node_as_wanted(), has_authority=False)).actions
    assert without == ()

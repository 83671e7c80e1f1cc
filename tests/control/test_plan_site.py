"""A site's plan: from nothing, from anywhere on the way, and back to nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pressroom.control import actions as a
from pressroom.control import desired
from pressroom.control.files import WantedDirectory, WantedFile
from pressroom.control.observe import ObservedSite
from pressroom.control.plan import plan_removal, plan_site
from pressroom.model.site import HttpsSettings, Site
from pressroom.model.walls import AccountCaps, Space
from pressroom.system.space import IMAGE, QUOTAS, Room
from tests.control.right_node import LAYOUT, PLACE, SETTINGS, SITE, site_as_wanted
from tests.stack import examples


def _plan(
    seen: ObservedSite, *, site: Site = SITE, roster: str | None = None, pauses: bool = False
) -> tuple[a.Action, ...]:
    place = LAYOUT.site(site.name)
    return plan_site(site, place, SETTINGS, seen, roster=roster, pauses=pauses).actions


def test_nothing_is_done_to_a_site_that_is_right() -> None:
    assert _plan(site_as_wanted()) == ()


def test_a_new_site_is_built_in_order_and_nginx_is_last() -> None:
    actions = _plan(ObservedSite(), roster="[]")
    kinds = [type(action) for action in actions]
    once = [
        a.EnsureUser,
        a.PlantCore,
        a.EnsureDatabase,
        a.InstallWordPress,
        a.DefineProgram,
        a.WriteRoster,
        a.SwapNginxFiles,
    ]
    places = [kinds.index(kind) for kind in once]
    # Its PHP, and the worker that looks at its files.
    assert all(kinds.count(kind) == (2 if kind is a.DefineProgram else 1) for kind in once)
    assert places == sorted(places)
    assert kinds[0] is a.EnsureUser and kinds[-1] is a.SwapNginxFiles
    assert max(n for n, kind in enumerate(kinds) if kind is a.MakeDirectory) < kinds.index(a.PlantCore)
    written = [n for n, kind in enumerate(kinds) if kind in (a.WriteFile, a.WriteUserFile)]
    assert kinds.index(a.PlantCore) < min(written) and max(written) < kinds.index(a.InstallWordPress)


def test_a_new_sites_files_all_come() -> None:
    actions = _plan(ObservedSite())
    written = {action.path for action in actions if isinstance(action, a.WriteFile | a.WriteUserFile)}
    assert written == {file.path for file in desired.site_files(SITE, PLACE, SETTINGS, pauses=False)}
    made = {action.path for action in actions if isinstance(action, a.MakeDirectory | a.MakeUserDirectory)}
    assert made == {d.path for d in desired.site_directories(PLACE)} | set(desired.site_private_directories(PLACE))


def test_what_lies_where_the_site_can_write_is_written_as_the_site() -> None:
    actions = _plan(ObservedSite())
    for action in actions:
        if isinstance(action, a.WriteFile | a.MakeDirectory | a.RemovePath):
            parents = action.path.parents
            assert PLACE.content not in parents, action
            assert PLACE.private not in parents, action
    drop_ins = [action for action in actions if isinstance(action, a.WriteUserFile)]
    assert [drop_in.path.name for drop_in in drop_ins] == ["db.php", "object-cache.php"]
    assert {(drop_in.path.parent, drop_in.user) for drop_in in drop_ins} == {(PLACE.content, PLACE.unix_user)}


CONFIG = PLACE.public / "wp-config.php"
MISSING = [
    ("user", {"has_user": False}, a.EnsureUser),
    ("core", {"planted": None}, a.PlantCore),
    ("database", {"has_database": False}, a.EnsureDatabase),
    ("account", {"account": None}, a.EnsureDatabase),
    ("caps of its account", {"account": AccountCaps(60, 0)}, a.EnsureDatabase),
    ("installation", {"installed": False}, a.InstallWordPress),
    ("definition", {"program": None}, a.DefineProgram),
    ("process", {"running": False}, a.StartProgram),
]


@pytest.mark.parametrize(("what", "fault", "kind"), MISSING, ids=[what for what, *_ in MISSING])
def test_one_thing_that_is_missing_gives_its_action_alone(
    what: str, fault: dict[str, object], kind: type[a.Action]
) -> None:
    seen = site_as_wanted()
    (action,) = _plan(ObservedSite(**{**vars(seen), **fault}))
    assert type(action) is kind
    assert action.reason


@pytest.mark.parametrize("directory", desired.site_directories(PLACE), ids=lambda wanted: wanted.path.name)
def test_a_folder_that_is_missing_or_open(directory: WantedDirectory) -> None:
    seen = site_as_wanted()
    right = seen.paths[directory.path]
    assert right is not None
    for now in (None, replace(right, mode=0o777), replace(right, owner="nobody")):
        (action,) = _plan(replace(seen, paths={**seen.paths, directory.path: now}))
        assert isinstance(action, a.MakeDirectory) and action.path == directory.path


@pytest.mark.parametrize("path", desired.site_private_directories(PLACE), ids=lambda path: path.name)
def test_a_private_folder_that_is_missing(path: object) -> None:
    seen = site_as_wanted()
    (action,) = _plan(replace(seen, paths={key: value for key, value in seen.paths.items() if key != path}))
    assert isinstance(action, a.MakeUserDirectory)
    assert (action.path, action.user) == (path, PLACE.unix_user)


@pytest.mark.parametrize(
    "file", desired.site_files(SITE, PLACE, SETTINGS, pauses=False), ids=lambda wanted: wanted.path.name
)
def test_a_file_that_has_changed(file: WantedFile) -> None:
    seen = site_as_wanted()
    right = seen.paths[file.path]
    assert right is not None
    for now in (None, replace(right, digest="another")):
        action, *more = _plan(replace(seen, paths={**seen.paths, file.path: now}))
        assert isinstance(action, a.WriteFile | a.WriteUserFile)
        assert (action.path, action.text) == (file.path, file.text)
        assert [type(one) for one in more] == ([a.DropPages] if file.path == CONFIG else [])
        if more:  # a new site has no pages
            *_, last = _plan(replace(seen, paths={**seen.paths, file.path: now}, installed=False))
            assert isinstance(last, a.InstallWordPress)


def test_the_mode_of_a_file_that_is_the_sites_own_is_its_own_affair() -> None:
    seen = site_as_wanted()
    path = PLACE.content / "db.php"
    right = seen.paths[path]
    assert right is not None
    assert _plan(replace(seen, paths={**seen.paths, path: replace(right, mode=0o600, owner="other")})) == ()


def test_files_of_nginx_that_have_changed_are_swapped_together_and_last() -> None:
    seen = site_as_wanted()
    changed = {file.path: None for file in desired.site_nginx_files(SITE, PLACE)}
    actions = _plan(replace(seen, paths={**seen.paths, **changed}))
    assert [type(action) for action in actions] == [a.SwapNginxFiles]
    swap = actions[-1]
    assert isinstance(swap, a.SwapNginxFiles)
    assert {path for path, _ in swap.files} == set(changed)


def test_a_changed_roster_is_told() -> None:
    (action,) = _plan(site_as_wanted(), roster="[1]")
    assert isinstance(action, a.WriteRoster)
    assert (action.path, action.text) == (LAYOUT.roster, "[1]")


def test_another_core_is_one_exchange() -> None:
    (action,) = _plan(site_as_wanted(), site=replace(SITE, core="7.0"))
    assert action == a.ExchangeCore(
        SITE.name, "6.9", "7.0", PLACE.public, "php-s1", PLACE.planted_marker, reason="another core is wanted"
    )


def test_the_core_before_is_the_same_way_back() -> None:
    seen = replace(site_as_wanted(), planted="7.0")
    (action,) = _plan(seen)
    assert isinstance(action, a.ExchangeCore)
    assert (action.old, action.new) == ("7.0", "6.9")


def test_a_core_is_exchanged_before_nginx_is_touched() -> None:
    seen = site_as_wanted()
    actions = _plan(
        replace(seen, paths={**seen.paths, PLACE.nginx_map: None}), site=replace(SITE, core="7.0"), roster="[]"
    )
    assert [type(action) for action in actions] == [a.ExchangeCore, a.WriteRoster, a.SwapNginxFiles]


def test_a_new_alias_changes_nginx_alone() -> None:
    (action,) = _plan(site_as_wanted(), site=examples.site(aliases=("www.news.example.org",)))
    assert isinstance(action, a.SwapNginxFiles)
    assert [path for path, _ in action.files] == [PLACE.nginx_map, PLACE.nginx_names]


def test_pause_points_change_wp_config_alone() -> None:
    action, drop = _plan(site_as_wanted(), pauses=True)
    assert isinstance(action, a.WriteFile) and action.path == CONFIG
    assert isinstance(drop, a.DropPages)


def test_an_upgrade_of_the_platforms_php_takes_out_the_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = site_as_wanted()
    scripts = {**desired.php_scripts(), "prefetch.php": "<?php // another one"}
    monkeypatch.setattr(desired, "php_scripts", lambda: scripts)
    action, drop = _plan(seen)
    assert isinstance(action, a.WriteFile) and action.path == CONFIG
    assert isinstance(drop, a.DropPages)


WANTED_SPACE = Space(SETTINGS.tenants.disk_mb * 2**20, SETTINGS.tenants.files)
WITH_IMAGES = SETTINGS.model_copy(update={"tenants": SETTINGS.tenants.model_copy(update={"images": True})})


@pytest.mark.parametrize("most", [None, Space(7, 7)])
def test_a_quota_that_is_missing_or_another(most: Space | None) -> None:
    seen = replace(site_as_wanted(), room=Room(QUOTAS, Space(1, 1), most))
    (action,) = plan_site(SITE, PLACE, WITH_IMAGES, seen, roster=None, pauses=False).actions
    assert isinstance(action, a.LimitSpace)
    assert (action.user, action.most) == (PLACE.unix_user, WANTED_SPACE)
    right = replace(seen, room=Room(QUOTAS, Space(1, 1), WANTED_SPACE))
    assert not plan_site(SITE, PLACE, WITH_IMAGES, right, roster=None, pauses=False)


def test_a_new_site_gets_a_file_system_of_its_own_before_anything_is_put_there() -> None:
    user, image, mount, *others = plan_site(SITE, PLACE, WITH_IMAGES, ObservedSite(), roster=None, pauses=False).actions
    assert isinstance(user, a.EnsureUser)
    assert image == a.MakeImage(PLACE.image, WANTED_SPACE, reason="one site must leave space for the others")
    assert mount == a.MountImage(PLACE.image, PLACE.home, PLACE.gate.parent, reason="the site lives in it")
    assert not {type(action) for action in others} & {a.MakeImage, a.MountImage, a.LimitSpace}


def test_a_site_that_stands_stays_where_it_is() -> None:
    assert not plan_site(SITE, PLACE, WITH_IMAGES, site_as_wanted(), roster=None, pauses=False)


def test_an_image_that_is_not_mounted_is() -> None:
    (action,) = _plan(replace(site_as_wanted(), has_image=True))
    assert isinstance(action, a.MountImage)
    assert _plan(replace(site_as_wanted(), has_image=True, room=Room(IMAGE, Space(1, 1), Space(2, 2)))) == ()


def test_a_neighbours_observation_does_not_pass_for_ours() -> None:
    other = site_as_wanted(examples.site("s2", "other.example.org"))
    kinds = {type(action) for action in _plan(other)}
    assert {a.MakeDirectory, a.WriteFile, a.DefineProgram, a.SwapNginxFiles} <= kinds


# -- removal ---------------------------------------------------------------------------------------------------


def test_a_site_is_taken_away_outermost_first() -> None:
    actions = plan_removal(SITE, PLACE, roster="[]").actions
    kinds = [type(action) for action in actions]
    assert kinds[:5] == [a.SwapNginxFiles, a.RemoveProgram, a.RemoveProgram, a.WriteRoster, a.RemoveDatabase]
    assert kinds[-1] is a.RemoveUser
    assert set(kinds[5:-1]) == {a.RemovePath, a.RemoveImage}
    assert kinds.index(a.RemoveImage) < actions.index(_removal_of(PLACE.home))
    swap = actions[0]
    assert isinstance(swap, a.SwapNginxFiles)
    assert swap.files == ((PLACE.nginx_map, None), (PLACE.nginx_names, None))


def _removal_of(path: Path) -> a.RemovePath:
    return a.RemovePath(path, reason="news.example.org is deleted")


def test_nothing_of_a_site_is_left() -> None:
    actions = plan_removal(SITE, PLACE, roster="[]").actions
    removed = {action.path for action in actions if isinstance(action, a.RemovePath)}
    wanted = {d.path for d in desired.site_directories(PLACE)}
    wanted |= {file.path for file in desired.site_files(SITE, PLACE, SETTINGS, pauses=False)}
    wanted |= {PLACE.store, PLACE.gate, PLACE.installed_marker, PLACE.planted_marker, PLACE.public, PLACE.private}
    wanted |= {desired.site_program(PLACE, SETTINGS).log, desired.scan_program(PLACE, SETTINGS).log}
    for path in wanted:
        assert removed & {path, *path.parents}, path


def test_nothing_of_another_site_or_the_node_is_removed() -> None:
    other = LAYOUT.site("s11")
    actions = plan_removal(SITE, PLACE, roster="[]").actions
    kept = [other.home, other.store, other.gate, other.fpm_config, other.installed_marker, LAYOUT.state_database]
    for action in actions:
        if isinstance(action, a.RemovePath):
            assert not any(action.path in (path, *path.parents) for path in kept), action


def test_each_step_says_why() -> None:
    for action in plan_removal(SITE, PLACE, roster="[]").actions:
        assert action.reason == "news.example.org is deleted"


WITH_HTTPS = SETTINGS.model_copy(update={"https": HttpsSettings(port=8443)})


@pytest.mark.parametrize("certified", [(), ("paper.example",), ("other.example", "www.other.example")])
def test_a_certificate_is_issued_where_there_is_none_for_all_names(certified: tuple[str, ...]) -> None:
    seen = replace(site_as_wanted(settings=WITH_HTTPS), certified=frozenset(certified))
    (action,) = plan_site(SITE, PLACE, WITH_HTTPS, seen, roster=None, pauses=False).actions
    assert isinstance(action, a.IssueCertificate)
    assert action.names == (SITE.domain, *SITE.aliases)
    assert (action.path, action.authority) == (PLACE.certificate, LAYOUT.authority)


def test_it_is_there_before_nginx_is_told_of_it() -> None:
    actions = plan_site(SITE, PLACE, WITH_HTTPS, ObservedSite(), roster=None, pauses=False).actions
    kinds = [type(action) for action in actions]
    assert kinds.index(a.IssueCertificate) < kinds.index(a.SwapNginxFiles)


def test_without_https_there_is_no_certificate() -> None:
    assert _plan(replace(site_as_wanted(), certified=frozenset())) == ()

from __future__ import annotations

import contextlib
import errno
import grp
import multiprocessing
import os
import pwd
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pressroom.model.errors import Conflict, Drifted, NotFound
from pressroom.wordpress.cores import Core, CoreStore
from pressroom.wordpress.folders import DebianSource, FolderSource
from pressroom.wordpress.tree import core_of, exchange_core, plant

from .small_core import build, die_at, every, interrupt_at, names_below, picture

OWNER, GROUP = "nobody", "www-data"
Put = Callable[[Path], None]


@pytest.fixture
def old(ground: Path) -> Core:
    source = build(ground / "old", "6.4.3", {"wp-old.php": "<?php", "wp-includes/gone/x.php": "<?php"})
    return CoreStore(ground / "cores").add(FolderSource(source))


@pytest.fixture
def new(ground: Path) -> Core:
    source = build(ground / "new", "6.5", {"wp-new.php": "<?php", "wp-admin/fresh/x.php": "<?php"})
    return CoreStore(ground / "cores").add(FolderSource(source))


def put(core: Core, themes: list[str] | None = None) -> Put:
    return lambda public: plant(core, public, owner=OWNER, group=GROUP, themes=themes)


def exchange(old: Core, new: Core) -> Put:
    return lambda public: exchange_core(public, old, new)


def site_of(core: Core, home: Path) -> Path:
    """A planted site with what its user has put there."""
    home.mkdir()
    put(core)(home / "public")
    (home / "public/wp-config.php").write_text("<?php // config")
    (home / "public/wp-content/uploads").mkdir()
    (home / "public/wp-content/uploads/photo.jpg").write_text("jpg")
    (home / "public/robots.txt").write_text("User-agent: *")
    for name in ("wp-config.php", "robots.txt", "wp-content/uploads", "wp-content/uploads/photo.jpg"):
        shutil.chown(home / "public" / name, OWNER, GROUP)
    return home / "public"


def test_code_is_linked_and_content_is_the_sites_own(ground: Path, old: Core) -> None:
    put(old)(ground / "public")
    assert names_below(ground / "public") == names_below(old.path) - {".core.json"}
    nobody, www = pwd.getpwnam(OWNER).pw_uid, grp.getgrnam(GROUP).gr_gid
    for path in [ground / "public", *(ground / "public").rglob("*")]:
        status, name = path.lstat(), str(path.relative_to(ground / "public"))
        if name == "." or name.startswith("wp-content"):
            mode = stat.S_IFDIR | 0o2750 if path.is_dir() else stat.S_IFREG | 0o640
            assert (status.st_mode, status.st_uid, status.st_gid) == (mode, nobody, www), name
        else:
            mode = stat.S_IFDIR | 0o755 if path.is_dir() else stat.S_IFREG | 0o644
            assert (status.st_mode, status.st_uid, status.st_gid) == (mode, 0, 0), name
        if path.is_file():
            shared = status.st_ino == (old.path / name).stat().st_ino
            assert shared is not name.startswith("wp-content"), name
    assert [path.name for path in ground.glob(".next*")] == []


def test_a_hundred_sites_share_one_core(ground: Path, old: Core) -> None:
    for number in range(100):
        put(old)(ground / f"public-{number}")
    assert (old.path / "wp-includes/version.php").stat().st_nlink == 101
    assert (old.path / "wp-content/index.php").stat().st_nlink == 1


def test_only_wanted_themes_are_copied(ground: Path, old: Core) -> None:
    for number, (themes, wanted) in enumerate(
        [(None, {"alpha", "beta", "index.php"}), (["beta"], {"beta", "index.php"}), ([], {"index.php"})]
    ):
        put(old, themes)(ground / str(number))
        assert {path.name for path in (ground / str(number) / "wp-content/themes").iterdir()} == wanted


@pytest.mark.parametrize("theme", ["gamma", "index.php", "../plugins", "", "."])
def test_an_unknown_theme_is_not_found_before_anything_is_made(ground: Path, old: Core, theme: str) -> None:
    with pytest.raises(NotFound) as caught:
        put(old, ["alpha", theme])(ground / "public")
    assert "alpha, beta" in caught.value.hint
    assert not (ground / "public").exists()


def test_planting_again_changes_nothing(ground: Path, old: Core) -> None:
    public = site_of(old, ground / "site")
    before = picture(public)
    put(old)(public)
    put(old, ["alpha"])(public)
    assert picture(public) == before


def break_by_removal(public: Path) -> None:
    shutil.rmtree(public / "wp-includes/js")
    (public / "wp-load.php").unlink()


def break_by_addition(public: Path) -> None:
    (public / "wp-admin/shell.php").write_text("<?php")
    (public / "wp-includes/js/extra").mkdir()


def break_by_replacement(public: Path) -> None:
    (public / "wp-login.php").unlink()
    (public / "wp-login.php").write_text("<?php // evil")
    (public / "wp-admin").rename(public / "wp-content/taken")
    (public / "wp-admin").mkdir()
    (public / "wp-admin/index.php").write_text("<?php // evil")


def break_by_links(public: Path) -> None:
    (public / "index.php").unlink()
    (public / "index.php").symlink_to("/etc/passwd")
    shutil.rmtree(public / "wp-includes")
    (public / "wp-includes").symlink_to("/etc")


def break_by_kind(public: Path) -> None:
    (public / "index.php").unlink()
    (public / "index.php/deep").mkdir(parents=True)
    shutil.rmtree(public / "wp-admin")
    os.mkfifo(public / "wp-admin")


def break_by_mode(public: Path) -> None:
    (public / "wp-admin/css").chmod(0o777)
    shutil.chown(public / "wp-includes", OWNER)
    public.chmod(0o777)


@pytest.mark.parametrize(
    "break_it",
    [break_by_removal, break_by_addition, break_by_replacement, break_by_links, break_by_kind, break_by_mode],
)
def test_planting_again_mends(ground: Path, old: Core, break_it: Put) -> None:
    public = site_of(old, ground / "site")
    before = picture(public)
    break_it(public)
    assert picture(public) != before
    put(old)(public)
    shutil.rmtree(public / "wp-content/taken", ignore_errors=True)
    assert picture(public) == before
    assert Path("/etc/passwd").stat().st_uid == 0
    assert Path("/etc").is_dir()


@pytest.mark.parametrize("kind", ["link", "file"])
def test_a_document_root_that_is_no_folder_is_a_conflict(ground: Path, old: Core, kind: str) -> None:
    (ground / "elsewhere").mkdir()
    if kind == "link":
        (ground / "public").symlink_to("elsewhere")
    else:
        (ground / "public").touch()
    with pytest.raises(Conflict, match="no folder"):
        put(old)(ground / "public")
    assert list((ground / "elsewhere").iterdir()) == []


def test_where_no_link_can_be_made_files_are_copied(ground: Path, disk: Path, old: Core, new: Core) -> None:
    assert disk.stat().st_dev != ground.stat().st_dev
    put(old)(disk / "public")
    assert names_below(disk / "public") == names_below(old.path) - {".core.json"}
    status = (disk / "public/wp-load.php").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid) == (0o644, 0)
    before = picture(disk / "public")
    put(old)(disk / "public")
    assert picture(disk / "public") == before  # the same inodes: known as the core's, not copied again
    exchange_core(disk / "public", old, new)
    assert core_of(disk / "public") == "6.5"


def test_exchange_moves_the_code_and_nothing_else(ground: Path, old: Core, new: Core) -> None:
    public = site_of(old, ground / "site")
    before = picture(public)
    exchange_core(public, old, new)
    assert core_of(public) == "6.5"
    theirs = {name for name in before if name.startswith(("wp-content", "wp-config", "robots"))}
    assert {name: picture(public)[name] for name in theirs} == {name: before[name] for name in theirs}
    assert names_below(public) == {
        *(name for name in names_below(public) if name in theirs),
        *(name for name in names_below(new.path) if not name.startswith(("wp-content", ".core"))),
    }
    assert not (public / "wp-old.php").exists()
    exchange_core(public, new, old)
    assert picture(public) == before


def test_exchange_keeps_a_sites_own_file_with_a_cores_name(ground: Path, old: Core, new: Core) -> None:
    public = site_of(old, ground / "site")
    (public / "wp-old.php").unlink()
    (public / "wp-old.php").write_text("<?php // mine")
    shutil.chown(public / "wp-old.php", OWNER)
    exchange_core(public, old, new)
    assert (public / "wp-old.php").read_text() == "<?php // mine"


def test_exchange_stops_at_a_third_version_and_at_no_site(ground: Path, old: Core, new: Core) -> None:
    third = CoreStore(ground / "cores").add(FolderSource(build(ground / "third", "6.6")))
    public = site_of(third, ground / "site")
    before = picture(public)
    with pytest.raises(Drifted, match=r"6\.6"):
        exchange_core(public, old, new)
    assert picture(public) == before
    with pytest.raises(NotFound):
        exchange_core(ground / "nothing/public", old, new)


def test_killed_anywhere_planting_again_makes_it_good(ground: Path, old: Core) -> None:
    put(old)(ground / "wanted")
    wanted = picture(ground / "wanted")

    def killed_and_done_again(line: int) -> bool:
        public = ground / f"site-{line}/public"
        public.parent.mkdir()
        died = die_at(line, lambda: put(old)(public))
        put(old)(public)
        assert picture(public) == wanted
        assert list(public.parent.iterdir()) == [public]
        return died

    assert len(list(every(17, killed_and_done_again))) > 40


def test_killed_anywhere_exchanging_again_ends_at_the_new_core(ground: Path, old: Core, new: Core) -> None:
    public = site_of(old, ground / "site")
    at_old = picture(public)
    exchange_core(public, old, new)
    at_new = picture(public)
    exchange_core(public, new, old)

    def killed_and_done_again(line: int) -> bool:
        died = die_at(line, lambda: exchange_core(public, old, new))
        exchange_core(public, old, new)
        assert picture(public) == at_new
        died_too = die_at(line, lambda: exchange_core(public, new, old))
        exchange_core(public, new, old)
        assert picture(public) == at_old
        assert list(public.parent.iterdir()) == [public]
        return died or died_too

    assert len(list(every(11, killed_and_done_again))) > 40


def test_killed_in_the_middle_the_way_back_is_open_too(ground: Path, old: Core, new: Core) -> None:
    public = site_of(old, ground / "site")
    at_old = picture(public)

    def killed_and_undone(line: int) -> bool:
        died = die_at(line, lambda: exchange_core(public, old, new))
        exchange_core(public, new, old)
        assert picture(public) == at_old
        return died

    assert len(list(every(19, killed_and_undone))) > 20


def test_broken_off_the_code_is_all_old_or_all_new(ground: Path, old: Core, new: Core) -> None:
    public = site_of(old, ground / "site")
    at_old = picture(public)
    exchange_core(public, old, new)
    at_new = picture(public)
    exchange_core(public, new, old)
    ends = []

    def interrupted(line: int) -> bool:
        stopped = interrupt_at(line, lambda: exchange_core(public, old, new))
        now = picture(public)
        now.pop("wp-old.php" if now["wp-load.php"] == at_new["wp-load.php"] else "", None)
        assert now in (at_old, at_new)
        ends.append(now == at_new)
        put(old)(public)
        assert picture(public) == at_old
        return stopped

    assert len(list(every(7, interrupted))) > 60
    assert False in ends


def test_core_of_reads_no_links_and_no_fifos(ground: Path, old: Core) -> None:
    public = site_of(old, ground / "site")
    assert core_of(public) == "6.4.3"
    shutil.rmtree(public / "wp-includes")
    (public / "wp-includes").symlink_to(old.path / "wp-includes")
    with pytest.raises(NotFound):
        core_of(public)
    (public / "wp-includes").unlink()
    (public / "wp-includes").mkdir()
    os.mkfifo(public / "wp-includes/version.php")
    with pytest.raises(NotFound):
        core_of(public)
    pipe = os.open(public / "wp-includes/version.php", os.O_RDWR)  # somebody is about to write, and never does
    with pytest.raises(NotFound):
        core_of(public)
    os.close(pipe)
    (public / "wp-includes/version.php").unlink()
    (public / "wp-includes/version.php").symlink_to(old.path / "wp-includes/version.php")
    with pytest.raises(NotFound):
        core_of(public)
    with pytest.raises(NotFound):
        core_of(ground / "nowhere")


def test_a_folder_of_many_levels_in_the_cores_place_is_removed(ground: Path, old: Core) -> None:
    public = site_of(old, ground / "site")
    before = picture(public)
    shutil.rmtree(public / "wp-admin")
    (public / "wp-admin").mkdir()
    here = os.open(public / "wp-admin", os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    put(old)(public)
    assert picture(public) == before


def become_the_site() -> None:
    os.setgroups([])
    os.setgid(pwd.getpwnam(OWNER).pw_gid)
    os.setuid(pwd.getpwnam(OWNER).pw_uid)


def stand_in_wp_admin(public: Path, ready: int) -> None:
    """Put an own folder in wp-admin's place and write into it for as long as that goes."""
    become_the_site()
    os.chdir(public)
    Path("wp-admin").rename("aside")
    Path("wp-admin").mkdir()
    os.chdir("wp-admin")
    for number in range(3000):
        Path(str(number)).touch()
    os.write(ready, b"!")
    number = 3000
    while True:
        try:
            Path(str(number)).touch()
        except OSError as error:
            os._exit(error.errno or 255)
        number += 1


def test_a_user_who_stands_in_a_discarded_folder_adds_nothing_more(ground: Path, old: Core) -> None:
    public = site_of(old, ground / "site")
    listening, ready = os.pipe()
    process = multiprocessing.get_context("fork").Process(target=stand_in_wp_admin, args=(public, ready))
    process.start()
    os.read(listening, 1)
    put(old)(public)
    process.join()
    assert process.exitcode == errno.EACCES
    assert names_below(public / "wp-admin") == names_below(old.path / "wp-admin")
    os.close(listening)
    os.close(ready)


def meddle(public: Path, place: str, target: Path, seconds: float, rounds: Any) -> None:
    """What a site's user can do: put a link to `target` where `place` is, without rest."""
    become_the_site()
    os.chdir(public)
    until = time.monotonic() + seconds
    number = 0
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            os.unlink(place)  # noqa: PTH108  # as fast as can be
        with contextlib.suppress(OSError):
            os.rename(place, f"aside-{place}-{number}")  # noqa: PTH104
        with contextlib.suppress(OSError):
            os.symlink(target, place)  # noqa: PTH211
        number += 1
    with rounds.get_lock():
        rounds.value += number
    os._exit(0)


def test_a_user_who_meddles_changes_nothing_outside(ground: Path, old: Core, new: Core) -> None:
    public = site_of(old, ground / "site")
    target = ground / "root-only"
    target.mkdir(mode=0o700)
    (target / "secret").write_text("canary")
    before, cores = picture(target), picture(ground / "cores")
    fork = multiprocessing.get_context("fork")
    places = ("wp-admin", "wp-content", "index.php")
    rounds = fork.Value("i", 0)
    meddlers = [fork.Process(target=meddle, args=(public, place, target, 2.0, rounds)) for place in places]
    for meddler in meddlers:
        meddler.start()
    done = 0
    try:
        while any(meddler.is_alive() for meddler in meddlers):
            for work in (put(new), put(old), exchange(old, new), exchange(new, old)):
                with contextlib.suppress(Conflict, Drifted):  # it says that somebody keeps changing the place
                    work(public)
                    done += 1
            assert picture(target) == before
    finally:
        for meddler in meddlers:
            meddler.join()
    assert [meddler.exitcode for meddler in meddlers] == [0] * len(meddlers)
    assert done > 10 and rounds.value > 300
    assert picture(ground / "cores") == cores
    if (public / "wp-content").is_symlink():
        (public / "wp-content").unlink()  # a link of the user's is the user's: it would stay
    put(old)(public)
    put(old)(ground / "wanted")
    assert {name: line for name, line in picture(public).items() if name in names_below(ground / "wanted")} == {
        name: line for name, line in picture(ground / "wanted").items() if name in names_below(ground / "wanted")
    }


def test_debians_wordpress_is_planted_quickly(disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    core = CoreStore(disk / "cores").add(DebianSource())
    took = []
    for number, themes in enumerate([None, ["twentytwentythree"], ["twentytwentythree"]]):
        begun = time.perf_counter()
        put(core, themes)(disk / str(number))
        took.append((time.perf_counter() - begun) * 1000)
    begun = time.perf_counter()
    put(core)(disk / "0")
    took.append((time.perf_counter() - begun) * 1000)
    with capsys.disabled():
        print(
            f"\n{len(names_below(disk / '0')):,} files planted in {took[0]:.0f} ms;"
            f" with one theme {took[1]:.0f} and {took[2]:.0f} ms; looked at again in {took[3]:.0f} ms"
        )
    assert core_of(disk / "0") == core.version
    assert (core.path / "wp-settings.php").stat().st_nlink == 4

"""The watch of a site's files over real folders: what counts as code, what came before a cookie, what came unseen."""

from __future__ import annotations

import os
import queue
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from asyncinotify import Inotify

from pressroom.model.layout import Layout
from pressroom.pagecache.invalidator import code_watch
from pressroom.pagecache.invalidator.code_watch import CodeWatch

SOON, MOMENT = 5.0, 0.3


class Watched:
    """A watch that runs, and what it told: ("changed", site, file) and ("came", site, cookie), in order."""

    def __init__(self, root: Path) -> None:
        self.layout = Layout(root)
        self.told: queue.Queue[tuple[str, str, str]] = queue.Queue()
        self.rendering = True
        self.stopping = threading.Event()
        for site in ("s1", "s2"):
            place = self.layout.site(site)
            (place.content / "themes" / "paper" / "inc").mkdir(parents=True)
            (place.content / "uploads").mkdir()
            place.gate.parent.mkdir(parents=True)
            (place.content / "themes" / "paper" / "style.css").write_text("")
        self.watch = CodeWatch(
            self.layout,
            lambda site, file: self.told.put(("changed", site, file)),
            lambda site, cookie: self.told.put(("came", site, cookie)),
            lambda site: self.rendering,
        )

    def start(self, oldest_page: float | None = None) -> None:
        self.watch.attend(["s1", "s2"], {"s1": oldest_page, "s2": None}.get)
        threading.Thread(target=self.watch.run, args=(self.stopping,), daemon=True).start()

    def content(self, path: str) -> Path:
        return self.layout.site("s1").content / path

    def changed(self) -> str:
        """The next file that has changed."""
        kind, site, file = self.told.get(timeout=SOON)
        assert (kind, site) == ("changed", "s1")
        return file.removeprefix("wp-content/")

    def is_silent(self) -> bool:
        time.sleep(MOMENT)
        return self.told.empty()

    def silence_but(self, *told: tuple[str, str, str]) -> None:
        """This is told, and nothing else, whatever comes first."""
        found = {self.told.get(timeout=SOON) for _ in told}
        time.sleep(MOMENT)
        while not self.told.empty():
            found.add(self.told.get())
        assert found == set(told)

    def silence(self) -> None:
        """Forget what has been told until now."""
        time.sleep(MOMENT)
        while not self.told.empty():
            self.told.get()


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path)
    yield watched
    watched.stopping.set()


@pytest.mark.parametrize(
    "change",
    [
        lambda theme: (theme / "style.css").write_text("x"),
        lambda theme: (theme / "new.php").write_text("x"),
        lambda theme: (theme / "style.css").unlink(),
        lambda theme: (theme / "style.css").rename(theme / "moved.css"),
        lambda theme: (theme / "inc" / "deep.php").write_text("x"),
        lambda theme: os.link(theme / "style.css", theme / "linked.css"),
        lambda theme: (theme / "link").symlink_to("style.css"),
        lambda theme: (theme / "inc").rmdir(),
        lambda theme: (theme.parent / "other").mkdir(),
        lambda theme: theme.rename(theme.parent / "renamed"),
        lambda theme: (theme / "style.css").chmod(0o600),
    ],
    ids=[
        "written",
        "new",
        "gone",
        "moved",
        "deep",
        "hard link",
        "link",
        "folder gone",
        "new folder",
        "theme moved",
        "mode",
    ],
)
def test_a_change_of_code_is_told(made: Watched, change: Callable[[Path], object]) -> None:
    made.start()
    change(made.content("themes/paper"))
    assert made.changed().startswith("themes/")


@pytest.mark.parametrize(
    "path",
    [
        "uploads/a.php",
        "cache/a.php",
        "themes/paper/debug.log",
        "debug.log",
        "themes/paper/x.swp",
        "own/a.jpg",
        "own/a.sqlite",
        "own/a.txt~",
    ],
)
def test_what_is_not_code_is_not_told(made: Watched, path: str) -> None:
    made.content(path).parent.mkdir(exist_ok=True)
    made.start()
    made.content(path).write_text("x")
    assert made.is_silent()


@pytest.mark.parametrize("path", ["object-cache.php", "../.user.ini", "own/a.php", "own/a.txt", "own/a.csv", "own/a"])
def test_code_beside_the_themes_is_told(made: Watched, path: str) -> None:
    made.content("own").mkdir()
    os.chown(made.content(path).parent, 65534, 65534)
    made.start()
    made.content(path).write_text("<?php")
    os.chown(made.content(path), 65534, 65534)
    assert made.told.get(timeout=SOON)[1] == "s1"


def test_what_the_platform_links_into_the_root_is_not_told(made: Watched) -> None:
    made.start()
    (made.layout.site("s1").public / "wp-login.php").write_text("<?php")
    assert made.is_silent()


def test_new_folders_are_followed(made: Watched) -> None:
    made.start()
    new = made.content("plugins/new/inc")
    new.mkdir(parents=True)
    assert made.changed() == "plugins"
    made.silence()
    (new / "late.php").write_text("<?php")
    assert made.changed() == "plugins/new/inc/late.php"


def test_a_moved_theme_is_followed_under_its_new_name(made: Watched) -> None:
    made.start()
    made.content("themes/paper").rename(made.content("themes/renamed"))
    made.silence()
    made.content("themes/renamed/style.css").write_text("x")
    assert made.changed()


def test_links_are_followed_inside_the_sites_home_alone(made: Watched, tmp_path: Path) -> None:
    inside, outside = made.layout.site("s1").home / "shared", tmp_path / "outside"
    for number, folder in enumerate((inside, outside)):
        folder.mkdir()
        made.content(f"themes/link-{number}").symlink_to(folder)
    made.start()
    (outside / "foreign.php").write_text("<?php")
    assert made.is_silent()
    (inside / "own.php").write_text("<?php")
    assert made.changed() == "../shared/own.php"


@pytest.mark.parametrize("path", ["themes/paper/shared", "mu-plugins/shared.php", "uploads/shared", "late"])
def test_a_link_out_of_the_sites_home_is_told(made: Watched, tmp_path: Path, path: str) -> None:
    """What it leads to is not watched: the owner is to know."""
    target, link = tmp_path / "outside", made.content(path)
    target.write_text("<?php") if link.suffix else target.mkdir()
    link.parent.mkdir(exist_ok=True)
    if path != "late":
        link.symlink_to(target)
    made.start()
    if path == "late":
        link.mkdir()
        (link / "nothing").symlink_to("nowhere")
        made.silence()
        (link / "shared").symlink_to(target)
        link /= "shared"
        assert made.changed() == "late/shared"
    name = link.relative_to(made.layout.site("s1").public)
    assert made.watch.why_not("s1") == f"{name} leads out of the site's home"
    link.unlink()
    assert made.watch.why_not("s1") == ""


def test_a_link_that_leads_elsewhere_from_now_on(made: Watched) -> None:
    """As deployments do it: `current` is replaced by one rename."""
    for number in (1, 2):
        made.content(f"releases/{number}").mkdir(parents=True)
        (made.content(f"releases/{number}") / "plugin.php").write_text("<?php")
    made.content("releases/current").symlink_to("1")
    made.start()
    made.content("releases/next").symlink_to("2")
    made.silence()
    made.content("releases/next").rename(made.content("releases/current"))
    assert made.changed() in ("releases/current", "releases/next")
    made.silence()
    (made.content("releases/2") / "plugin.php").write_text("<?php // new")
    assert made.changed() == "releases/2/plugin.php"


def test_a_file_behind_a_link(made: Watched) -> None:
    home = made.layout.site("s1").home / "shared"
    home.mkdir()
    (home / "code.php").write_text("<?php")
    made.content("themes/paper/linked.php").symlink_to(home / "code.php")
    made.start()
    (home / "code.php").write_text("<?php // new")
    assert made.changed() == "../shared/code.php"


def test_a_root_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "root").symlink_to("real")
    watched = Watched(tmp_path / "root")
    watched.start()
    watched.content("themes/paper/style.css").write_text("x")
    assert watched.changed() == "themes/paper/style.css"
    watched.stopping.set()


def test_links_in_a_circle(made: Watched) -> None:
    made.content("themes/paper/round").symlink_to("..")
    made.start()
    made.content("themes/paper/style.css").write_text("x")
    assert made.changed()


def test_a_cookie_comes_after_what_was_before_it(made: Watched) -> None:
    made.start()
    for number in range(200):
        made.content(f"themes/paper/{number}.php").write_text("<?php")
    (made.layout.site("s1").gate.parent / "cookie-1").touch()
    told = [made.told.get(timeout=SOON)]
    while told[-1][0] != "came":
        told.append(made.told.get(timeout=SOON))
    assert told[-1] == ("came", "s1", "cookie-1") and ("changed", "s1", "wp-content/themes/paper/199.php") in told
    assert made.is_silent()


def test_a_cookie_from_before_the_watch_comes_too(made: Watched) -> None:
    cookie = made.layout.site("s1").gate.parent / "cookie-early"
    cookie.touch()
    made.start()
    assert made.told.get(timeout=SOON) == ("came", "s1", "cookie-early")
    assert cookie.exists()


def test_a_change_while_nobody_watched_is_found(made: Watched) -> None:
    made.start(oldest_page=time.time())
    assert made.changed() == "while nobody watched"


def test_a_page_that_is_younger_than_all_files_stays(made: Watched) -> None:
    made.start(oldest_page=time.time() + 60)
    assert made.is_silent()


def test_without_watches_nobody_waits_for_a_cookie(made: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(*_: object) -> None:
        raise OSError(28, "No space left on device")

    assert made.watch.cookies_come("s1")  # not begun yet: whoever waits shall
    monkeypatch.setattr(Inotify, "add_watch", no_more)
    made.start()
    assert not made.watch.cookies_come("s1")
    assert made.watch.why_not("s1") == "fs.inotify.max_user_watches is too low"


def test_a_file_that_page_views_write_counts_now_and_then(made: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a plugin that writes beside its code at each page view would keep the store empty."""
    monkeypatch.setattr(code_watch, "_MINUTE", 5.0)
    made.start()
    for _ in range(60):
        made.content("themes/paper/compiled.php").write_text("<?php")
        time.sleep(0.02)
    told = made.told.qsize()
    assert told <= 30
    made.silence()
    assert made.changed() == "themes/paper/compiled.php"  # what was not told then is told when the minute is over


def test_what_is_written_while_nothing_is_rendered_always_counts(made: Watched) -> None:
    made.rendering = False
    made.start()
    for number in range(60):
        made.content("themes/paper/style.css").write_text("x" * number)
        assert made.changed() == "themes/paper/style.css"


def test_it_counts_when_somebody_waits(made: Watched) -> None:
    made.start()
    for _ in range(60):
        made.content("themes/paper/compiled.php").write_text("<?php")
        time.sleep(0.02)
    made.silence()
    (made.layout.site("s1").gate.parent / "cookie-1").touch()
    assert made.changed() == "themes/paper/compiled.php"
    assert made.told.get(timeout=SOON) == ("came", "s1", "cookie-1")


def test_a_fault_takes_all_out_and_the_watch_goes_on(made: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    made.start()

    def fails(*_: object) -> bool:
        monkeypatch.undo()
        raise KeyError("a fault")

    monkeypatch.setattr(made.watch, "_is_written_often", fails)
    made.content("themes/paper/style.css").write_text("x")
    told = {made.told.get(timeout=SOON), made.told.get(timeout=SOON)}
    assert told == {("changed", site, "a fault of the watch of files") for site in ("s1", "s2")}
    made.silence()
    made.content("themes/paper/style.css").write_text("y")
    assert made.changed() == "themes/paper/style.css"


def test_where_one_may_not_look_there_is_no_link() -> None:
    """`Path.is_symlink` raises there: for root, who may look everywhere, where a name is too long."""
    assert not code_watch._is_link(Path("/", "x" * 300))


def test_what_cannot_be_told_of_one_site_concerns_no_other(made: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in a folder that only its owner may look into. Whoever waits for a cookie behind it is told."""
    made.start()

    def refused(*_: object) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(made.watch, "_is_change", refused)
    made.content("themes/paper/style.css").write_text("x")
    (made.layout.site("s2").gate.parent / "cookie-1").touch()
    made.silence_but(("came", "s2", "cookie-1"), ("changed", "s1", "wp-content/themes/paper/style.css"))


def test_a_folder_that_may_be_looked_into_again_is_watched_again(
    made: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.start()
    inotify = made.watch._inotify

    def refused(*_: object) -> object:
        raise PermissionError(13, "Permission denied")

    refusing = SimpleNamespace(add_watch=refused, sync_get=inotify.sync_get)
    monkeypatch.setattr(made.watch, "_inotify", refusing)
    folder = made.content("themes/paper/new")
    folder.mkdir()
    assert made.changed() == "themes/paper/new"
    assert made.watch.why_not("s1") == f"{folder}: Permission denied"
    monkeypatch.setattr(made.watch, "_inotify", inotify)
    folder.chmod(0o755)
    folder.chmod(0o700)
    made.silence()
    assert made.watch.why_not("s1") == ""
    (folder / "one.php").write_text("<?php")
    assert made.changed() == "themes/paper/new/one.php"


def test_a_folder_whose_times_are_not_to_be_had_counts_as_changed(
    made: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object, **__: object) -> float:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(stat, "S_ISDIR", refuses)
    made.start(oldest_page=time.time())
    assert made.changed() == "while nobody watched"
    assert made.watch.why_not("s1") == ""


def test_a_site_that_is_gone_is_forgotten(made: Watched) -> None:
    made.start()
    made.watch.attend(["s2"], lambda site: None)
    made.content("themes/paper/style.css").write_text("x")
    assert made.is_silent() and made.watch.why_not("s1") == "not yet"

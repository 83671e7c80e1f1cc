"""The watch of what a site writes among its uploads, over real folders: what was there counts, new names do not."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pagecache.test_code_watch import Watched


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path)
    builder = watched.content("uploads/builder")
    builder.mkdir()
    watched.content("uploads/2026/01").mkdir(parents=True)
    (builder / "post-1.css").write_text("a{}")
    (builder / "photo.jpg").write_text("")
    (builder / "prices.dat").write_text("1")
    yield watched
    watched.stopping.set()


def _replace(builder: Path) -> None:
    (builder / "post-1.css.tmp").write_text("b{}")
    (builder / "post-1.css.tmp").rename(builder / "post-1.css")


@pytest.mark.parametrize(
    "change",
    [
        lambda builder: (builder / "post-1.css").write_text("b{}"),
        _replace,
        lambda builder: (builder / "prices.dat").write_text("2"),
        lambda builder: (builder / "post-1.css").unlink(),
        lambda builder: (builder / "post-1.css").rename(builder / "post-2.css"),
        lambda builder: builder.rename(builder.parent / "old"),
    ],
    ids=["written", "replaced", "data", "gone", "moved", "folder moved"],
)
def test_a_change_of_what_was_there_is_told(made: Watched, change: Callable[[Path], object]) -> None:
    made.start()
    change(made.content("uploads/builder"))
    assert made.changed().startswith("uploads/builder")


def _upload(builder: Path) -> None:
    """As WordPress does it: moved in from elsewhere, its mode set; sizes written beside it."""
    month = builder.parent / "2026" / "01"
    arrived = builder.parents[3] / "arrived"
    arrived.write_text("<svg/>")
    arrived.rename(month / "drawing.svg")
    (month / "drawing.svg").chmod(0o644)
    for size in ("150x150", "300x200"):
        (month / f"photo-{size}.jpg").write_bytes(b"x" * 1000)
        (month / f"photo-{size}.jpg").chmod(0o644)


def _sizes_again(builder: Path) -> None:
    (builder / "photo.jpg").write_bytes(b"y" * 1000)
    (builder / "photo.jpg").unlink()


@pytest.mark.parametrize(
    "change",
    [
        lambda builder: (builder / "post-2.css").write_text("new{}"),
        _upload,
        _sizes_again,
        lambda builder: (builder / "post-1.css").chmod(0o600),
        lambda builder: (builder / "log.log").write_text("line"),
        lambda builder: (builder / "new").mkdir(),
    ],
    ids=["new", "upload", "sizes again", "mode", "log", "new folder"],
)
def test_what_no_page_was_made_of_is_not_told(made: Watched, change: Callable[[Path], object]) -> None:
    made.start()
    change(made.content("uploads/builder"))
    assert made.is_silent()


def test_a_new_file_is_one_that_was_there_from_then_on(made: Watched) -> None:
    made.start()
    folder = made.content("uploads/later/inner")
    folder.mkdir(parents=True)
    time.sleep(0.1)  # until the folder is followed
    (folder / "post-3.css").write_text("a{}")
    time.sleep(0.1)
    os.link(folder / "post-3.css", folder / "linked.css")
    assert made.is_silent()
    for name in ("post-3.css", "linked.css"):
        (folder / name).write_text("b{}")
        assert made.changed() == f"uploads/later/inner/{name}"


def test_uploads_behind_a_link(made: Watched) -> None:
    """As deployments do it."""
    shared = made.layout.site("s1").home / "shared"
    made.content("uploads").rename(shared)
    made.content("uploads").symlink_to(shared)
    made.start()
    (shared / "builder" / "new.css").write_text("a{}")
    assert made.is_silent()
    (shared / "builder" / "post-1.css").write_text("b{}")
    assert made.changed() == "../shared/builder/post-1.css"


def test_a_change_while_nobody_watched_is_found(made: Watched) -> None:
    css = made.content("uploads/builder/post-1.css")
    time.sleep(1.5)  # the folders of code are older than the page
    os.chown(css, 65534, 65534)
    made.start(oldest_page=css.stat().st_ctime)
    assert made.changed() == "while nobody watched"

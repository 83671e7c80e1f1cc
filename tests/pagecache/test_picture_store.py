"""Forms of pictures over real folders: put in for the picture that they were made of, taken out when it changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pressroom.model.layout import Layout, SiteLayout
from pressroom.pagecache.invalidator.picture_store import PictureStore, is_source, source_time

PATH = "/wp-content/uploads/2026/11/gull.jpg"


class Gallery:
    """One site with one picture, and its store."""

    def __init__(self, root: Path) -> None:
        self.place: SiteLayout = Layout(root).site("s1")
        self.source = self.place.public / PATH[1:]
        self.source.parent.mkdir(parents=True)
        self.source.write_bytes(b"the picture")
        self.staging = root / "staging"
        self.watched = True
        self.gone: list[tuple[str, str]] = []
        self.store = PictureStore(
            self.place.node, lambda folder: self.watched, lambda site, path: self.gone.append((site, path))
        )

    def made(self, suffix: str) -> Path:
        return self.place.pictures / f"{PATH[1:]}{suffix}"

    def publish(self, *forms: str, time: int | None = None) -> bool:
        self.staging.mkdir(exist_ok=True)
        for form in forms:
            (self.staging / form).write_bytes(form.encode())
        known = source_time(self.place.public, PATH) if time is None else time
        assert known is not None
        return self.store.publish("s1", PATH, known, self.staging)


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    return Gallery(tmp_path)


def test_forms_are_put_in_with_their_sources_time(gallery: Gallery) -> None:
    assert gallery.publish("avif", "webp")
    for form in ("avif", "webp"):
        assert gallery.made(f".{form}").read_bytes() == form.encode()
        assert gallery.made(f".{form}").stat().st_mtime_ns == gallery.source.stat().st_ctime_ns
    assert not gallery.made(".none").exists()


def test_that_nothing_is_gained_is_remembered(gallery: Gallery) -> None:
    assert gallery.publish()
    assert gallery.made(".none").stat().st_mtime_ns == gallery.source.stat().st_ctime_ns


def _rewrite(gallery: Gallery) -> None:
    gallery.source.write_bytes(b"another one")


def _exchange(gallery: Gallery) -> None:
    beside = gallery.source.with_name("beside")
    beside.write_bytes(b"the picture")
    beside.replace(gallery.source)


def _link(gallery: Gallery) -> None:
    elsewhere = gallery.source.with_name("elsewhere.jpg")
    gallery.source.rename(elsewhere)
    gallery.source.symlink_to(elsewhere)


def _link_folder(gallery: Gallery) -> None:
    folder = gallery.source.parent
    folder.rename(folder.with_name("12"))
    folder.symlink_to("12")


def _unwatch(gallery: Gallery) -> None:
    gallery.watched = False


@pytest.mark.parametrize("change", [_rewrite, _exchange, _link, _link_folder, _unwatch])
def test_nothing_is_put_in_for_a_picture_that_is_another_one_now(
    gallery: Gallery, change: Callable[[Gallery], None]
) -> None:
    time = gallery.source.stat().st_ctime_ns
    change(gallery)
    assert not gallery.publish("avif", time=time)
    assert not gallery.made(".avif").exists()


def test_a_changed_pictures_forms_are_taken_out_and_it_is_told(gallery: Gallery) -> None:
    gallery.publish("avif", "webp")
    gallery.store.changed("s1", gallery.source, is_folder=False)
    assert not gallery.made(".avif").exists()
    assert not gallery.made(".webp").exists()
    assert gallery.gone == [("s1", PATH)]
    gallery.store.changed("s1", gallery.source, is_folder=False)
    assert len(gallery.gone) == 1


def test_a_folder_that_goes_takes_its_pictures_forms_along(gallery: Gallery) -> None:
    gallery.publish("avif")
    gallery.store.changed("s1", gallery.source.parent.parent, is_folder=True)
    assert not gallery.made(".avif").exists()


@pytest.mark.parametrize("change", [_rewrite, _exchange, _link, _link_folder, lambda gallery: gallery.source.unlink()])
def test_what_changed_unseen_is_found(gallery: Gallery, change: Callable[[Gallery], None]) -> None:
    gallery.publish("avif")
    gallery.store.check("s1")
    assert gallery.made(".avif").exists()
    change(gallery)
    gallery.store.check("s1")
    assert not gallery.made(".avif").exists()


def test_the_root_may_be_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    gallery = Gallery(tmp_path / "link")
    assert gallery.publish("avif")
    gallery.store.check("s1")
    assert gallery.made(".avif").exists()


@pytest.mark.parametrize(
    "path",
    [
        "/wp-content/uploads/a.jpg",
        "/wp-content/uploads/A.JPEG",
        "/wp-content/themes/x/b.png",
        "/wp-content/uploads/größe.jpg",
    ],
)
def test_these_are_sources(path: str) -> None:
    assert is_source(path)


@pytest.mark.parametrize(
    "path",
    [
        "/wp-includes/images/a.jpg",
        "/wp-content/uploads/a.gif",
        "/wp-content/uploads/a.webp",
        "/wp-content/../wp-content/a.jpg",
        "/wp-content//a.jpg",
        "/wp-content/./a.jpg",
        "/wp-content/a\0.jpg",
        "/wp-content/jpg",
        "/",
    ],
)
def test_these_are_none(path: str) -> None:
    assert not is_source(path)


def test_a_name_that_is_too_long_for_its_form_is_left_alone(gallery: Gallery) -> None:
    path = f"/wp-content/uploads/{'a' * 247}.jpg"
    (gallery.place.public / path[1:]).write_bytes(b"x")
    time = source_time(gallery.place.public, path)
    assert time is not None
    gallery.staging.mkdir()
    (gallery.staging / "avif").write_bytes(b"x")
    assert not gallery.store.publish("s1", path, time, gallery.staging)
    assert not list((gallery.place.pictures / "wp-content" / "uploads").iterdir())

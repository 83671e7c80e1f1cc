"""The page store on disk: whole pages or none, generations, and what goes at a start."""

from __future__ import annotations

import contextlib
import hashlib
import resource
from pathlib import Path

import pytest

from pressroom.pagecache.store import PAGE, REDIRECT, TYPED, NotStorable, PageStore
from tests.pagecache.staging import staged

HEAD = {"status": 200, "headers": {"Content-Type": "text/xml"}}
MOVED = {"status": 301, "location": "http://news.example.org/"}


@pytest.fixture
def store(tmp_path: Path) -> PageStore:
    made = PageStore(tmp_path / "store")
    made.switch("s1", 1)
    return made


def _put(store: PageStore, key: str, body: bytes, kind: str = PAGE, head: object = None, mtime: int = 1000) -> None:
    store.put("s1", 1, key, staged(store.folder.parent, body, kind, head), mtime)


def _names(store: PageStore, generation: int = 1) -> set[str]:
    root = store.folder / "s1" / f"g{generation}"
    return {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}


def test_a_page_is_put_with_its_forms_and_its_time(store: PageStore) -> None:
    _put(store, "/a/", b"text", mtime=1234)
    assert _names(store) == {"a/.page", "a/.page.br", "a/.page.gz"}
    root = store.folder / "s1" / "g1" / "a"
    assert {int((root / name).stat().st_mtime) for name in (".page", ".page.br", ".page.gz")} == {1234}
    assert store.plain_file("s1", 1, "/a/", PAGE).read_bytes() == b"text"


def test_pages_of_one_name_stand_beside_each_other(store: PageStore) -> None:
    for key in ("/", "/a", "/a/", "/a/b", "/a/b/", "/a?query-1-page=2", "/a/?query-1-page=2"):
        _put(store, key, key.encode())
    for key in ("/", "/a", "/a/", "/a/b", "/a/b/", "/a?query-1-page=2", "/a/?query-1-page=2"):
        assert store.plain_file("s1", 1, key, PAGE).read_bytes() == key.encode()


def test_a_version_of_another_kind_leaves_nothing_of_the_one_before(store: PageStore) -> None:
    _put(store, "/a", b"text")
    _put(store, "/a", b"<rss/>", TYPED, HEAD)
    assert _names(store) == {"a.head", "a.body", "a.body.br", "a.body.gz"}
    _put(store, "/a", b"", REDIRECT, MOVED)
    assert _names(store) == {"a.head"}
    _put(store, "/a", b"text")
    assert _names(store) == {"a.page", "a.page.br", "a.page.gz"}


def test_a_version_without_compressed_forms_leaves_no_old_ones(store: PageStore) -> None:
    _put(store, "/a", b"old text")
    page = staged(store.folder.parent, b"new")
    (page.folder / "page.br").unlink()
    (page.folder / "page.gz").unlink()
    store.put("s1", 1, "/a", page, 1001)
    assert _names(store) == {"a.page"}


def test_a_page_is_taken_out_and_its_neighbours_stay(store: PageStore) -> None:
    _put(store, "/a", b"text")
    _put(store, "/a/", b"text")
    _put(store, "/a/f", b"<rss/>", TYPED, HEAD)
    store.take_out("s1", 1, "/a")
    store.take_out("s1", 1, "/a")
    store.take_out("s1", 1, "/never/was/here")
    page, feed = {"a/.page", "a/.page.br", "a/.page.gz"}, {"a/f.head", "a/f.body", "a/f.body.br", "a/f.body.gz"}
    assert _names(store) == page | feed
    store.take_out("s1", 1, "/a/f")
    assert _names(store) == page


def test_a_page_whose_folder_is_a_file_is_refused_whole(store: PageStore) -> None:
    (store.folder / "s1" / "g1" / "a").write_bytes(b"a file")
    with pytest.raises(NotStorable):
        _put(store, "/a/b/", b"text")
    assert _names(store) == {"a"}


def test_a_key_without_a_place_is_refused(store: PageStore) -> None:
    with pytest.raises(NotStorable):
        _put(store, "/a.page", b"text")
    assert _names(store) == set()


def test_better_forms_are_put_beside(store: PageStore) -> None:
    _put(store, "/a", b"text", mtime=1000)
    better = staged(store.folder.parent, b"text")
    (better.folder / "page.br").write_bytes(b"better")
    store.put_beside("s1", 1, "/a", better, 1000)
    file = store.folder / "s1" / "g1" / "a.page.br"
    assert file.read_bytes() == b"better"
    assert int(file.stat().st_mtime) == 1000


# -- generations -----------------------------------------------------------------------------------------------


def test_a_switch_replaces_all_pages_in_one_step(store: PageStore) -> None:
    _put(store, "/a", b"text")
    served = store.folder / "s1" / "current" / "a.page"
    assert served.exists()
    store.switch("s1", 2)
    assert store.current("s1") == 2
    assert not served.exists()
    assert _names(store, 1)


def test_a_switch_that_was_cut_short_is_done_again(store: PageStore) -> None:
    (store.folder / "s1" / "current.new").symlink_to("g7")
    store.switch("s1", 2)
    assert store.current("s1") == 2


@pytest.mark.parametrize("broken", ["missing", "file", "elsewhere"])
def test_a_broken_link_is_no_generation(store: PageStore, broken: str) -> None:
    link = store.folder / "s1" / "current"
    link.unlink()
    if broken == "file":
        link.write_text("g1")
    elif broken == "elsewhere":
        link.symlink_to("/etc")
    assert store.current("s1") is None
    store.switch("s1", 3)
    assert store.current("s1") == 3


def test_a_sweep_removes_what_came_before_alone(store: PageStore) -> None:
    for generation in (2, 9, 10):
        store.switch("s1", generation)
    (store.folder / "s1" / "gold").mkdir()
    store.sweep("s1", 9)
    assert {entry.name for entry in (store.folder / "s1").iterdir()} == {"g9", "g10", "gold", "current"}


def test_a_site_is_removed_and_others_stay(store: PageStore) -> None:
    store.switch("s2", 1)
    store.remove_site("s1")
    store.remove_site("s1")
    assert [entry.name for entry in store.folder.iterdir()] == ["s2"]


# -- at a start ------------------------------------------------------------------------------------------------


def test_strangers_are_removed_and_known_pages_stay(store: PageStore) -> None:
    _put(store, "/known", b"text", mtime=1000)
    _put(store, "/other-version", b"text", mtime=1000)
    _put(store, "/unknown", b"text", mtime=1000)
    _put(store, "/cut", b"text of which half is there", mtime=1000)
    root = store.folder / "s1" / "g1"
    (root / "what.is.this").write_bytes(b"?")
    known = {b"known": (1000, 4), b"other-version": (1001, 4), b"cut": (1000, 54)}
    assert store.remove_strangers("s1", 1, known) == 3 + 3 + 1 + 1
    assert {"known.page", "known.page.br", "known.page.gz"} == _names(store) - {"cut.page.br", "cut.page.gz"}


@pytest.mark.parametrize("form", [".page", ".page.br", ".page.gz"])
@pytest.mark.parametrize("damage", ["half", "zeros", "empty", "another"])
def test_a_page_is_whole_when_each_form_has_the_content(store: PageStore, form: str, damage: str) -> None:
    body = b"some text that is longer than nothing" * 20
    digest = hashlib.sha256(body).hexdigest()
    _put(store, "/a", body)
    assert store.is_whole("s1", 1, "/a", PAGE, digest)
    file = store.folder / "s1" / "g1" / f"a{form}"
    data = file.read_bytes()
    other = staged(store.folder.parent, b"another text")
    spoiled = {
        "half": data[: len(data) // 2],
        "zeros": b"\x00" * len(data),
        "empty": b"",
        "another": (other.folder / f"page{form.removeprefix('.page')}").read_bytes(),
    }
    file.write_bytes(spoiled[damage])
    assert not store.is_whole("s1", 1, "/a", PAGE, digest)


def test_a_page_without_its_plain_form_is_not_whole(store: PageStore) -> None:
    _put(store, "/a", b"text")
    (store.folder / "s1" / "g1" / "a.page").unlink()
    assert not store.is_whole("s1", 1, "/a", PAGE, hashlib.sha256(b"text").hexdigest())


def test_a_redirect_is_whole_when_its_head_is(store: PageStore) -> None:
    _put(store, "/a", b"", REDIRECT, MOVED)
    file = store.folder / "s1" / "g1" / "a.head"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert store.is_whole("s1", 1, "/a", REDIRECT, digest)
    file.write_bytes(b"")
    assert not store.is_whole("s1", 1, "/a", REDIRECT, digest)


def _held(store: PageStore) -> list[str]:
    """Files of the store that this process has open though they have no name any more."""
    held = []
    for handle in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            target = str(handle.readlink())
            if target.startswith(str(store.folder)) and target.endswith(" (deleted)"):
                held.append(target)
    return held


def test_the_space_of_a_page_is_given_back_later(store: PageStore) -> None:
    """To give it back waits for the disk, and who waits for a change does not have to."""
    _put(store, "/a/", b"text")
    store.take_out("s1", 1, "/a/")
    assert _names(store) == set()
    assert len(_held(store)) == 3
    store.free_space()
    assert _held(store) == []


def test_pages_go_also_when_no_more_files_may_be_open(store: PageStore) -> None:
    keys = [f"/{number}/" for number in range(10)]
    for key in keys:
        _put(store, key, b"text")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = PageStore(store.folder)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())) + 8, limits[1]))
    try:
        for key in keys:
            few.take_out("s1", 1, key)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert _names(store) == set()
    assert 0 < len(_held(few)) < 30


def test_no_more_than_a_share_of_the_files_is_held(store: PageStore) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (400, limits[1]))
    few = PageStore(store.folder)
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    for number in range(40):
        _put(few, f"/{number}/", b"text")
        few.take_out("s1", 1, f"/{number}/")
    assert _names(store) == set()
    assert len(_held(few)) == 100

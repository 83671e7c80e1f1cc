from __future__ import annotations

import hashlib
import itertools
import multiprocessing
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pressroom.model.errors import BadSource, Conflict, NotFound
from pressroom.wordpress.cores import Core, CoreStore
from pressroom.wordpress.folders import DebianSource, FolderSource

from .small_core import FOREIGN, build, die_at, every, files_of, names_below, picture


@dataclass
class Written:
    """A source that writes what it is told, and counts how often it was asked."""

    write: Callable[[Path], object]
    key: str | None = None
    fetches: list[Path] = field(default_factory=list)

    def describe(self) -> str:
        return "a source of this test"

    def fingerprint(self) -> str | None:
        return self.key

    def fetch(self, into: Path) -> None:
        self.fetches.append(into)
        self.write(into)


def stored_files(core: Core) -> set[str]:
    return names_below(core.path) - {".core.json"}


def test_a_core_is_stored_once_under_its_version_and_digest(ground: Path) -> None:
    store = CoreStore(ground / "cores")
    core = store.add(FolderSource(build(ground / "a")))
    assert core.version == "6.4.3"
    assert core.name == f"6.4.3-{core.digest[:12]}"
    assert core.path == ground / "cores" / core.name
    assert stored_files(core) == set(files_of("6.4.3"))
    assert store.add(FolderSource(build(ground / "b"))) == core
    assert store.list() == [core]
    assert store.get(core.name) == core


def test_the_digest_follows_names_and_contents(ground: Path) -> None:
    store = CoreStore(ground / "cores")
    changes = [
        {},
        {"wp-includes/a": "b"},
        {"wp-includes/ab": ""},
        {"wp-includes/a": "", "wp-includes/b": ""},
        {"wp-content/themes/alpha/style.css": "/* other */"},
    ]
    cores = [store.add(FolderSource(build(ground / str(number), more=more))) for number, more in enumerate(changes)]
    assert len({core.name for core in cores}) == len(changes)


def test_no_name_can_stand_for_two_files(ground: Path) -> None:
    """A name that holds another file's digest must not lead to the same digest of the whole."""
    text = next(t for t in map(str, itertools.count()) if not {0, 47} & {*hashlib.sha256(t.encode()).digest()})
    store = CoreStore(ground / "cores")
    one = build(ground / "one")
    (one / "wp-includes/zzp").write_text(text)
    (one / "wp-includes/zzq").write_text("")
    two = build(ground / "two")
    folder = os.fsdecode(b"zzp" + hashlib.sha256(text.encode()).digest() + b"wp-includes")
    (two / "wp-includes" / folder).mkdir()
    (two / "wp-includes" / folder / "zzq").write_text("")
    assert store.add(FolderSource(one)).digest != store.add(FolderSource(two)).digest


def test_what_is_stored_is_roots_and_plain(ground: Path) -> None:
    def write(into: Path) -> None:
        build(into, more=FOREIGN)
        (into / "wp-load.php").chmod(0o6777)
        (into / "wp-admin").chmod(0o2770)
        os.chown(into / "wp-login.php", 65534, 65534)

    core = CoreStore(ground / "cores").add(Written(write))
    assert stored_files(core) == set(files_of("6.4.3"))
    for path in [core.path, *core.path.rglob("*")]:
        status = path.lstat()
        kind = stat.S_IFDIR | 0o755 if path.is_dir() else stat.S_IFREG | 0o644
        assert (status.st_mode, status.st_uid, status.st_gid) == (kind, 0, 0), path


@pytest.mark.parametrize("odd", ["symlink", "hard link", "fifo"])
def test_a_source_cannot_smuggle_in_links(ground: Path, odd: str) -> None:
    (ground / "secret").write_text("canary")

    def write(into: Path) -> None:
        place = build(into) / "wp-includes/x.php"
        if odd == "symlink":
            place.symlink_to(ground / "secret")
        elif odd == "hard link":
            place.hardlink_to(ground / "secret")
        else:
            os.mkfifo(place)

    with pytest.raises(BadSource, match=r"x\.php"):
        CoreStore(ground / "cores").add(Written(write))
    assert {path.name for path in (ground / "cores").iterdir()} == {".lock"}
    assert (ground / "secret").stat().st_mode & 0o777 == 0o644


def test_what_is_no_wordpress_is_refused(ground: Path) -> None:
    with pytest.raises(BadSource, match="wp-load"):
        CoreStore(ground / "cores").add(Written(lambda into: (build(into) / "wp-load.php").unlink()))
    assert CoreStore(ground / "cores").list() == []


def test_files_of_another_core_never_look_the_same(ground: Path) -> None:
    """opcache and browsers tell a file's versions by its time."""

    def write(into: Path) -> None:
        (build(into) / "wp-login.php").write_text(f"<?php // {len(source.fetches)}")
        for path in into.rglob("*"):
            os.utime(path, (1_000_000, 1_000_000))

    source = Written(write)
    store = CoreStore(ground / "cores")
    one, two = store.add(source), store.add(source)
    assert one != two
    times = [(core.path / "wp-load.php").stat().st_mtime_ns for core in (one, two)]
    assert times[0] != times[1]


def test_a_known_source_is_not_fetched_again(ground: Path) -> None:
    store = CoreStore(ground / "cores")
    source = Written(build, "key one")
    core = store.add(source)
    assert store.add(source) == core
    assert len(source.fetches) == 1
    source.key = "key two"
    assert store.add(source) == core
    assert len(source.fetches) == 2
    store.remove(core.name)
    assert store.add(source) == core
    assert len(source.fetches) == 3


def test_a_broken_key_file_costs_a_fetch_and_no_more(ground: Path) -> None:
    store = CoreStore(ground / "cores")
    source = Written(build, "key")
    core = store.add(source)
    for text in ("", "[]", "{", '{"key": "../../etc"}', '{"key": 7}'):
        (ground / "cores/.sources.json").write_text(text)
        assert store.add(source) == core


def test_a_touched_folder_gives_a_new_core(ground: Path) -> None:
    store = CoreStore(ground / "cores")
    folder = build(ground / "wp")
    one = store.add(FolderSource(folder))
    (folder / "wp-load.php").write_text("<?php // patched")
    two = store.add(FolderSource(folder))
    assert one != two
    assert (two.path / "wp-load.php").read_text() == "<?php // patched"
    assert (one.path / "wp-load.php").read_text() != "<?php // patched"


def test_cores_are_listed_oldest_version_first_and_removed(ground: Path) -> None:
    store = CoreStore(ground / "cores")
    assert store.list() == []
    versions = ["6.10", "6.9.1", "6.4.3", "6.5-beta1"]
    cores = {v: store.add(FolderSource(build(ground / v, v))) for v in versions}
    assert [core.version for core in store.list()] == ["6.4.3", "6.5-beta1", "6.9.1", "6.10"]
    store.remove(cores["6.10"].name)
    assert [core.version for core in store.list()] == ["6.4.3", "6.5-beta1", "6.9.1"]
    assert not cores["6.10"].path.exists()


@pytest.mark.parametrize("name", ["", ".", "..", "../cores", "6.4.3", "6.4.3-0123456789ab", "6.4.3-x/../y", "a\0b"])
def test_an_unknown_name_is_not_found(ground: Path, name: str) -> None:
    store = CoreStore(ground / "cores")
    core = store.add(FolderSource(build(ground / "wp")))
    for verb in (store.get, store.remove):
        with pytest.raises(NotFound) as caught:
            verb(name)
        assert core.name in caught.value.hint
    assert store.list() == [core]


def test_two_cores_with_one_name_are_a_conflict(ground: Path) -> None:
    store = CoreStore(ground / "cores")
    core = store.add(FolderSource(build(ground / "wp")))
    record = core.path / ".core.json"
    record.write_text(record.read_text().replace(core.digest[12:], "0" * 52))
    with pytest.raises(Conflict, match=core.name):
        store.add(FolderSource(build(ground / "again")))


def test_killed_anywhere_the_next_add_makes_it_good(ground: Path) -> None:
    folder = build(ground / "wp")
    wanted = CoreStore(ground / "wanted").add(FolderSource(folder))

    def killed_and_done_again(line: int) -> bool:
        store = CoreStore(ground / f"cores-{line}")
        died = die_at(line, lambda: store.add(FolderSource(folder)))
        assert [core.digest for core in store.list()] in ([], [wanted.digest])
        core = store.add(FolderSource(folder))
        assert core.digest == wanted.digest
        assert stored_files(core) == set(files_of("6.4.3"))
        left = {path.name for path in (ground / f"cores-{line}").iterdir()}
        assert left == {".lock", ".sources.json", core.name}
        return died

    assert len(list(every(29, killed_and_done_again))) > 30


def test_killed_while_removing_no_half_core_is_found(ground: Path) -> None:
    folder = build(ground / "wp")

    def killed(line: int) -> bool:
        store = CoreStore(ground / f"cores-{line}")
        core = store.add(FolderSource(folder))
        died = die_at(line, lambda: store.remove(core.name))
        for left in store.list():
            assert stored_files(left) == set(files_of("6.4.3"))
        assert stored_files(store.add(FolderSource(folder))) == set(files_of("6.4.3"))
        return died

    assert len(list(every(5, killed))) > 4


def test_several_at_once_store_one_core(ground: Path) -> None:
    folder = build(ground / "wp")
    context = multiprocessing.get_context("fork")
    store = CoreStore(ground / "cores")
    workers = [context.Process(target=store.add, args=(FolderSource(folder),)) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 6
    assert len(store.list()) == 1
    assert stored_files(store.list()[0]) == set(files_of("6.4.3"))


def test_sites_keep_what_they_linked_from_a_removed_core(ground: Path) -> None:
    store = CoreStore(ground / "cores")
    core = store.add(FolderSource(build(ground / "wp")))
    (ground / "site.php").hardlink_to(core.path / "wp-load.php")
    before = picture(ground / "site.php")
    store.remove(core.name)
    assert picture(ground / "site.php") == before


def test_debians_package_is_added_whole_and_then_found_at_once(disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = CoreStore(disk / "cores")
    moments = [time.perf_counter()]
    core = store.add(DebianSource())
    moments.append(time.perf_counter())
    assert store.add(DebianSource()) == core
    moments.append(time.perf_counter())
    with capsys.disabled():
        first, again = ((b - a) * 1000 for a, b in itertools.pairwise(moments))
        print(f"\nDebian's WordPress {core.version}: added in {first:.0f} ms, found again in {again:.0f} ms")
    files = stored_files(core)
    assert len(files) > 2500
    assert not any(path.is_symlink() for path in core.path.rglob("*"))
    linked = {"wp-includes/js/underscore.min.js", "wp-includes/ID3/getid3.php"}
    assert files >= linked | {
        "wp-includes/certificates/ca-bundle.crt",
        "wp-content/themes/twentytwentythree/style.css",
    }
    assert not any("wp-config" in name.split("/")[0] for name in files)

"""A link in the place of a folder or file just between root's look and root's work on it, at each such point: no chance
is needed. `tests/wordpress/test_document_root.py` has the same by a user who does it all the time.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from pressroom.model.errors import Conflict
from pressroom.wordpress import swaps, tree
from pressroom.wordpress.cores import Core, CoreStore
from pressroom.wordpress.descriptors import directory
from pressroom.wordpress.folders import FolderSource
from pressroom.wordpress.tree import exchange_core, plant
from tests.wall_table import Seen

from .small_core import build, names_below, picture

OWNER, GROUP = "nobody", "www-data"
_DESCRIPTORS, _NOT_FOLLOWED = "names change places by descriptors", "descriptors follow no link"


@pytest.fixture
def cores(ground: Path) -> tuple[Core, Core]:
    store = CoreStore(ground / "cores")
    old, new = (store.add(FolderSource(build(ground / version, version))) for version in ("6.4.3", "6.5"))
    return old, new


@pytest.fixture
def victim(ground: Path) -> Path:
    """Root's folder: with files that have the names of a core's, and with another one."""
    folder = ground / "victim"
    (folder / "inner").mkdir(parents=True)
    for name in ("wp-load.php", "index.php", "inner/secret"):
        (folder / name).write_text("canary")
    folder.chmod(0o750)
    return folder


def _creation(public: Path, cores: tuple[Core, Core]) -> Callable[[], None]:
    return lambda: plant(cores[0], public, owner=OWNER, group=GROUP)


def _exchange(public: Path, cores: tuple[Core, Core]) -> Callable[[], None]:
    _creation(public, cores)()
    return lambda: exchange_core(public, *cores)


WORKS = pytest.mark.parametrize("begin", [_creation, _exchange], ids=["creation", "exchange"])


@contextlib.contextmanager
def _as_the_site() -> Iterator[None]:
    os.seteuid(pwd.getpwnam(OWNER).pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)


def _link(place: Path, target: Path, who: Callable[[], AbstractContextManager[None]]) -> None:
    """By a user who may do that."""
    with who():
        if place.exists():
            place.rename(place.with_name("aside"))
        place.symlink_to(target)


def _by_path(public: Path) -> Callable[[int, int, str], bool]:
    """In the place of an exchange by descriptors."""

    def put(source: int, target: int, name: str) -> bool:
        made = Path(f"/proc/self/fd/{source}/{name}")
        if made.is_dir():
            shutil.copytree(made, public / name, dirs_exist_ok=True)
        else:
            shutil.copy(made, public / name)
        return True

    return put


@pytest.mark.parametrize(
    ("begin", "name"),
    [(begin, name) for name in ("wp-admin", "wp-load.php") for begin in (_creation, _exchange)]
    + [(_creation, "wp-content")],
)
@pytest.mark.parametrize("walled", [True, False], ids=["walled", "by path"])
def test_a_name_that_becomes_a_link(
    ground: Path, cores: tuple[Core, Core], victim: Path, monkeypatch: pytest.MonkeyPatch, seen: Seen,
    begin: Any, name: str, walled: bool,
) -> None:  # fmt: skip
    """After it was found to be no core's, and before the core's is put there."""
    public = ground / "public"
    work = begin(public, cores)
    target = victim if "." not in name else victim / name
    before, done = picture(victim), []

    def bending(put: Callable[[int, int, str], Any]) -> Callable[[int, int, str], Any]:
        def bent(source: int, target_folder: int, part: str) -> Any:
            if part == name:
                os.chown(public, pwd.getpwnam(OWNER).pw_uid, -1)  # as it is when the site runs
                _link(public / name, target, _as_the_site)
                done.append(part)
            return put(source, target_folder, part)

        return bent

    for function in ("swap_in", "move_in"):
        monkeypatch.setattr(tree, function, bending(getattr(tree, function) if walled else _by_path(public)))
    work()
    assert done == [name]
    attempt = f"a link in the place of `{name}` before root puts the core's there"
    if walled:
        assert picture(victim) == before
        seen.kept_out(attempt, _DESCRIPTORS)
    else:
        assert (
            picture(victim) != before
            and "canary" not in (target if target.is_file() else target / "index.php").read_text()
        )
        seen.came_through(attempt, _DESCRIPTORS)


def _followed(
    monkeypatch: pytest.MonkeyPatch, module: Any, bend: Callable[[str | Path], None], *, walled: bool
) -> None:
    """`directory` as the module knows it, with something done just before it opens one; `walled`: as it is."""

    def opened(name: str | Path, at: int | None = None, *, follow: bool = False) -> AbstractContextManager[int]:
        bend(name)
        return directory(name, at, follow=follow or not walled)

    monkeypatch.setattr(module, "directory", opened)


@WORKS
@pytest.mark.parametrize("walled", [True, False], ids=["walled", "followed"])
def test_a_document_root_that_becomes_a_link(
    ground: Path, cores: tuple[Core, Core], victim: Path, monkeypatch: pytest.MonkeyPatch, seen: Seen, begin: Any,
    walled: bool,
) -> None:  # fmt: skip
    """After it was made, or found to be a site's. Its folder is root's, so that it takes root to do that."""
    public = ground / "public"
    work, before = begin(public, cores), picture(victim)

    def bend(name: str | Path) -> None:
        if name == public.name:
            _link(public, victim, contextlib.nullcontext)

    _followed(monkeypatch, tree, bend, walled=walled)
    attempt = "a link in the place of a document root before root opens it"
    if walled:
        with pytest.raises(Conflict):
            work()
        assert picture(victim) == before
        seen.kept_out(attempt, _NOT_FOLLOWED)
    else:
        work()
        assert "wp-includes/version.php" in names_below(victim) and "canary" not in (victim / "wp-load.php").read_text()
        seen.came_through(attempt, _NOT_FOLLOWED)


@pytest.mark.parametrize("walled", [True, False], ids=["walled", "followed"])
def test_a_folder_that_becomes_a_link_before_it_is_emptied(
    ground: Path, cores: tuple[Core, Core], victim: Path, monkeypatch: pytest.MonkeyPatch, seen: Seen, walled: bool
) -> None:
    """Of what an exchange took out of the site. It is root's by then, so that it takes root to do that."""
    public = ground / "public"
    work, before, staging = _exchange(public, cores), picture(victim), ground / ".next-public"
    done: list[str | Path] = []

    def bend(name: str | Path) -> None:
        if name == "wp-admin" and not (place := staging / "wp-admin").is_symlink():
            _link(place, victim, contextlib.nullcontext)
            done.append(name)

    _followed(monkeypatch, swaps, bend, walled=walled)
    attempt = "a link in the place of a folder before root empties it"
    with contextlib.suppress(OSError):
        work()
    assert done
    if walled:
        assert picture(victim) == before
        seen.kept_out(attempt, _NOT_FOLLOWED)
    else:
        assert names_below(victim) == set()
        seen.came_through(attempt, _NOT_FOLLOWED)

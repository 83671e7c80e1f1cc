"""Places and names that keep two nodes apart and fit into what Unix allows."""

from __future__ import annotations

import re
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pressroom.model.layout import SOCKET_PATH_LIMIT, Layout, SiteLayout


def _sockets(layout: Layout) -> Iterator[Path]:
    for owner in (layout, layout.site("s1000000")):
        for name in dir(type(owner)):
            if name.endswith("_socket"):
                yield getattr(owner, name)


def _properties(owner: Layout | SiteLayout) -> dict[str, object]:
    names = [name for name, value in vars(type(owner)).items() if isinstance(value, property)]
    return {name: getattr(owner, name) for name in names}


def test_two_nodes_share_no_name_and_no_place() -> None:
    first, second = Layout(Path("/srv/a")), Layout(Path("/srv/b"))
    for one, other in ((first, second), (first.site("s1"), second.site("s1"))):
        mine, theirs = _properties(one), _properties(other)
        assert not [name for name in mine if mine[name] == theirs[name]]


def test_two_sites_share_no_name_and_no_place() -> None:
    layout = Layout(Path("/srv/a"))
    first, second = _properties(layout.site("s1")), _properties(layout.site("s12"))
    assert not [name for name in first if first[name] == second[name]]


def test_no_place_is_used_for_two_things() -> None:
    layout = Layout(Path("/srv/a"))
    places = [place for owner in (layout, layout.site("s1")) for place in _properties(owner).values()]
    assert len(places) == len(set(places))
    assert all(str(place).startswith("/srv/a/") for place in places if isinstance(place, Path))


def test_users_names_are_debians(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    users = [layout.web_user, layout.database_user, layout.platform_user, layout.site("s1000000").unix_user]
    for user in users:
        assert re.fullmatch(r"pr[0-9a-f]{6}-[a-z0-9]+", user)
        assert len(user) <= 32
    assert Layout(tmp_path).prefix == layout.prefix


@pytest.mark.parametrize("letter", ["x", "ä"], ids=ascii)
def test_a_root_that_fits_has_room_for_every_socket(letter: str) -> None:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as base:
        root = Path(base) / "y"
        while Layout(Path(f"{root}{letter}")).socket_path_fits():
            root = Path(f"{root}{letter}")
        assert Layout(root).socket_path_fits()
        sockets = list(_sockets(Layout(root)))
        assert len(sockets) > 8
        longest = max(sockets, key=lambda path: len(str(path).encode()))
        assert SOCKET_PATH_LIMIT - len(letter.encode()) < len(str(longest).encode()) <= SOCKET_PATH_LIMIT
        longest.parent.mkdir(parents=True)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(longest))


def test_a_root_that_is_too_deep_is_known(tmp_path: Path) -> None:
    layout = Layout(Path("/srv") / ("x" * 80))
    assert not layout.socket_path_fits()
    with socket.socket(socket.AF_UNIX) as server, pytest.raises(OSError, match="too long"):
        server.bind(str(layout.site("s1000000").render_socket))

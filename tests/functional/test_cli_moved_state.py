"""A node of before the control user: what its folder `control` held finds its place, and nothing is made anew."""

from __future__ import annotations

import os
from pathlib import Path

from pressroom.model.layout import Layout
from pressroom.operations import running as nodes
from pressroom.operations.node import give_state
from pressroom.system import users
from tests.functional.command_line import CommandLine
from tests.functional.newspaper import Newspaper


def test_marks_and_keys_move_before_anything_is_planned(command: CommandLine, paper: Newspaper) -> None:
    """Without its marks a site would be installed again, into an emptied database."""
    layout = paper.node.layout
    _as_it_was(layout)
    before = paper.value("SELECT COUNT(*) FROM wp_posts")
    command.done("site", "settings", paper.site.domain, "--set", "authors=on")
    try:
        assert paper.value("SELECT COUNT(*) FROM wp_posts") == before
        assert layout.site(paper.site.name).installed_marker.exists()
        assert layout.control.owner() == layout.control_user == layout.state_database.owner()
    finally:
        command.done("site", "settings", paper.site.domain, "--set", "authors=")
        nodes.up(paper.node)  # with the pause points that other tests need


def _as_it_was(layout: Layout) -> None:
    for place in (layout.authority, layout.made / "installed", layout.made / "planted"):
        if place.exists():
            place.rename(layout.control / place.name)
    for path in (layout.control, *layout.control.rglob("*")):
        os.chown(path, 0, 0, follow_symlinks=False)


def test_what_somebody_else_could_have_put_there_is_not_given_away(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    layout = Layout(tmp_path / "node")
    try:
        give_state(layout)
        assert layout.control.owner() == layout.control_user
        stranger = layout.control / "hard"
        (tmp_path / "secret").write_text("root's")
        stranger.hardlink_to(tmp_path / "secret")
        give_state(layout)
        assert (tmp_path / "secret").owner() == "root"
    finally:
        users.remove_user(layout.control_user)

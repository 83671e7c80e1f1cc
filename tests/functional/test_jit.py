"""PHP's JIT: off at first, and on where it is asked for."""

from __future__ import annotations

from pressroom.operations import running as nodes
from pressroom.operations import settings
from tests.functional.newspaper import Newspaper


def _is_on(paper: Newspaper) -> str:
    paper.as_editor("update_option('pressroom_asked', (int) opcache_get_status(false)['jit']['on'], false);")
    return paper.value("SELECT option_value FROM wp_options WHERE option_name='pressroom_asked'")


def test_the_jit_is_on_where_it_is_asked_for(paper: Newspaper) -> None:
    assert _is_on(paper) == "0"
    try:
        settings.change(paper.node, ["php.jit_mb=16"])
        nodes.up(paper.node)
        assert _is_on(paper) == "1"
    finally:
        settings.change(paper.node, ["php.jit_mb="])
        nodes.up(paper.node)
    assert _is_on(paper) == "0"

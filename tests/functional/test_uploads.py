"""On a real WordPress: pages made of files among the uploads follow their changes; a media upload drops none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pressroom.operations import cache, sites
from tests.functional.newspaper import Newspaper

PLUGIN = Path(__file__).parent / "plugin" / "pressroom-builder"
ONE = "/article-1/"


@pytest.fixture(autouse=True, scope="module")
def plugin(paper: Newspaper) -> Iterator[None]:
    paper.node.engine.stop("cron")
    sites.install_extension(paper.node, paper.site, PLUGIN, "plugins")
    paper.php(
        "require_once ABSPATH . 'wp-admin/includes/plugin.php';"
        " activate_plugin('pressroom-builder/pressroom-builder.php');"
        "$folder = wp_upload_dir()['basedir'] . '/pressroom-builder'; wp_mkdir_p($folder);"
        "file_put_contents(\"$folder/drawing.svg\", 'first');"
    )
    paper.warm()
    paper.await_hit(ONE)
    yield
    paper.php(
        "require_once ABSPATH . 'wp-admin/includes/plugin.php';"
        "deactivate_plugins('pressroom-builder/pressroom-builder.php');"
    )
    paper.node.engine.start("cron")


def _press(paper: Newspaper, how: str, text: str = "") -> None:
    fields = {"action": "pressroom_builder", "how": how, "file": "drawing.svg", "text": text}
    answer = paper.editor.post("/wp-admin/admin-ajax.php", data=fields)
    assert answer.text == "done"


@pytest.mark.parametrize(
    ("how", "text", "shown"), [("write", "second", "second"), ("replace", "third", "third"), ("remove", "", "none")]
)
def test_a_file_that_pages_were_made_of_changes(paper: Newspaper, how: str, text: str, shown: str) -> None:
    paper.warm()
    paper.await_hit(ONE)
    _press(paper, how, text)
    with paper.client() as visitor:
        assert f"<!-- drawing: {shown} -->" in visitor.get(ONE).text
    why = cache.explain(paper.node, f"http://{paper.host}{ONE}")["last_drop_why"]
    assert why == "a file changed: wp-content/uploads/pressroom-builder/drawing.svg"


def _begin_anew(paper: Newspaper) -> None:
    time.sleep(1)  # until what was changed by hand has been seen
    cache.purge(paper.node, paper.site.domain)
    paper.warm()


@pytest.mark.long
def test_renders_that_write_their_own_sheets_keep_their_pages(paper: Newspaper) -> None:
    paper.php("array_map('unlink', glob(wp_upload_dir()['basedir'] . '/pressroom-builder/*.css'));")
    _begin_anew(paper)
    time.sleep(1)
    status = cache.status(paper.node, paper.site.domain)
    assert status.dropped_why == "purged by hand" and status.stored > 10


@pytest.mark.long
def test_a_media_upload_and_its_sizes_made_again_drop_no_pages(paper: Newspaper) -> None:
    _begin_anew(paper)
    number = paper.php(
        "require_once ABSPATH . 'wp-admin/includes/image.php'; require ABSPATH . 'wp-admin/includes/file.php';"
        "require_once ABSPATH . 'wp-admin/includes/media.php'; $file = wp_tempnam('photo.png');"
        "imagepng(imagecreatetruecolor(1800, 1200), $file);"
        "echo media_handle_sideload(['name' => 'photo.png', 'tmp_name' => $file], 0);"
    )
    sizes = paper.php(
        "require_once ABSPATH . 'wp-admin/includes/image.php';"
        f"$data = wp_generate_attachment_metadata({number}, get_attached_file({number}));"
        f"wp_update_attachment_metadata({number}, $data); echo count($data['sizes']);"
    )
    assert int(sizes) >= 4
    time.sleep(1)
    assert cache.status(paper.node, paper.site.domain).dropped_why == "purged by hand"

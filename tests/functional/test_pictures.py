"""On a real WordPress: pictures in forms of fewer bytes look the same, and are never of the past."""

from __future__ import annotations

import base64
import io
import math
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from PIL import Image, ImageChops, ImageDraw, ImageStat

from pressroom.operations import cache
from pressroom.system import process
from tests.conftest import until
from tests.functional.browser import chromium
from tests.functional.command_line import CommandLine
from tests.functional.conftest import FOREVER
from tests.functional.newspaper import Newspaper

FOLDER = "/wp-content/uploads/gallery"
AVIF, WEBP, NEITHER = "image/avif,image/webp,*/*;q=0.8", "image/webp,*/*;q=0.8", "*/*"
ALIKE = 36.0  # dB from the source; from some 35 on, nobody tells two pictures apart by looking at them in turns


def _drawn(seed: int = 0, mode: str = "RGB") -> Image.Image:
    picture = Image.new("RGB", (480, 270))
    draw = ImageDraw.Draw(picture)
    for y in range(270):
        draw.line([(0, y), (480, y)], fill=(40 + y // 3, 90 + y // 4, 160 - y // 3))
    for x in range(0, 480, 24):
        draw.ellipse(
            [x, 60 + (x * 7 + seed) % 120, x + 60, 130 + (x * 7 + seed) % 120], fill=(x // 2, 200 - x // 4, 70)
        )
    return picture.convert(mode)


def _packed(picture: Image.Image, form: str, **options: object) -> bytes:
    written = io.BytesIO()
    picture.save(written, form, **options)
    return written.getvalue()


def _turned() -> Image.Exif:
    """What a camera says that was held upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def _likeness(one: bytes, other: bytes) -> float:
    """Peak signal-to-noise ratio in dB; infinite for the same pixels."""
    first, second = (Image.open(io.BytesIO(data)).convert("RGBA") for data in (one, other))
    assert first.size == second.size
    rms = ImageStat.Stat(ImageChops.difference(first, second)).rms
    noise = math.sqrt(sum(value * value for value in rms) / len(rms))
    return math.inf if noise == 0 else 20 * math.log10(255 / noise)


def _put(paper: Newspaper, name: str, data: bytes) -> None:
    """By hand, as over SFTP."""
    file = paper.place.public / FOLDER[1:] / name
    process.run(["mkdir", "-p", file.parent], user=paper.place.unix_user)
    process.run(["dd", "status=none", f"of={file}"], user=paper.place.unix_user, stdin=data)


def _show(paper: Newspaper, *names: str) -> None:
    """A page that shows these."""
    shown = "".join(f'<img src="{FOLDER}/{name}" width="480" height="270" alt="">' for name in names)
    paper.php(
        "$page = get_page_by_path('gallery');"
        "wp_insert_post(['ID' => $page ? $page->ID : 0, 'post_type' => 'page', 'post_status' => 'publish',"
        f" 'post_title' => 'Gallery', 'post_content' => '<!-- wp:html -->{shown}<!-- /wp:html -->']);"
    )
    paper.await_hit("/gallery/")


def _await_made(paper: Newspaper, patience: float = 60.0) -> None:
    until = time.monotonic() + patience
    quiet = 0
    while quiet < 5:
        quiet = quiet + 1 if cache.status(paper.node, paper.site.domain).pictures_waiting == 0 else 0
        assert time.monotonic() < until, "the pictures are not made"
        time.sleep(0.1)


def _get(paper: Newspaper, name: str, accept: str) -> httpx.Response:
    with paper.client() as visitor:
        answer = visitor.get(f"{FOLDER}/{name}", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["vary"] == "Accept"
    assert answer.headers["cache-control"] == "public, max-age=600"
    return answer


@pytest.fixture(scope="module")
def sources(paper: Newspaper) -> Iterator[dict[str, bytes]]:
    """Those that are made anew, on a page that shows them; made."""
    found = {
        "photo.jpg": _packed(_drawn(), "JPEG", quality=90),
        "grey.JPG": _packed(_drawn(1, "L"), "JPEG", quality=90),
        "writing.png": _packed(_drawn(2), "PNG", compress_level=1),
        "clear.png": _packed(_drawn(3, "RGBA"), "PNG", compress_level=1),
    }
    cache.rest(paper.node, 0)
    for name, data in found.items():
        _put(paper, name, data)
    _show(paper, *found)
    _await_made(paper)
    yield found
    cache.rest(paper.node, FOREVER)
    paper.php("wp_delete_post(get_page_by_path('gallery')->ID, true);")


@pytest.mark.parametrize(
    ("name", "accept", "form", "alike"),
    [
        ("photo.jpg", AVIF, "image/avif", ALIKE),
        ("photo.jpg", WEBP, "image/webp", ALIKE),
        ("grey.JPG", AVIF, "image/avif", ALIKE),
        ("writing.png", AVIF, "image/webp", math.inf),
        ("writing.png", WEBP, "image/webp", math.inf),
        ("clear.png", WEBP, "image/webp", math.inf),
    ],
)
def test_who_takes_it_gets_fewer_bytes_that_look_the_same(
    paper: Newspaper, sources: dict[str, bytes], name: str, accept: str, form: str, alike: float
) -> None:
    answer = _get(paper, name, accept)
    assert answer.headers["content-type"] == form
    assert len(answer.content) < 0.9 * len(sources[name])
    assert _likeness(answer.content, sources[name]) >= alike


@pytest.mark.parametrize("name", ["photo.jpg", "writing.png"])
def test_everybody_else_gets_the_source(paper: Newspaper, sources: dict[str, bytes], name: str) -> None:
    assert _get(paper, name, NEITHER).content == sources[name]


def test_a_browser_shows_the_form_in_its_place(paper: Newspaper, sources: dict[str, bytes]) -> None:
    with chromium() as browser, browser.profile(paper.site.domain) as reader:
        kinds: dict[str, str] = {}
        reader.page.on(
            "response",
            lambda answer: kinds.update({answer.url.rpartition("/")[2]: answer.headers.get("content-type", "")}),
        )
        reader.go(f"http://{paper.host}/gallery/")
        assert reader.pictures_not_loaded() == []
        assert kinds["photo.jpg"] == "image/avif"
        assert reader.complaints == []


LEFT_ALONE = {
    "cmyk.jpg": _packed(_drawn(4, "CMYK"), "JPEG"),
    "turned.jpg": _packed(_drawn(5), "JPEG", exif=_turned()),
    "wide.jpg": _packed(_drawn(6), "JPEG", icc_profile=b"a profile of Display P3" * 20),
    "moving.png": _packed(_drawn(7), "PNG", save_all=True, append_images=[_drawn(8)], compress_level=1),
    "deep.png": _packed(Image.new("I;16", (480, 270), 777), "PNG", compress_level=0),
    "broken.jpg": _packed(_drawn(9), "JPEG")[:300],
    "lie.jpg": b"<?php this is no picture ?>" * 50,
    "tiny.png": _packed(Image.new("1", (2, 2)), "PNG"),
}


@pytest.fixture(scope="module")
def looked_at(paper: Newspaper, sources: dict[str, bytes]) -> None:
    """All of them at once, beside those that are made anew."""
    for name, data in LEFT_ALONE.items():
        _put(paper, name, data)
    _show(paper, *sources, *LEFT_ALONE)
    _await_made(paper)


@pytest.mark.usefixtures("looked_at")
@pytest.mark.parametrize("name", LEFT_ALONE)
def test_what_would_look_otherwise_or_gains_nothing_is_left_alone(paper: Newspaper, name: str) -> None:
    answer = _get(paper, name, AVIF)
    assert answer.content == LEFT_ALONE[name]
    assert (paper.place.pictures / FOLDER[1:] / f"{name}.none").exists(), "it was not looked at"


def _replaced_by_hand(paper: Newspaper, name: str, data: bytes) -> None:
    _put(paper, name, data)
    time.sleep(0.5)  # the bound for files changed by hand


def _replaced_by_an_editor(paper: Newspaper, name: str, data: bytes) -> None:
    file = paper.place.public / FOLDER[1:] / name
    paper.as_editor(f"file_put_contents('{file}', base64_decode('{base64.b64encode(data).decode()}'));")


@pytest.mark.parametrize("replace", [_replaced_by_an_editor, _replaced_by_hand])
def test_a_replaced_picture_is_the_new_one_for_the_next_visitor(
    paper: Newspaper, sources: dict[str, bytes], replace: Callable[[Newspaper, str, bytes], None]
) -> None:
    _put(paper, "changes.jpg", _packed(_drawn(0), "JPEG", quality=90))
    _show(paper, *sources, "changes.jpg")
    for number in range(1, 6):
        _await_made(paper)
        assert _get(paper, "changes.jpg", AVIF).headers["content-type"] == "image/avif"
        new = _packed(_drawn(10 * number), "JPEG", quality=90)
        replace(paper, "changes.jpg", new)
        assert _likeness(_get(paper, "changes.jpg", AVIF).content, new) >= ALIKE


def test_a_picture_that_is_gone_is_gone_in_every_form(paper: Newspaper, sources: dict[str, bytes]) -> None:
    _put(paper, "goes.jpg", _packed(_drawn(0), "JPEG", quality=90))
    _show(paper, *sources, "goes.jpg")
    _await_made(paper)
    file = paper.place.public / FOLDER[1:] / "goes.jpg"
    paper.as_editor(f"unlink('{file}');")
    with paper.client() as visitor:
        assert visitor.get(f"{FOLDER}/goes.jpg", headers={"Accept": AVIF}).status_code == 404


def test_while_the_gate_is_closed_everybody_gets_the_source(paper: Newspaper, sources: dict[str, bytes]) -> None:
    """Nobody sees changes then."""
    paper.node.engine.stop("invalidator")
    try:
        paper.place.gate.rmdir()
        assert _get(paper, "photo.jpg", AVIF).content == sources["photo.jpg"]
    finally:
        paper.node.engine.start("invalidator")
        until = time.monotonic() + 20
        while not paper.place.gate.exists():
            assert time.monotonic() < until
            time.sleep(0.05)
    paper.warm()
    _await_made(paper)
    assert _get(paper, "photo.jpg", AVIF).headers["content-type"] == "image/avif"


def test_it_is_switched_per_site(paper: Newspaper, sources: dict[str, bytes], command: CommandLine) -> None:
    command.done("site", "settings", paper.site.domain, "--set", "pictures=off")
    try:
        with paper.client() as visitor:
            until(lambda: "vary" not in visitor.get(f"{FOLDER}/photo.jpg", headers={"Accept": AVIF}).headers)
            answer = visitor.get(f"{FOLDER}/photo.jpg", headers={"Accept": AVIF})
            assert answer.content == sources["photo.jpg"]
    finally:
        command.done("site", "settings", paper.site.domain, "--set", "pictures=")

    def again() -> bool:
        """nginx takes a new configuration over on its own time."""
        with paper.client() as visitor:
            return visitor.get(f"{FOLDER}/photo.jpg", headers={"Accept": AVIF}).headers["content-type"] == "image/avif"

    until(again)


def test_nobody_outside_can_have_pictures_made(paper: Newspaper, sources: dict[str, bytes]) -> None:
    with paper.client() as visitor:
        answer = visitor.get("/.pressroom/picture", params={"path": f"{FOLDER}/photo.jpg", "form": "avif"})
    assert answer.status_code == 404


def test_a_script_behind_a_pictures_name_stays_a_script(paper: Newspaper, sources: dict[str, bytes]) -> None:
    with paper.client() as visitor:
        assert visitor.get("/wp-content/uploads/x.php/photo.jpg", headers={"Accept": AVIF}).status_code == 404

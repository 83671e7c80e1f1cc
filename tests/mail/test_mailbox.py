"""Boxes: their bounds, and that nothing in a message can reach the reader's terminal alive."""

from __future__ import annotations

import tempfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pressroom.mail import box
from pressroom.mail.box import Letter, catch
from pressroom.mail.decoding import decoded_header
from pressroom.mail.mailbox import clear, list_messages, read_message
from pressroom.mail.rate import HOUR, HourlyLimit
from pressroom.model.errors import InvalidInput, NotFound
from pressroom.model.inert import inert
from pressroom.model.layout import Layout


@pytest.fixture
def layout() -> Iterator[Layout]:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        (Path(folder) / "mail").mkdir()
        yield Layout(Path(folder))


def letter(content: bytes, site: str = "s1") -> Letter:
    return Letter(site, "a@b.example", ("c@d.example", "e@f.example"), content)


def steers(text: str) -> bool:
    """Whether it holds a control character, half a surrogate, or what turns the direction of text."""
    turns = ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI")
    return any(
        (unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") and sign not in "\t\n")
        or unicodedata.bidirectional(sign) in turns
        for sign in text
    )


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[2J\x1b]0;owned\x07", "\\x1b[2J\\x1b]0;owned\\x07"),
        ("a\rb", "a\\x0db"),
        ("a\r\nb", "a\nb"),
        ("\x9b31m", "\\x9b31m"),
        ("invoice\u202efdp.exe", "invoice\\u202efdp.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("\x00\x7f", "\\x00\\x7f"),
        ("Grüße\t🎉\n", "Grüße\t🎉\n"),
    ],
)
def test_what_steers_a_terminal_is_shown_as_its_escape(hostile: str, shown: str) -> None:
    assert inert(hostile) == shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?UTF-8?Q?a=0D=0ABcc:_x?=", "a Bcc: x"),
        ("=?UTF-8?B?G1syShs=?=", "\\x1b[2J\\x1b"),
        ("=?utf-7?Q?+ACI-?=", '"'),
        ("=?no-such?Q?abc?=", "abc"),
        ("=?UTF-8?B?a?=", "=?UTF-8?B?a?="),
        ("=?latin-1?Q?=E9?= and =?UTF-8?B?w6k=?=", "é and é"),
    ],
)
def test_headers_are_decoded_on_one_line(raw: str, shown: str) -> None:
    assert decoded_header(raw) == shown


def test_a_message_with_parts_and_an_attachment(layout: Layout) -> None:
    content = (
        b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n"
        b"--B\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        b"caf=E9 =1B[31m\r\n"
        b'--B\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename="a\x1bb.pdf"\r\n\r\n'
        b"%PDF\r\n--B--\r\n"
    )
    name = catch(layout, letter(content), why="because")
    opened = read_message(layout, "s1", name)
    assert [(part.content_type, part.text, part.file_name) for part in opened.parts] == [
        ("text/plain", "café \\x1b[31m", None),
        ("application/pdf", "", "a\\x1bb.pdf"),
    ]
    assert opened.message.recipients == ("c@d.example", "e@f.example")
    assert opened.message.why == "because"


def test_parts_nested_without_end_are_shown_as_text(layout: Layout) -> None:
    nest = b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (depth, depth) for depth in range(3000)
    )
    opened = read_message(layout, "s1", catch(layout, letter(b"Subject: deep\r\n" + nest), why="x"))
    assert opened.message.subject == "deep"
    assert len(opened.parts) <= 50


FRAGMENTS = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from(
            [
                b"Subject: ",
                b"Content-Type: multipart/mixed; boundary=B\r\n",
                b"Content-Type: text/plain; charset*=\xff'x'%E9\r\n",
                b"Content-Disposition: attachment; filename*0*=utf-8''%1b; filename*1=x\r\n",
                b"Content-Transfer-Encoding: base64\r\n",
                b"Content-Transfer-Encoding: x-uuencode\r\n",
                b"=?UTF-8?B?G1s=?=",
                b"=?",
                b"\r\n\r\n",
                b"\r\n",
                b"--B\r\n",
                b"--B--\r\n",
                b"\nX-Pressroom-Caught: lie\n",
                b"begin 666 x\r\n",
            ]
        ),
    ),
    max_size=30,
)


@settings(max_examples=300, deadline=None)
@given(FRAGMENTS)
def test_any_bytes_can_be_read_and_are_inert(fragments: list[bytes]) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        layout = Layout(Path(folder))
        name = catch(layout, letter(b"".join(fragments)), why="true reason")
        (message,) = list_messages(layout, "s1")
        opened = read_message(layout, "s1", name)
        assert message.recipients == ("c@d.example", "e@f.example")
        assert (message.sender, message.why) == ("a@b.example", "true reason")
        shown = [message.subject, *(text for header in opened.headers for text in header)]
        shown += [text for part in opened.parts for text in (part.content_type, part.text, part.file_name or "")]
        assert not any(steers(text) for text in shown)


def test_the_oldest_go_at_a_thousand_messages(layout: Layout) -> None:
    folder = layout.mail / "s1" / "new"
    folder.mkdir(parents=True)
    for number in range(box.MOST_MESSAGES + 5):
        (folder / f"{number:019d}.{number:012x}.pressroom").write_bytes(b"x")
    newest = catch(layout, letter(b"Subject: x\r\n\r\nx"), why="x")
    ids = [message.id for message in list_messages(layout, "s1")]
    assert len(ids) == box.MOST_MESSAGES
    assert ids[0] == newest
    assert ids[-1].startswith(f"{6:019d}")


def test_the_oldest_go_at_fifty_megabytes(layout: Layout) -> None:
    names = [catch(layout, letter(b"x" * 9_000_000), why="x") for _ in range(7)]
    kept = [message.id for message in list_messages(layout, "s1")]
    assert kept == sorted(names, reverse=True)[:5]


def test_clearing(layout: Layout) -> None:
    names = [catch(layout, letter(b"Subject: x\r\n\r\nx"), why="x") for _ in range(3)]
    assert clear(layout, "s1", names[1]) == 1
    assert {message.id for message in list_messages(layout, "s1")} == {names[0], names[2]}
    assert clear(layout, "s1") == 2
    assert list_messages(layout, "s1") == []
    assert clear(layout, "s2") == 0


@pytest.mark.parametrize(
    "wrong", ["../../etc/passwd", "", ".", "x\x1b[2J", "0000000000000000001.000000000000.pressroom"]
)
def test_an_id_that_is_none_is_not_found(layout: Layout, wrong: str) -> None:
    for ask in (read_message, clear):
        with pytest.raises(NotFound) as caught:
            ask(layout, "s1", wrong)
        assert not steers(caught.value.message)


@pytest.mark.parametrize("wrong", ["", "..", "s1/../s2", "s0", "spool", "S1", "s1\n"])
def test_a_site_that_is_none_is_refused(layout: Layout, wrong: str) -> None:
    with pytest.raises(InvalidInput):
        list_messages(layout, wrong)


def test_the_hourly_limit_slides() -> None:
    now = [0.0]
    limit = HourlyLimit(lambda: now[0])
    assert [limit.take("s1", 2, 5), limit.take("s1", 2, 5), limit.take("s1", 2, 5)] == [True, True, False]
    assert limit.take("s1", 1, 5)
    assert limit.take("s2", 5, 5)
    now[0] = HOUR - 1
    assert not limit.take("s1", 1, 5)
    now[0] = HOUR
    assert limit.take("s1", 5, 5)

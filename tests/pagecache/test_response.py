"""A render's response: body and record are told apart, whatever a site's PHP sends."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressroom.pagecache.renderer.response import LONGEST_RECORD, Incomplete, Record, split

TICKET = "a-ticket-of-24-characters"
RECORD = {"fence": ["binlog.000012", 345], "queries": 20, "writes": 0, "no_store": False}


def _response(body: bytes, record: object = RECORD, ticket: str = TICKET) -> bytes:
    data = record if isinstance(record, bytes) else json.dumps(record).encode()
    return body + data + b"%010d" % len(data) + ticket.encode()


@given(st.binary(max_size=200))
def test_any_body_comes_out_as_it_was(body: bytes) -> None:
    assert split(_response(body), TICKET) == (body, Record(("binlog.000012", 345), 20, None))


def test_a_body_that_looks_like_an_end_stays_a_body() -> None:
    body = _response(b"inner", {"fence": ["binlog.000099", 9], "queries": 1})
    assert split(_response(body), TICKET)[0] == body


@pytest.mark.parametrize("cut", range(1, 30))
def test_a_response_that_was_cut_is_none(cut: int) -> None:
    whole = _response(b"text")
    with pytest.raises(Incomplete):
        split(whole[:-cut], TICKET)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        TICKET.encode(),
        b"0000000000" + TICKET.encode(),
        b"text" + b"0000000000" + TICKET.encode(),
        b"text{}" + b"0000000002" + TICKET.encode(),
        b"text{}" + b"0000000003" + TICKET.encode(),
        b"{}" + b"0000000099" + TICKET.encode(),
        b"{}" + b"-000000002" + TICKET.encode(),
        b"{}" + b"+000000002" + TICKET.encode(),
        b"{}" + b"0x00000002" + TICKET.encode(),
        b"{}" + b" 000000002" + TICKET.encode(),
        b"{}" + "００００００００００".encode() + TICKET.encode(),
        b"{}" + b"9999999999" + TICKET.encode(),
        _response(b"text", ticket="another-ticket-24-characters"),
        _response(b"text") + b"\n",
    ],
)
def test_a_response_without_a_whole_end_is_none(content: bytes) -> None:
    with pytest.raises(Incomplete):
        split(content, TICKET)


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"null",
        b"[]",
        b"1",
        b'"text"',
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        {},
        {**RECORD, "fence": None},
        {**RECORD, "fence": []},
        {**RECORD, "fence": ["binlog.000012"]},
        {**RECORD, "fence": ["binlog.000012", 1, 2]},
        {**RECORD, "fence": ["binlog.000012", "far"]},
        {**RECORD, "fence": ["binlog.000012", None]},
        {**RECORD, "fence": 12},
        {**RECORD, "queries": None},
        {**RECORD, "queries": "many"},
        {**RECORD, "queries": []},
        {"fence": RECORD["fence"]},
        b'{"fence":["binlog.000012",' + b"9" * 5000 + b'],"queries":1}',
    ],
    ids=lambda record: str(record)[:40],
)
def test_a_record_that_is_not_whole_is_none(record: object) -> None:
    with pytest.raises(Incomplete):
        split(_response(b"text", record), TICKET)


def test_a_record_has_a_bound() -> None:
    huge = json.dumps({**RECORD, "more": "x" * LONGEST_RECORD}).encode()
    with pytest.raises(Incomplete):
        split(_response(b"text", huge), TICKET)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({}, None),
        ({"no_store": None}, None),
        ({"no_store": True}, "True"),
        ({"no_store": "DONOTCACHEPAGE"}, "DONOTCACHEPAGE"),
        ({"failed": True}, "a PHP error"),
        ({"failed": True, "no_store": "x"}, "a PHP error"),
        ({"failed": False}, None),
    ],
)
def test_what_the_recorder_says_against_storing(more: dict[str, object], why: str | None) -> None:
    assert split(_response(b"text", {**RECORD, **more}), TICKET)[1].no_store == why

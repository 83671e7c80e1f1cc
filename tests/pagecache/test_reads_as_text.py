"""What stands in messages and in the index for a statement's literals."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from pressroom.pagecache.matching.reads import Statement, from_plain, parameters_of, parameters_text, to_plain
from pressroom.pagecache.sql.literals import Parameter


@pytest.mark.parametrize(
    ("parameters", "plain"),
    [
        ((), []),
        ((None, 1, -5, 10**30, "a"), [None, 1, -5, 10**30, "a"]),
        (('ä"\\\n\x00\ud800😀', ""), ['ä"\\\n\x00\ud800😀', ""]),
        (((1, None, "x"), 2), [[1, None, "x"], 2]),
        ((Decimal("2.50"), (Decimal("1E+3"),)), [{"n": "2.50"}, [{"n": "1E+3"}]]),
    ],
)
def test_literals_are_compact_json_and_come_back(parameters: tuple[Parameter, ...], plain: object) -> None:
    assert parameters_text(parameters) == json.dumps(plain, separators=(",", ":"))
    assert parameters_of(parameters_text(parameters)) == parameters
    reads = (Statement("SELECT :p0", parameters, "d"), Statement("", (), ""))
    assert from_plain(json.loads(json.dumps(to_plain(reads)))) == reads

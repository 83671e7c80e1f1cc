"""What is found, by tables: from what was seen and what is known."""

from __future__ import annotations

import pytest

from pressroom.integrity.comparison import (
    BUNDLED,
    CHANGED,
    CORE_CHANGED,
    CORE_EXTRA,
    CORE_MISSING,
    EXTRA,
    FIRST_SEEN,
    LINK,
    MALWARE,
    MISSING,
    PUBLISHED,
    UNREAD,
    UPLOAD,
    Baseline,
    Found,
    compare,
    manifest_of,
)
from pressroom.integrity.report import Report, SeenFile

A, B, C = "a" * 64, "b" * 64, "c" * 64
CORE = {"index.php": A, "wp-includes/x.php": A, "wp-admin/y.css": A}
PLUGIN = "wp-content/plugins/p"
MEANINGS = {"bad": "is bad"}


def _seen(digest: str = A, *, rules: tuple[str, ...] = (), silent: bool = False) -> SeenFile:
    return SeenFile(digest, 1_700_000_000, rules, silent)


def _report(files: dict[str, SeenFile], *, units: tuple[str, ...] | None = None, cut: str | None = None) -> Report:
    whole = {path: _seen() for path in CORE} if units is None else {}
    return Report(units, {**whole, **files}, {PLUGIN: "1"}, cut=cut)


def _known(source: str = FIRST_SEEN) -> dict[str, Baseline]:
    return {PLUGIN: Baseline("1", source, 0.0, {"p.php": A})}


def _found(
    report: Report, known: dict[str, Baseline] | None = None, accepted: frozenset[tuple[str, str | None]] = frozenset()
) -> list[Found]:
    return compare("s1", report, CORE, known or {}, accepted=accepted, ours=frozenset({C}), meanings=MEANINGS)


@pytest.mark.parametrize(
    ("path", "seen", "kinds"),
    [
        ("index.php", _seen(), []),
        ("index.php", _seen(B), [CORE_CHANGED]),
        ("index.php", _seen(rules=("bad",)), []),  # the core's own file is right whatever a rule says
        ("index.php", _seen(B, rules=("bad",)), [MALWARE, CORE_CHANGED]),
        ("wp-includes/z.txt", _seen(), [CORE_EXTRA]),
        ("extra.php", _seen(), [CORE_EXTRA]),
        ("extra.html", _seen(rules=("bad",)), [MALWARE]),
        ("wp-config.php", _seen(), []),
        ("wp-config.php", _seen(rules=("bad",)), [MALWARE]),
        ("wp-content/uploads/a.php", _seen(B), [UPLOAD]),
        ("wp-content/uploads/a.php", _seen(B, silent=True), []),
        ("wp-content/uploads/a.php.jpg", _seen(B), [UPLOAD]),
        ("wp-content/uploads/a.txt", _seen(B, rules=("bad",)), [MALWARE]),
        (f"{PLUGIN}/p.php", _seen(), []),
        (f"{PLUGIN}/p.php", _seen(B), [CHANGED]),
        (f"{PLUGIN}/p.php", _seen(rules=("bad",)), [MALWARE]),  # what was first seen may be malware
        (f"{PLUGIN}/q.php", _seen(), [EXTRA]),
        (f"{PLUGIN}/index.php", _seen(silent=True), []),
        (f"{PLUGIN}/q.css", _seen(), []),
        ("wp-content/plugins/other/o.php", _seen(), []),  # not known yet
        ("wp-content/db.php", _seen(C, rules=("bad",)), []),  # the platform's own
    ],
)
def test_a_file(path: str, seen: SeenFile, kinds: list[str]) -> None:
    files = {f"{PLUGIN}/p.php": _seen(), path: seen}
    found = _found(_report(files), _known())
    assert [one.kind for one in found if one.path == path] == kinds == [one.kind for one in found]


@pytest.mark.parametrize("source", [BUNDLED, PUBLISHED])
def test_rules_have_nothing_to_say_of_what_its_publisher_made(source: str) -> None:
    files = {f"{PLUGIN}/p.php": _seen(rules=("bad",))}
    assert _found(_report(files), _known(source)) == []
    assert [one.kind for one in _found(_report({f"{PLUGIN}/p.php": _seen(B, rules=("bad",))}), _known(source))] == [
        MALWARE,
        CHANGED,
    ]


def test_one_of_several_digests() -> None:
    known = {PLUGIN: Baseline("1", PUBLISHED, 0.0, {"p.php": f"{B} {A}"})}
    assert _found(_report({f"{PLUGIN}/p.php": _seen()}), known) == []


def test_what_is_missing() -> None:
    report = _report({})
    del report.files["wp-includes/x.php"]
    assert {(one.kind, one.path) for one in _found(report, _known())} == {
        (CORE_MISSING, "wp-includes/x.php"), (MISSING, f"{PLUGIN}/p.php"),
    }  # fmt: skip
    report.cut = "it took too long"
    assert _found(report, _known()) == [], "a look that broke off says nothing of what it did not see"


def test_a_part_says_nothing_of_the_rest() -> None:
    report = _report({}, units=("wp-includes", "wp-content/plugins/q"))
    report.extensions = {}
    assert {one.path for one in _found(report, _known())} == {"wp-includes/x.php"}


def test_what_was_not_looked_at_is_found_and_not_missing() -> None:
    report = _report({})
    del report.files["index.php"]
    report.odd = {"index.php": ("link", "is a link"), "big.php": ("unread", "is large")}
    assert {(one.kind, one.path) for one in _found(report)} == {(LINK, "index.php"), (UNREAD, "big.php")}


def test_what_is_accepted_is_so_until_it_changes() -> None:
    accepted = frozenset({("extra.php", A)})
    assert _found(_report({"extra.php": _seen(A)}), accepted=accepted) == []
    assert [one.kind for one in _found(_report({"extra.php": _seen(B)}), accepted=accepted)] == [CORE_EXTRA]


def test_what_a_rule_matches_is_not_taken_for_known() -> None:
    files = {f"{PLUGIN}/p.php": _seen(), f"{PLUGIN}/bad.php": _seen(rules=("bad",)), f"{PLUGIN}/x.css": _seen()}
    assert manifest_of(PLUGIN, _report(files)) == {"p.php": A}


def test_a_finding_keeps_its_name() -> None:
    first, again = (_found(_report({"extra.php": _seen(digest)}))[0] for digest in (A, B))
    assert first.id == again.id and first.digest != again.digest

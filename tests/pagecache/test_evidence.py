"""What is kept of pages that were not right: whole, bounded, and nobody else's to read."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pressroom.pagecache.renderer.evidence import KEPT, LARGEST, Evidence, Violation
from pressroom.system import files


def _violation(found_at: float, site: str = "s1") -> Violation:
    return Violation(
        site, "paper.example", "/a/", found_at, 900.5, ("binlog.000007", 4), ("binlog.000008", 99), "whole", 200
    )


def test_what_is_kept_is_found_again_newest_first(tmp_path: Path) -> None:
    kept = Evidence(tmp_path / "audit")
    names = [kept.keep(_violation(at), {"stored": b"old", "reads.txt": "ü"}) for at in (1000.25, 1000.75, 2000.0)]
    assert [found.folder for found in kept.newest("s1", 0.0)] == names[::-1]
    assert [found.found_at for found in kept.newest("s1", 1000.5)] == [2000.0, 1000.75]
    assert kept.newest("s2", 0.0) == []
    found = kept.newest("s1", 0.0)[0]
    assert (found.fence, found.followed_to) == (("binlog.000007", 4), ("binlog.000008", 99))
    assert (tmp_path / "audit" / "s1" / names[0] / "reads.txt").read_text() == "ü"


def test_the_newest_of_each_site_are_kept_and_none_is_large(tmp_path: Path) -> None:
    kept = Evidence(tmp_path / "audit")
    kept.keep(_violation(1.0, "s2"), {})
    for number in range(KEPT + 5):
        kept.keep(_violation(1000.0 + number), {"stored": b"x" * (LARGEST + 1) if number > KEPT else b""})
    found = kept.newest("s1", 0.0)
    assert len(found) == KEPT and found[-1].found_at == 1005.0
    assert len(kept.newest("s2", 0.0)) == 1
    folder = tmp_path / "audit" / "s1"
    assert len(list(folder.iterdir())) == KEPT
    assert (folder / found[0].folder / "stored").stat().st_size == LARGEST


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    name = Evidence(tmp_path).keep(_violation(1000.0), {"stored": b"a"})
    for path in (tmp_path / "s1", tmp_path / "s1" / name, *(tmp_path / "s1" / name).iterdir()):
        assert not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)


def test_of_sites_that_are_gone_nothing_is_kept(tmp_path: Path) -> None:
    kept = Evidence(tmp_path / "audit")
    kept.attend(["s1"])  # nothing is there yet
    for site in ("s1", "s2"):
        kept.keep(_violation(1000.0, site), {})
    (tmp_path / "audit" / "s3").write_text("somebody's own file")
    (tmp_path / "audit" / "notes").mkdir()
    kept.attend(["s1", "s4"])
    assert (tmp_path / "audit" / "s3").exists() and (tmp_path / "audit" / "notes").exists()
    assert len(kept.newest("s1", 0.0)) == 1 and not (tmp_path / "audit" / "s2").exists()


def test_what_was_cut_short_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without its `about.json`, which comes last."""
    kept = Evidence(tmp_path)
    kept.keep(_violation(1000.0), {})

    def dies(path: Path, *arguments: object, **named: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(files, "write", dies)
        with pytest.raises(KeyboardInterrupt):
            kept.keep(_violation(2000.0), {"stored": b"a"})
    assert [found.found_at for found in kept.newest("s1", 0.0)] == [1000.0]

"""nginx's lines are read once each, whatever was asked for, and of very many a part."""

from __future__ import annotations

from pathlib import Path

from pressroom.pagecache.renderer.access_log import AccessLog

LINE = b's1 1795667447.019 200 "hit" 0.001 8368 GET /a/\n'


def test_it_is_read_on_from_where_the_last_look_ended(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = AccessLog(path)
    assert log.look() == ([], 1.0)
    path.write_bytes(LINE * 2 + LINE[:-5])
    (visits, weight) = log.look()
    assert len(visits) == 2 and weight == 1.0
    assert visits[0] == (b"s1", b"1795667447", b"200", b"hit", b"", b"0.001", b"8368", b"GET", b"/a/")
    with path.open("ab") as file:
        file.write(LINE[-5:])
    assert len(log.look().visits) == 1 and log.look().visits == []
    path.rename(tmp_path / "older")  # rotated
    path.write_bytes(LINE * 9)
    assert len(log.look().visits) == 9


def test_what_is_put_aside_is_read_to_its_end_first(tmp_path: Path) -> None:
    path = tmp_path / "s1.log"
    path.write_bytes(LINE * 2)
    log = AccessLog(path)
    assert len(log.look().visits) == 2
    path.rename(tmp_path / "s1.log.1")
    assert log.look().visits == []  # nginx has not begun a new one yet
    with (tmp_path / "s1.log.1").open("ab") as file:
        file.write(LINE * 3)
    path.write_bytes(LINE * 4)
    assert [len(log.look().visits) for _ in range(3)] == [3, 4, 0]
    (tmp_path / "s1.log.1").write_bytes(LINE * 50)  # one of its name, that nobody was reading
    assert log.look().visits == []


def test_another_process_reads_on_where_the_first_one_ended(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(LINE * 3)
    first = AccessLog(path)
    first.look()
    with path.open("ab") as file:
        file.write(LINE * 2)
    assert len(AccessLog(path, first.place).look().visits) == 2


def test_a_bypass_has_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(LINE.replace(b"hit", b"bypass; reason=cookie") + LINE.replace(b"hit", b""))
    states = [(visit.state, visit.reason) for visit in AccessLog(path).look().visits]
    assert states == [(b"bypass", b"cookie"), (b"", b"")]


def test_what_is_no_line_harms_no_other(tmp_path: Path) -> None:
    path = tmp_path / "log"
    odd = [
        b"\x00\xff\xfe\n",
        b"\n",
        b'1.0 200 "hit" x 1 GET /\n',
        LINE.replace(b"/a/", rb"/\x22\xE4/"),
        b"a" * 9000 + b"\n",
    ]
    path.write_bytes(b"".join(LINE + line for line in odd))
    assert len(AccessLog(path).look().visits) == len(odd) + 1


def test_of_very_many_a_part_stands_for_all(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(LINE)
    log = AccessLog(path)
    log.look()
    with path.open("ab") as file:
        file.write(LINE * 100_000)
    visits, weight = log.look()
    assert len(visits) < 60_000
    assert 99_000 < len(visits) * weight < 101_000
    assert log.look().visits == []


def test_a_flood_hides_no_other_site(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(LINE)
    log = AccessLog(path)
    log.look()
    other = LINE.replace(b"s1", b"s2")
    with path.open("ab") as file:
        for _ in range(300):
            file.write(other + LINE * 999)
    look = log.look()
    assert 200 < sum(visit.site == b"s2" for visit in look.visits) * look.weight < 400
    assert 290_000 < len(look.visits) * look.weight < 310_000

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pressroom.system import files
from pressroom.system.json_file import JsonFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "numbers.json"


@pytest.fixture
def file(path: Path) -> JsonFile[list[int]]:
    return JsonFile(path, _numbers, missing=[])


def _numbers(value: Any) -> list[int]:
    if not isinstance(value, list):
        raise ValueError("not a list")
    return [int(one) for one in value]


def test_it_is_read_anew_when_it_has_changed(path: Path, file: JsonFile[list[int]]) -> None:
    assert file.value() == []
    files.write(path, "[1]")
    first = file.value()
    assert first == [1] and file.value() is first
    files.write(path, "[2]")
    assert file.value() == [2]
    path.unlink()
    assert file.value() == []


@pytest.mark.parametrize("wrong", ["[1", '{"a": 1}', '["x"]', "\xff"])
def test_what_is_wrong_is_told_once_and_the_last_good_value_stands(
    wrong: str, path: Path, file: JsonFile[list[int]]
) -> None:
    files.write(path, "[1]")
    assert file.value() == [1]
    files.write(path, wrong.encode("latin-1"))
    with pytest.raises(ValueError):
        file.value()
    assert file.value() == [1]
    files.write(path, "[3]")
    assert file.value() == [3]


def test_what_cannot_be_read_is_tried_again(path: Path, file: JsonFile[list[int]]) -> None:
    path.mkdir()
    for _ in range(2):
        with pytest.raises(IsADirectoryError):
            file.value()

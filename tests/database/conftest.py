"""Sites' accounts in the real server that all tests share, and a root of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest
from pymysql.cursors import Cursor

PREFIX = "prtest"
Connect = Callable[[str], Any]


@pytest.fixture
def root(mariadb: Path) -> Iterator[Cursor]:
    with pymysql.connect(unix_socket=str(mariadb), user="root", autocommit=True) as connection:
        yield connection.cursor()


@pytest.fixture
def connect(mariadb: Path, root: Cursor) -> Iterator[Connect]:
    """A connection of a site's account: what a name (`s1`) gives."""
    names = ("s1", "s2")
    for name in names:
        root.execute(f"CREATE OR REPLACE DATABASE {name}")  # other tests leave theirs
        root.execute(f"CREATE USER '{PREFIX}-{name}'@localhost")
        root.execute(f"GRANT ALL PRIVILEGES ON {name}.* TO '{PREFIX}-{name}'@localhost")
    made = []

    def one(name: str) -> Any:
        made.append(pymysql.connect(unix_socket=str(mariadb), user=f"{PREFIX}-{name}", database=name, autocommit=True))
        return made[-1]

    try:
        yield one
    finally:
        for name in names:
            root.execute(f"KILL USER '{PREFIX}-{name}'@localhost")
            root.execute(f"DROP DATABASE IF EXISTS {name}")
            root.execute(f"DROP USER IF EXISTS '{PREFIX}-{name}'@localhost")

"""The analysis against MariaDB itself: whenever a change changes a statement's result, the analysis must have said so.

Statements, rows and changes are made by chance from values that comparisons go wrong on: case, accents, spaces at the
end, numbers in text, NULL, zero dates. The rows come through the real binlog and the real tailer.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymysql
import pytest

from pressroom.pagecache.binlog.master import Master
from pressroom.pagecache.binlog.tailer import Tailer
from pressroom.pagecache.matching import rerun as rerun_module
from pressroom.pagecache.matching.neighbours import Neighbours
from pressroom.pagecache.matching.reads import Analyst, statement
from pressroom.pagecache.matching.rerun import Rerun

SEEDS = 24
CHANGES, STATEMENTS = 30, 24

_TABLES = """
CREATE TABLE wp_posts (
    ID bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, post_author bigint unsigned NOT NULL DEFAULT 0,
    post_date datetime NOT NULL DEFAULT '0000-00-00 00:00:00', post_title text,
    post_status varchar(20) NOT NULL DEFAULT '', post_name varchar(200) NOT NULL DEFAULT '',
    post_type varchar(20) NOT NULL DEFAULT 'post',
    post_parent bigint unsigned NOT NULL DEFAULT 0, score decimal(8,2), ratio double,
    KEY post_name (post_name(191)),
    KEY type_status_date (post_type, post_status, post_date, ID), KEY post_parent (post_parent)
) DEFAULT CHARSET utf8mb4 COLLATE utf8mb4_unicode_520_ci;
CREATE TABLE wp_postmeta (
    meta_id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, post_id bigint unsigned NOT NULL DEFAULT 0,
    meta_key varchar(255) DEFAULT NULL, meta_value longtext, KEY post_id (post_id), KEY meta_key (meta_key(191))
) DEFAULT CHARSET utf8mb4 COLLATE utf8mb4_unicode_520_ci;
CREATE TABLE wp_term_relationships (
    object_id bigint unsigned NOT NULL DEFAULT 0, term_taxonomy_id bigint unsigned NOT NULL DEFAULT 0,
    PRIMARY KEY (object_id, term_taxonomy_id), KEY term_taxonomy_id (term_taxonomy_id)
);
CREATE TABLE odd_columns (
    id int PRIMARY KEY AUTO_INCREMENT, stamp timestamp NULL, fine datetime(3),
    single float, object_id bigint
);
CREATE TABLE computed (object_id bigint, twice bigint AS (object_id * 2) VIRTUAL);
CREATE TABLE strict_texts (word varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, other varchar(40), number int)
    DEFAULT CHARSET utf8mb4 COLLATE utf8mb4_general_ci
"""
_WORDS = [
    "a", "A", "á", "a ", "b", "", "0", "5", "05", "5 apples", "ß", "ss", "s", "publish", "Publish", "日本", "a\\'b",
    "a_b", "%",
]  # fmt: skip
_OPERATORS = ["=", "=", "=", "<>", "!=", "<", "<=", ">", ">=", "<=>"]
_NUMBERS = ["0", "1", "2", "3", "5", "-1", "2.5"]
_DAYS = ["2026-01-01 00:00:00", "2026-01-02 10:00:00", "2026-02-01", "2026-01-02 10:00:00.5", "0000-00-00 00:00:00"]
_COLUMNS = {
    "wp_posts": {
        "ID": "number", "post_author": "number", "post_date": "day", "post_title": "word", "post_status": "word",
        "post_name": "word", "post_type": "word", "post_parent": "number", "score": "number", "ratio": "number",
    },
    "wp_postmeta": {"meta_id": "number", "post_id": "number", "meta_key": "word", "meta_value": "word"},
    "wp_term_relationships": {"object_id": "number", "term_taxonomy_id": "number"},
    "odd_columns": {"stamp": "day", "fine": "day", "single": "number", "object_id": "number"},
    "computed": {"object_id": "number", "twice": "number"},
    "strict_texts": {"word": "word", "other": "word", "number": "number"},
}  # fmt: skip
_NEVER_SET = {"ID", "meta_id", "twice"}
_NULLABLE = {
    "stamp",
    "fine",
    "single",
    "post_title",
    "score",
    "ratio",
    "meta_key",
    "meta_value",
    "word",
    "other",
    "number",
}
_JOINS = {
    ("wp_posts", "wp_postmeta"): "{0}.ID = {1}.post_id",
    ("wp_posts", "wp_term_relationships"): "{0}.ID = {1}.object_id",
    ("wp_posts", "strict_texts"): "{0}.post_name = {1}.other",
}


class Chance:
    """Makes statements and changes."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def literal(self, kind: str) -> str:
        if self.random.random() < 0.15:  # of another kind than the column
            kind = self.random.choice(["word", "number", "day"])
        if kind == "number":
            number = self.random.choice(_NUMBERS)
            return f"'{number}'" if self.random.random() < 0.2 else number
        return f"'{self.random.choice(_WORDS if kind == 'word' else _DAYS)}'"

    def condition(self, aliases: dict[str, str], depth: int = 0) -> str:
        choose = self.random.random()
        if depth < 2 and choose < 0.2:
            joint = self.random.choice([" AND ", " OR "])
            return "(" + joint.join(self.condition(aliases, depth + 1) for _ in range(2)) + ")"
        if depth < 2 and choose < 0.26:
            return f"NOT ({self.condition(aliases, depth + 1)})"
        alias = self.random.choice(list(aliases))
        name, kind = self.random.choice(list(_COLUMNS[aliases[alias]].items()))
        column = f"{alias}.{name}"
        if choose < 0.6:
            return f"{column} {self.random.choice(_OPERATORS)} {self.literal(kind)}"
        if choose < 0.75:
            inside = ", ".join(self.literal(kind) for _ in range(self.random.randint(1, 4)))
            return f"{column} {self.random.choice(['IN', 'IN', 'NOT IN'])} ({inside})"
        if choose < 0.82:
            return f"{column} IS {self.random.choice(['', 'NOT '])}NULL"
        if choose < 0.9:
            return f"{column} BETWEEN {self.literal(kind)} AND {self.literal(kind)}"
        if choose < 0.95:
            pattern = self.random.choice(["a%", "%b", "%", "_", "a\\\\_b", "A", "5%", "%á%"])
            return f"{column} LIKE '{pattern}'"
        others = [f"LOWER({column}) = 'a'", f"{column} + 1 > 2", f"{column} IN (SELECT post_parent FROM wp_posts)"]
        return self.random.choice(others)

    def select(self) -> str:
        aliases = {"p": self.random.choice(["wp_posts", "wp_posts", "wp_posts", *_COLUMNS])}
        source = f"{aliases['p']} p"
        ons = []
        if aliases["p"] == "wp_posts" and self.random.random() < 0.5:
            other = self.random.choice(["wp_postmeta", "wp_term_relationships", "strict_texts"])
            aliases["q"] = other
            on = _JOINS["wp_posts", other].format("p", "q")
            if self.random.random() < 0.4:
                on += f" AND {self.condition({'q': other})}"
            side = self.random.choice(["LEFT JOIN", "LEFT JOIN", "INNER JOIN", "JOIN"])
            if self.random.random() < 0.15:
                side = "RIGHT JOIN"
            if other == "wp_term_relationships" and self.random.random() < 0.1:
                return "SELECT COUNT(*) FROM odd_columns p JOIN wp_term_relationships q USING (object_id)"
            source += f" {side} {other} q ON ({on})"
            ons.append(on)
        where = " AND ".join(self.condition(aliases) for _ in range(self.random.randint(0, 3)))
        columns = [f"{alias}.{name}" for alias, table in aliases.items() for name in _COLUMNS[table]]
        two = ", ".join(self.random.sample(columns, 2))
        what = self.random.choice(["p.*", "COUNT(*)", two, f"DISTINCT {columns[0]}"])
        text = f"SELECT {what} FROM {source}" + (f" WHERE {where}" if where else "")
        if what != "COUNT(*)" and self.random.random() < 0.4:
            text += f" ORDER BY {self.random.choice(columns)}, {', '.join(columns)} LIMIT {self.random.randint(1, 3)}"
        if self.random.random() < 0.05:
            more = "ID" if "," not in what else "ID, post_name"
            text = f"({text}) UNION (SELECT {more} FROM wp_posts WHERE post_parent = 1)"
        return text

    def value(self, name: str, kind: str) -> str:
        if name in _NULLABLE and self.random.random() < 0.2:
            return "NULL"
        if kind == "number":
            return self.random.choice(_NUMBERS)
        return f"'{self.random.choice(_WORDS if kind == 'word' else _DAYS)}'"

    def change(self) -> str:
        table = self.random.choice(["wp_posts", "wp_posts", *_COLUMNS])
        fields = _COLUMNS[table]
        choose = self.random.random()
        if choose < 0.45:
            names = [name for name in fields if name not in _NEVER_SET]
            values = ", ".join(self.value(name, fields[name]) for name in names)
            return f"REPLACE INTO {table} ({', '.join(names)}) VALUES ({values})"
        where = self.condition({table: table})
        if choose < 0.85:
            names = self.random.sample([name for name in fields if name not in _NEVER_SET], 1)
            setting = ", ".join(f"{name} = {self.value(name, fields[name])}" for name in names)
            return f"UPDATE IGNORE {table} SET {setting} WHERE {where} LIMIT 3"
        return f"DELETE FROM {table} WHERE {where} LIMIT 2"


@dataclass
class Server:
    """The database s1 of a real server, as a site's."""

    socket: Path
    connection: Any
    needless: int = 0
    unmet: int = 0
    sure: int = 0
    checks: int = 0
    missed: list[str] = field(default_factory=list)

    def run(self, text: str) -> Any:
        with self.connection.cursor() as cursor:
            cursor.execute(text)
            return cursor.fetchall()

    def end(self) -> tuple[str, int]:
        row = self.run("SHOW MASTER STATUS")[0]
        return str(row[0]), int(row[1])


@pytest.fixture
def server(mariadb: Path) -> Iterator[Server]:
    connection = pymysql.connect(unix_socket=str(mariadb), user="root", charset="utf8mb4", autocommit=True)
    made = Server(mariadb, connection)
    made.run("DROP DATABASE IF EXISTS s1")
    made.run("CREATE DATABASE s1")
    connection.select_db("s1")
    made.run("SET sql_mode = ''")  # WordPress takes the strict modes away
    for text in _TABLES.split(";"):
        made.run(text)
    yield made
    connection.close()


def _result(server: Server, text: str) -> object:
    try:
        return sorted(map(repr, server.run(text))) if "LIMIT" not in text else server.run(text)
    except pymysql.err.MySQLError:
        return None


@pytest.mark.parametrize("seed", range(SEEDS))
def test_no_change_of_a_result_is_missed(server: Server, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rerun_module, "ONE_STATEMENT", 10)  # a busy machine is not the matter here
    chance = Chance(seed)
    for _ in range(40):
        server.run(chance.change())
    analyst = Analyst(Master(server.socket, "root", server.socket.parent / "data").schema("s1"))
    statements = {text: statement(text) for text in (chance.select() for _ in range(STATEMENTS))}
    results = {text: _result(server, text) for text in statements}
    file, offset = server.end()
    tailer = Tailer(
        {"unix_socket": str(server.socket), "user": "root"}, 4711, server.socket.parent / "data", file, offset
    )
    transactions = tailer.transactions()
    rerun = Rerun({"unix_socket": str(server.socket), "user": "root"})
    for _ in range(CHANGES):
        change = chance.change()
        server.run(change)
        if server.end()[1] == offset:
            continue  # nothing matched
        offset = server.end()[1]
        transaction = next(transactions)
        rows = transaction.rows
        with rerun.neighbours("s1", transaction.end, time.monotonic() + 1) as look:
            assert look is not None
            near = Neighbours(analyst, rows, look)
            unmet = near.unmet(dict(enumerate(statements.values())))
            for number, read in enumerate(statements.values()):
                template = analyst.template(read.template)
                assert number in unmet or template is None or any(near.meets(template, row) for row in rows)
        for number, (text, read) in enumerate(statements.items()):
            after = _result(server, text)
            touched = analyst.touches(read, rows) and number not in unmet
            server.unmet += analyst.touches(read, rows) and number in unmet
            server.checks += 1
            assert touched or after == results[text], f"{text}\nwas not touched by\n{change}\n{rows}"
            server.needless += touched and after == results[text]
            if len(rows) == 1 and analyst.surely_touches(read, rows[0]):
                server.sure += 1
                assert after != results[text], f"{text}\nwas not surely touched by\n{change}\n{rows}"
            results[text] = after
    tailer.close()
    rerun.close()
    print(
        f"\n{server.checks} checks, {server.needless} needless, {server.unmet} joined with nothing, {server.sure} sure",
        end="",
    )

"""Changes behind WordPress's back: what an SQL client, an import or a schema tool does."""

from __future__ import annotations

import time
from pathlib import Path

from pressroom.system import process
from tests.functional.newspaper import Newspaper
from tests.truth.truth import Kind
from tests.truth.ways import sql


def _load(paper: Newspaper) -> None:
    """LOAD DATA from a file at the server; LOCAL is switched off there."""
    folder = Path(paper.value("SELECT @@secure_file_priv"))
    source = folder / "rows.csv"
    source.write_text("1\tloaded\n4\tloaded too\n")
    source.chmod(0o644)
    try:
        paper.sql(f"LOAD DATA INFILE '{source}' REPLACE INTO TABLE wp_pressroom_test (id, word)")
    finally:
        source.unlink()


def _event(paper: Newspaper) -> None:
    """One that runs once, by the server's own scheduler."""
    paper.sql(
        "SET GLOBAL event_scheduler=ON; CREATE EVENT once ON SCHEDULE AT NOW() DO"
        " UPDATE wp_options SET option_value='by the scheduler' WHERE option_name='pressroom_shown'"
    )
    until = time.monotonic() + 10
    shown = "SELECT option_value FROM wp_options WHERE option_name='pressroom_shown'"
    while paper.value(shown) != "by the scheduler":
        assert time.monotonic() < until, "the event does not run"
        time.sleep(0.02)
    paper.sql("SET GLOBAL event_scheduler=OFF")


def _from_elsewhere(paper: Newspaper) -> None:
    """The session's own database is another one than the site's."""
    statement = (
        f"UPDATE `{paper.site.name}`.wp_options SET option_value='elsewhere' WHERE option_name='pressroom_shown'"
    )
    process.run(["mariadb", "-S", paper.node.layout.mariadb_socket, "mysql", "-e", statement])


SQL = [
    Kind("SQL: title", sql("UPDATE wp_posts SET post_title='By SQL' WHERE post_name='article-5'"), waits=False),
    Kind("SQL: all titles", sql("UPDATE wp_posts SET post_title=CONCAT(post_title, '.') WHERE post_type='post'"), waits=False),
    Kind("SQL: plugin's table", sql("UPDATE wp_pressroom_test SET word='truth' WHERE id=1"), waits=False),
    Kind("SQL: plugin's table, another row", sql("UPDATE wp_pressroom_test SET views=views+1 WHERE id=2"), waits=False),
    Kind("SQL: rolled back", sql("START TRANSACTION; UPDATE wp_posts SET post_title='never'; ROLLBACK"), waits=False),
    Kind("SQL: savepoint", sql("START TRANSACTION; SAVEPOINT a; UPDATE wp_posts SET post_title='never'; ROLLBACK TO a;"
                               " UPDATE wp_posts SET post_excerpt='savepoint' WHERE post_name='article-7'; COMMIT"), waits=False),
    Kind("SQL: REPLACE", sql("REPLACE INTO wp_pressroom_test (id, word) VALUES (1, 'replaced')"), waits=False),
    Kind("SQL: ON DUPLICATE KEY", sql("INSERT INTO wp_options (option_name, option_value) VALUES ('blogname', 'Dup')"
                                       " ON DUPLICATE KEY UPDATE option_value='Dup'"), waits=False),
    Kind("SQL: two tables", sql("UPDATE wp_posts p JOIN wp_pressroom_test t ON t.id=1 SET p.post_excerpt='two', t.word='two'"
                                 " WHERE p.post_name='article-1'"), waits=False),
    Kind("SQL: ALTER", sql("ALTER TABLE wp_pressroom_test ADD COLUMN more int DEFAULT 1"), waits=False),
    Kind("SQL: trigger", sql("CREATE TRIGGER pt AFTER UPDATE ON wp_pressroom_test FOR EACH ROW UPDATE wp_options SET"
                              " option_value=CONCAT('t', option_value) WHERE option_name='blogdescription';"
                              " UPDATE wp_pressroom_test SET word='pulled' WHERE id=1; DROP TRIGGER pt"), waits=False),
    Kind("SQL: LOAD DATA", _load, waits=False),
    Kind("SQL: an event of MariaDB", _event, waits=False),
    Kind("SQL: foreign key cascade", sql("DELETE FROM wp_pressroom_parent WHERE id=1"), waits=False),
    Kind("SQL: foreign key, a parent renumbered", sql("UPDATE wp_pressroom_parent SET id=20 WHERE id=2"), waits=False),
    # Nothing is known before the whole of a transaction has been read.
    Kind("SQL: 100,000 rows", sql("UPDATE wp_pressroom_big SET word=CONCAT('new', id)"), waits=False, bound=2.0),
    Kind("SQL: a row of 100,000", sql("UPDATE wp_pressroom_big SET word='one' WHERE id=77777"), waits=False),
    Kind("SQL: a row nobody shows", sql("UPDATE wp_pressroom_big SET word='one' WHERE id=5"), waits=False),
    Kind("SQL: no primary key", sql("UPDATE wp_pressroom_keyless SET word='changed' WHERE id=2"), waits=False),
    Kind("SQL: no primary key, a twin row", sql("DELETE FROM wp_pressroom_keyless WHERE id=1 LIMIT 1"), waits=False),
    Kind("SQL: a transaction over tables", sql("START TRANSACTION; UPDATE wp_posts SET post_title='In a transaction' WHERE post_name='article-6';"
                                               " UPDATE wp_options SET option_value='in one' WHERE option_name='pressroom_shown';"
                                               " UPDATE wp_terms SET name='In One' WHERE slug='country'; COMMIT"), waits=False),
    Kind("SQL: a procedure", sql("CREATE PROCEDURE pp() UPDATE wp_options SET option_value='called' WHERE option_name='pressroom_shown';"
                                 " CALL pp(); DROP PROCEDURE pp"), waits=False),
    Kind("SQL: rename tables, as schema tools do", sql("CREATE TABLE wp_pressroom_new LIKE wp_pressroom_keyless;"
                                                       " INSERT INTO wp_pressroom_new VALUES (1, 'renamed');"
                                                       " RENAME TABLE wp_pressroom_keyless TO wp_pressroom_old, wp_pressroom_new TO wp_pressroom_keyless;"
                                                       " DROP TABLE wp_pressroom_old"), waits=False),
    Kind("SQL: multi-table DELETE", sql("DELETE m FROM wp_postmeta m JOIN wp_posts p ON p.ID=m.post_id WHERE p.post_name='article-6'"), waits=False),
    Kind("SQL: INSERT SELECT", sql("INSERT INTO wp_pressroom_keyless SELECT 3, post_title FROM wp_posts WHERE post_name='article-7'"), waits=False),
    Kind("SQL: another database named", _from_elsewhere, waits=False),
    Kind("SQL: TRUNCATE", sql("TRUNCATE wp_comments"), waits=False),
]  # fmt: skip

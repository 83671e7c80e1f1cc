"""Which pages read what, in the index's database: found by the tables, columns and values of a changed row.

Reads are kept once and shared. A page's reads are parted into sets by what they are, so that of a new version most sets
are those of the one before, and many are those of other pages; a read is found by a key (table, column, folded value),
or by its table alone where its condition gives none.
"""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pressroom.pagecache.binlog.positions import RowChange
from pressroom.pagecache.matching.keys import ANY_TABLE, keys_of, row_keys
from pressroom.pagecache.matching.reads import (
    ANYTHING,
    Analyst,
    Reads,
    Statement,
    parameters_of,
    parameters_text,
    text_of,
)
from pressroom.pagecache.matching.rerun import Question
from pressroom.pagecache.sql.schema import Schema
from pressroom.pagecache.sql.template import Template

SCHEMA = """
CREATE TABLE templates (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE reads (
    id INTEGER PRIMARY KEY, site TEXT NOT NULL, template INTEGER NOT NULL, parameters TEXT NOT NULL,
    digest TEXT NOT NULL,  -- of the result that its pages were made from: another result is another read
    shape TEXT NOT NULL,   -- of the schema by which its keys were made
    UNIQUE (site, template, parameters, digest, shape)
);
CREATE TABLE read_keys (
    site TEXT NOT NULL, name TEXT NOT NULL,  -- of the table, or '*' for what may have read anything
    field TEXT NOT NULL, value TEXT NOT NULL,  -- the key, or both empty for any row of the table
    template INTEGER NOT NULL, read INTEGER NOT NULL,
    PRIMARY KEY (site, name, field, template, value, read)
) WITHOUT ROWID;
CREATE INDEX read_keys_by_read ON read_keys (read);
CREATE TABLE sets (id INTEGER PRIMARY KEY, site TEXT NOT NULL, digest BLOB NOT NULL, UNIQUE (site, digest));
CREATE TABLE set_reads (read INTEGER NOT NULL, of INTEGER NOT NULL, PRIMARY KEY (read, of)) WITHOUT ROWID;
CREATE INDEX set_reads_by_set ON set_reads (of);
CREATE TABLE page_sets (of INTEGER NOT NULL, page INTEGER NOT NULL, PRIMARY KEY (of, page)) WITHOUT ROWID;
CREATE INDEX page_sets_by_page ON page_sets (page);
"""
_MANY = 200  # pages; so far they are counted one by one
# Sets of a page's reads: few enough to be looked up, so many that a read that is another takes few along.
_PARTS = 64
# Of a site; what else it asks counts as anything. Each is looked at by each change. Counted anew when we start.
_MOST_TEMPLATES = 4_000


@dataclass(frozen=True)
class _Search:
    """For what one change of a row touches. ``most``: with more values of a key than these it is given up."""

    site: str
    change: RowChange
    analyst: Analyst
    most: int | None
    meets: Callable[[Template, RowChange], bool] | None

    @property
    def limit(self) -> int:
        """For SQLite: one more, by which more are noticed; -1 for all."""
        return -1 if self.most is None else self.most + 1

    def may_touch(self, template: Template) -> bool:
        """A quick look at what needs no parameters."""
        return self._changes_columns(template) and (self.meets is None or self.meets(template, self.change))

    def _changes_columns(self, template: Template) -> bool:
        before, after = self.change.before, self.change.after
        if before is None or after is None:
            return True
        changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        return any(
            reading.table == self.change.table and (reading.columns is None or reading.columns & changed)
            for reading in template.readings
        )


class Dependencies:
    """Not thread-safe; the invalidator holds its lock, and writes happen in the index's transactions."""

    def __init__(self, database: sqlite3.Connection, schema_of: Callable[[str], Schema]) -> None:
        self._db = database
        self._schema_of = schema_of
        self._analysts: dict[str, Analyst] = {}
        self._former: dict[str, Analyst] = {}  # of sites whose tables have changed since
        # By site and table: the fields by which reads are found, each with the template that has such reads.
        self._fields: dict[tuple[str, str], set[tuple[str, int]]] = {}
        self._templates: dict[str, set[int]] = {}  # by site
        self._texts: dict[int, str] = {}  # of templates
        unused = database.execute("SELECT id FROM sets WHERE id NOT IN (SELECT of FROM page_sets)")
        self._maybe_unused: set[int] = {number for (number,) in unused}
        for site, name, field, template in database.execute(
            "SELECT DISTINCT site, name, field, template FROM read_keys"
        ):
            self._fields.setdefault((site, name), set()).add((field, template))
            self._templates.setdefault(site, set()).add(template)

    def analyst(self, site: str) -> Analyst:
        """Raises pymysql's errors when the schema cannot be read."""
        if site not in self._analysts:
            self._analysts[site] = Analyst(self._schema_of(site), self._former.pop(site, None))
        return self._analysts[site]

    def knows(self, site: str) -> bool:
        """Whether `analyst` needs not ask MariaDB."""
        return site in self._analysts

    def forget_schema(self, site: str) -> None:
        """The site's tables have changed (or it is gone)."""
        if (analyst := self._analysts.pop(site, None)) is not None:
            self._former[site] = analyst

    # -- writing -------------------------------------------------------------------------------------------

    def put(self, site: str, page: int, reads: Reads) -> None:
        """These are the page's reads from now on."""
        before = {of for (of,) in self._db.execute("SELECT of FROM page_sets WHERE page=?", (page,))}
        now = {self._set(site, digest, part) for digest, part in _parts(reads, self.analyst(site).shape)}
        self._maybe_unused |= before - now
        self._db.executemany("DELETE FROM page_sets WHERE of=? AND page=?", [(of, page) for of in before - now])
        self._db.executemany("INSERT INTO page_sets VALUES (?, ?)", [(of, page) for of in now - before])

    def _set(self, site: str, digest: bytes, statements: Iterable[Statement]) -> int:
        row = self._db.execute("SELECT id FROM sets WHERE site=? AND digest=?", (site, digest)).fetchone()
        if row is not None:
            return int(row[0])
        number = int(self._db.execute("INSERT INTO sets (site, digest) VALUES (?, ?)", (site, digest)).lastrowid or 0)
        numbers = {self._read(site, one) for one in statements}
        self._db.executemany("INSERT INTO set_reads VALUES (?, ?)", [(read, number) for read in numbers])
        return number

    def _read(self, site: str, one: Statement) -> int:
        parameters, shape = parameters_text(one.parameters), self.analyst(site).shape
        row = self._db.execute(
            "SELECT id FROM reads WHERE site=? AND template=(SELECT id FROM templates WHERE text=?) AND parameters=?"
            " AND digest=? AND shape=?",
            (site, one.template, parameters, one.digest, shape),
        ).fetchone()
        if row is not None:
            return int(row[0])
        template = self._template(one.template)
        known = self._templates.setdefault(site, set())
        if template not in known and len(known) >= _MOST_TEMPLATES and one != ANYTHING:
            return self._read(site, ANYTHING)
        known.add(template)
        cursor = self._db.execute(
            "INSERT INTO reads (site, template, parameters, digest, shape) VALUES (?, ?, ?, ?, ?)",
            (site, template, parameters, one.digest, shape),
        )
        number = int(cursor.lastrowid or 0)
        for name, field, value in keys_of(one, self.analyst(site)):
            self._fields.setdefault((site, name), set()).add((field, template))
            self._db.execute(
                "INSERT OR IGNORE INTO read_keys VALUES (?, ?, ?, ?, ?, ?)",
                (site, name, field, value, template, number),
            )
        return number

    def _template(self, text: str) -> int:
        row = self._db.execute("SELECT id FROM templates WHERE text=?", (text,)).fetchone()
        if row is None:
            return int(self._db.execute("INSERT INTO templates (text) VALUES (?)", (text,)).lastrowid or 0)
        return int(row[0])

    # -- looking up ----------------------------------------------------------------------------------------

    def touched(
        self,
        site: str,
        changes: Sequence[RowChange],
        *,
        most: int | None = None,
        meets: Callable[[Template, RowChange], bool] | None = None,
    ) -> tuple[dict[int, RowChange], bool]:
        """The reads (by number) that one of these changes may have changed, with the first that may; and whether
        that is all of them. What was asked with more than `most` different values is left out: each by few pages.
        `meets` tells of a whole template that it may be touched.
        """
        reads: dict[int, RowChange] = {}
        is_all = True
        analyst = self.analyst(site)
        for change in changes:
            search = _Search(site, change, analyst, most, meets)
            for found in [self._of_table(search)] if change.is_unknown else self._by_keys(search):
                is_all = is_all and found is not None
                for read in found or ():
                    reads.setdefault(read, change)
        return reads, is_all

    def _of_table(self, search: _Search) -> list[int] | None:
        query = "SELECT DISTINCT read FROM read_keys WHERE site=? AND name IN (?, ?) LIMIT ?"
        found = self._db.execute(query, (search.site, search.change.table, ANY_TABLE, search.limit)).fetchall()
        return None if len(found) == search.limit else [read for (read,) in found]

    def _by_keys(self, search: _Search) -> Iterator[list[int] | None]:
        for name in (search.change.table, ANY_TABLE):
            for field, number in self._fields.get((search.site, name), ()):
                yield self._by_key(search, name, field, number)

    def _by_key(self, search: _Search, name: str, field: str, number: int) -> list[int] | None:
        """Of one template's reads, those found by this field of the row that the change may have changed."""
        text = self._text_of_template(number)
        if text is None:
            return []
        template = search.analyst.template(text)
        if template is not None and not search.may_touch(template):
            return []
        touched = []
        for value in row_keys(field, search.change) if name != ANY_TABLE else [""]:
            found = self._look_up(search, name, field, number, value)
            if len(found) == search.limit:
                return None
            for read, parameters in found:
                statement = Statement(text, parameters_of(parameters))
                if template is None or search.analyst.touches(statement, [search.change]):
                    touched.append(read)
        return touched

    def _look_up(
        self, search: _Search, name: str, field: str, template: int, value: str | None
    ) -> list[tuple[int, str]]:
        """Reads with their parameters; `value` None: any."""
        query = (
            "SELECT k.read, r.parameters FROM read_keys k JOIN reads r ON r.id = k.read"
            " WHERE k.site=? AND k.name=? AND k.field=? AND k.template=?"
        )
        values: list[object] = [search.site, name, field, template]
        if value is not None:
            query, values = f"{query} AND k.value=?", [*values, value]
        return self._db.execute(f"{query} LIMIT ?", (*values, search.limit)).fetchall()

    def _text_of_template(self, number: int) -> str | None:
        """None for one that came to nothing: what was to be stored with it was not."""
        if number not in self._texts:
            row = self._db.execute("SELECT text FROM templates WHERE id=?", (number,)).fetchone()
            if row is None:
                return None
            self._texts[number] = row[0]
        return self._texts[number]

    def by_share(self, reads: Collection[int]) -> list[int]:
        """What most pages read comes first."""
        pages = (
            "SELECT count(*) FROM"
            " (SELECT 1 FROM set_reads s CROSS JOIN page_sets p ON p.of = s.of WHERE s.read=? LIMIT ?)"
        )
        sets = "SELECT count(*) FROM set_reads WHERE read=?"  # one for each page, most often, and sooner counted
        shares = {
            read: (*self._db.execute(pages, (read, _MANY)).fetchone(), *self._db.execute(sets, (read,)).fetchone())
            for read in reads
        }
        return sorted(shares, key=shares.__getitem__, reverse=True)

    def statements(self, reads: Collection[int]) -> dict[int, Statement]:
        """By number; without those that were forgotten meanwhile, which no page has any more."""
        found = {}
        for read in reads:
            row = self._db.execute(
                "SELECT t.text, r.parameters, r.digest FROM reads r JOIN templates t ON t.id = r.template WHERE r.id=?",
                (read,),
            ).fetchone()
            if row is not None:
                found[read] = Statement(row[0], parameters_of(row[1]), row[2])
        return found

    def questions(self, site: str, reads: Collection[int]) -> list[Question]:
        """Those of the reads that can be asked again, in their order."""
        analyst = self.analyst(site)
        known = self.statements(reads)
        return [Question(read, statement) for read, statement in known.items() if analyst.can_be_asked(statement)]

    def pages(self, reads: Collection[int]) -> dict[int, frozenset[int]]:
        """The pages (by number) that made one of these reads, and which of them each made."""
        pages: dict[int, set[int]] = {}
        for read in reads:
            for (page,) in self._db.execute(
                "SELECT p.page FROM set_reads s JOIN page_sets p ON p.of = s.of WHERE s.read=?", (read,)
            ):
                pages.setdefault(page, set()).add(read)
        return {page: frozenset(made) for page, made in pages.items()}

    def text(self, read: int) -> str:
        """A read for people."""
        text, parameters = self._db.execute(
            "SELECT t.text, r.parameters FROM reads r JOIN templates t ON t.id = r.template WHERE r.id=?", (read,)
        ).fetchone()
        return text_of(Statement(text, parameters_of(parameters)))

    def unanalysed(self, site: str) -> dict[str, set[int]]:
        """Statements that count as having read anything, and the pages (by number) that made them."""
        rows = self._db.execute(
            "SELECT DISTINCT t.text, p.page FROM read_keys k JOIN templates t ON t.id = k.template"
            " JOIN set_reads s ON s.read = k.read JOIN page_sets p ON p.of = s.of WHERE k.site=? AND k.name=?",
            (site, ANY_TABLE),
        )
        found: dict[str, set[int]] = {}
        for text, page in rows:
            found.setdefault(text, set()).add(page)
        return found

    # -- forgetting ----------------------------------------------------------------------------------------

    def forget_site(self, site: str) -> None:
        self._db.execute("DELETE FROM page_sets WHERE page IN (SELECT id FROM pages WHERE site=?)", (site,))
        self._db.execute("DELETE FROM set_reads WHERE of IN (SELECT id FROM sets WHERE site=?)", (site,))
        for name in ("sets", "reads", "read_keys"):
            self._db.execute(f"DELETE FROM {name} WHERE site=?", (site,))
        self._fields = {place: fields for place, fields in self._fields.items() if place[0] != site}
        self._templates.pop(site, None)
        self._analysts.pop(site, None)
        self._former.pop(site, None)

    def sweep(self, most: int = 3000) -> None:
        """Forget sets that no page has any more, and reads that no set has; so many at a time, for others wait."""
        while most > 0 and self._maybe_unused:
            number = self._maybe_unused.pop()
            most -= 1
            if self._db.execute("SELECT 1 FROM page_sets WHERE of=? LIMIT 1", (number,)).fetchone():
                continue
            reads = self._db.execute("SELECT read FROM set_reads WHERE of=?", (number,)).fetchall()
            most -= len(reads)
            self._db.execute("DELETE FROM set_reads WHERE of=?", (number,))
            self._db.execute("DELETE FROM sets WHERE id=?", (number,))
            for (read,) in reads:
                if not self._db.execute("SELECT 1 FROM set_reads WHERE read=? LIMIT 1", (read,)).fetchone():
                    self._db.execute("DELETE FROM reads WHERE id=?", (read,))
                    self._db.execute("DELETE FROM read_keys WHERE read=?", (read,))

    def reads_of(self, page: int) -> list[Statement]:
        rows = self._db.execute(
            "SELECT DISTINCT t.text, r.parameters FROM page_sets p JOIN set_reads s ON s.of = p.of"
            " JOIN reads r ON r.id = s.read JOIN templates t ON t.id = r.template WHERE p.page=?",
            (page,),
        )
        return [Statement(text, parameters_of(parameters)) for text, parameters in rows]


def _parts(statements: Iterable[Statement], shape: str) -> Iterator[tuple[bytes, Collection[Statement]]]:
    """Each part with a digest of it and of the schema's `shape`. A statement falls into the same part always."""
    parts: list[dict[bytes, Statement]] = [{} for _ in range(_PARTS)]
    for one in statements:
        text = f"{one.template}\0{parameters_text(one.parameters)}\0{one.digest}".encode()
        parts[zlib.crc32(text) % _PARTS][text] = one
    for part in filter(None, parts):
        digest = hashlib.blake2b(shape.encode(), digest_size=16)
        for text in sorted(part):
            digest.update(b"%d:%b" % (len(text), text))
        yield digest.digest(), part.values()

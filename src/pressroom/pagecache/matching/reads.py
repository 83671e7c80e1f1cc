"""What a render read, as its recorder noted it: statements, options, meta; analysed, and tested against rows."""

from __future__ import annotations

import json
import re
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from hashlib import blake2b
from json.encoder import encode_basestring_ascii
from typing import Any

from pressroom.pagecache.binlog.positions import STRUCTURE, RowChange
from pressroom.pagecache.sql.literals import NotAnalysed, Parameter, take_out_literals
from pressroom.pagecache.sql.predicate import HOLDS
from pressroom.pagecache.sql.reading import Reading
from pressroom.pagecache.sql.schema import Schema
from pressroom.pagecache.sql.template import Template, analyse
from pressroom.system.budget import Allowance

_TABLE = re.compile(r"[A-Za-z0-9_$]{1,64}\Z")
_PARTS = {"statements", "options", "holds", "rows", "meta"}
_COLUMNS = re.compile(r"(?:\*|[A-Za-z_]{1,64}(?:, [A-Za-z_]{1,64}){0,30})\Z")
_NUMBERS = {"ID", "term_id"}  # columns that hold a row's number
_MOST_ANALYSED = 4096  # statements of a site
MOST_READS = 5_000  # of a page; one that reads more counts as having read anything
# What a site may take of the time in which its statements are analysed, while all sites' writers wait: a share, and
# seconds of the processor that are saved up. A shop's 600 kinds of statements take half a second, once.
_ANALYSIS_SHARE, _ANALYSIS_SAVED = 0.1, 0.5
_META_COLUMN = re.compile(r"(?:post|user|term|comment)_id\Z")


@dataclass(frozen=True)
class Statement:
    """One read as text: a template with its literals. The template is empty for what cannot be analysed.

    ``digest`` is of the result (see `rerun`); empty where it is not known.
    """

    template: str
    parameters: tuple[Parameter, ...] = ()
    digest: str = field(default="", compare=False)


# It may have read anything of its site.
ANYTHING = Statement("")
# How the site's tables are made, or which there are.
DEFINITIONS = Statement(STRUCTURE)
_ASKS_FOR_STRUCTURE = re.compile(
    r"\s*(?:show\s+(?:full\s+)?(?:columns|fields|tables|index|create)|desc(?:ribe)?)\b", re.I
)


# All that one page was made from.
Reads = tuple[Statement, ...]
UNRECORDED: Reads = (ANYTHING,)


def option(table: str, name: str) -> Statement:
    return Statement(f"SELECT option_value FROM {table} WHERE option_name = :p0", (name,))


def holds(table: str, name: str, number: int) -> Statement:
    """Whether an option that is a list of numbers holds this one. MariaDB is never asked that."""
    return Statement(f"SELECT 1 FROM {table} WHERE option_name = :p0 AND {HOLDS}(option_value, :p1)", (name, number))


def meta(table: str, column: str, number: int, key: str | None) -> Statement:
    """One key of an object's meta; None for all of them."""
    if key is None:
        return Statement(f"SELECT meta_key, meta_value FROM {table} WHERE {column} = :p0", (number,))
    return Statement(f"SELECT meta_value FROM {table} WHERE {column} = :p0 AND meta_key = :p1", (number, key))


def parameters_text(parameters: Sequence[Parameter]) -> str:
    """As JSON; a number that is no whole one keeps its digits."""
    return f"[{','.join(map(_text, parameters))}]"


def _text(parameter: Parameter) -> str:
    # json.dumps() would make an encoder for each of a page's hundreds of statements.
    if isinstance(parameter, str):
        return encode_basestring_ascii(parameter)
    if isinstance(parameter, tuple):
        return parameters_text(parameter)
    if isinstance(parameter, Decimal):
        return f'{{"n":"{parameter}"}}'
    return "null" if parameter is None else str(parameter)


def parameters_of(text: str) -> tuple[Parameter, ...]:
    """The reverse."""
    return _parameters(json.loads(text))


def _plain(parameter: Parameter) -> Any:
    """What JSON knows."""
    if isinstance(parameter, tuple):
        return list(map(_plain, parameter))
    return {"n": str(parameter)} if isinstance(parameter, Decimal) else parameter


def _parameters(plain: list[Any]) -> tuple[Any, ...]:
    return tuple(
        _parameters(one) if isinstance(one, list) else Decimal(one["n"]) if isinstance(one, dict) else one
        for one in plain
    )


def text_of(read: Statement) -> str:
    """For people: the statement with its literals in their places; an option or a meta key by its name."""
    if not read.template:
        return "anything (a statement that cannot be analysed)"
    if read.template == STRUCTURE:
        return "the definitions of tables"
    if (match := _NAMED_OPTION.match(read.template)) is not None:
        return f"option {read.parameters[0]} ({match.group(1)})"
    if (match := _NAMED_LIST.match(read.template)) is not None:
        return f"whether option {read.parameters[0]} ({match.group(1)}) holds {read.parameters[1]}"
    return _SLOT.sub(lambda slot: _literal(read.parameters[int(slot.group(1))]), read.template)


_NAMED_OPTION = re.compile(r"SELECT option_value FROM (\S+) WHERE option_name = :p0\Z")
_NAMED_LIST = re.compile(rf"SELECT 1 FROM (\S+) WHERE option_name = :p0 AND {HOLDS}\(option_value, :p1\)\Z")
_SLOT = re.compile(r":p(\d+)")


def _literal(parameter: Parameter) -> str:
    if isinstance(parameter, tuple):
        return ", ".join(_literal(value) for value in parameter)
    return repr(parameter) if isinstance(parameter, str) else str(parameter)


def to_plain(reads: Reads) -> list[list[Any]]:
    """For a message: template, parameters and digest of each statement."""
    return [[one.template, list(map(_plain, one.parameters)), one.digest] for one in reads]


def from_plain(plain: list[list[Any]]) -> Reads:
    return tuple(Statement(template, _parameters(given), digest) for template, given, digest in plain)


def reads_from(plain: Any) -> Reads:
    """From the recorder's JSON, which comes from the tenant's process. What it does not say counts as ANYTHING.

    So does what is not known here: while a node is brought up to date, its PHP is newer than this process for a moment.
    """
    try:
        if plain.keys() - _PARTS:
            raise ValueError(f"not known: {plain.keys()}")
        reads = [statement(str(text), str(digest)[:32]) for text, digest in plain["statements"]]
        reads += [option(_table(table), str(name)) for table, names in plain["options"] for name in names]
        for table, name, numbers in plain.get("holds", []):
            reads += [holds(_table(table), str(name), int(number)) for number in numbers]
        reads += _rows(dict(plain.get("rows") or {}))
        for meta_table, column, number, keys in plain["meta"]:
            if not _META_COLUMN.match(column):
                raise ValueError(f"no meta column: {column}")
            reads += [meta(_table(meta_table), column, int(number), str(key) or None) for key in keys]
    except (ValueError, TypeError, KeyError, AttributeError):
        return UNRECORDED
    return tuple(reads) if len(reads) <= MOST_READS else UNRECORDED


def _rows(tables: dict[str, dict[str, dict[str, dict[str, object]]]]) -> list[Statement]:
    """Rows by their number: by table, column of the number, columns read, number; the digest of what was there."""
    found = []
    for table, numbers in tables.items():
        for key, kinds in numbers.items():
            for columns, rows in kinds.items():
                if not _COLUMNS.match(columns) or key not in _NUMBERS:
                    raise ValueError(f"no columns: {columns}, {key}")
                template = f"SELECT {columns} FROM {_table(table)} WHERE {key} = :p0"
                found += [Statement(template, (int(number),), str(digest)[:32]) for number, digest in rows.items()]
    return found


def _table(name: object) -> str:
    if not isinstance(name, str) or not _TABLE.match(name):
        raise ValueError(f"no table: {name!r}")
    return name


def statement(text: str, digest: str = "") -> Statement:
    """A recorded statement's read. What cannot be read counts as ANYTHING."""
    if _ASKS_FOR_STRUCTURE.match(text):
        return DEFINITIONS
    try:
        text.encode()  # half a character, which JSON may hold, has no place in the index
        taken = take_out_literals(text)
    except (NotAnalysed, UnicodeEncodeError, ArithmeticError):  # 1e99999999999999999999 is no Decimal
        return ANYTHING
    return Statement(taken.template, taken.parameters, digest)


class Analyst:
    """One site's statements, analysed against its schema. Kept until the schema changes."""

    def __init__(self, schema: Schema, former: Analyst | None = None) -> None:
        """`former` is the one of the tables as they were: what it knows of those that are the same is kept, for to
        analyse all statements anew takes longer than a change may wait.
        """
        self.schema = schema
        self._analysed: OrderedDict[str, Template | None] = OrderedDict()
        self._allowance: Allowance = former._allowance if former else Allowance(_ANALYSIS_SHARE, _ANALYSIS_SAVED)
        if former is not None and former.schema.functions == schema.functions:
            before, now = former.schema.tables, schema.tables
            same = {name for name, table in before.items() if now.get(name) == table}
            for text, template in former._analysed.items():
                if template is not None and {reading.table for reading in template.readings} <= same:
                    self._analysed[text] = template

    def template(self, text: str) -> Template | None:
        """None: the statement may have read anything, or there is no time left for it (`has_time`)."""
        if text in self._analysed:
            self._analysed.move_to_end(text)
            return self._analysed[text]
        if not self.has_time:
            return None
        began = time.thread_time()
        template = self._analysed[text] = self._analyse(text)
        self._allowance.spend(time.thread_time() - began)
        if len(self._analysed) > _MOST_ANALYSED:
            self._analysed.popitem(last=False)
        return template

    @cached_property
    def shape(self) -> str:
        """Of the schema, in short: by another one the same statement is another read."""
        definitions = repr((sorted(self.schema.tables.items()), sorted(self.schema.functions)))
        return blake2b(definitions.encode(), digest_size=8).hexdigest()

    @property
    def has_time(self) -> bool:
        """Whether statements that are not known yet are analysed now."""
        return self._allowance.left() > 0

    def can_be_asked(self, read: Statement) -> bool:
        """Whether it is known what MariaDB gave, and it gives the same until something changes: no clock, no chance.
        And that to ask is all that it does: it locks no rows.
        """
        template = self.template(read.template) if read.digest else None
        return template is not None and not (template.clock or template.random or template.locks)

    def _analyse(self, text: str) -> Template | None:
        if not text:
            return None
        if text == STRUCTURE:
            return Template((Reading(STRUCTURE, None, (), ()),))
        try:
            return analyse(text, self.schema)
        except NotAnalysed:
            return None

    def touches(self, read: Statement, changes: Sequence[RowChange]) -> bool:
        """Whether one of these changes may change what was read."""
        template = self.template(read.template)
        if template is None:
            return bool(changes)
        return any(
            reading.table == change.table and reading.is_touched(change.before, change.after, read.parameters)
            for change in changes
            for reading in template.readings
        )

    def surely_touches(self, read: Statement, change: RowChange) -> bool:
        """Whether this change, as the only one, changes what was read beyond doubt."""
        template = self.template(read.template)
        if template is None or change.is_unknown:
            return False
        return any(
            reading.table == change.table and reading.is_surely_touched(change.before, change.after, read.parameters)
            for reading in template.readings
        )

    def any_touched(self, reads: Iterable[Statement], changes: Sequence[RowChange]) -> bool:
        tables = {change.table for change in changes}
        for read in reads:
            template = self.template(read.template)
            concerned = template is None or any(reading.table in tables for reading in template.readings)
            if concerned and self.touches(read, changes):
                return True
        return False

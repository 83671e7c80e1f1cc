"""What a statement reads, by its template: for each table the columns, a condition on its rows, and keys to find it by.

A row that does not meet the condition cannot change the statement's result; nor can a change of columns that it does
not read. What this rests on, for each SELECT of the statement, is in `_Select`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from pressroom.pagecache.sql.literals import NotAnalysed
from pressroom.pagecache.sql.predicate import HOLDS, Key, compile_condition, conjuncts, key_of
from pressroom.pagecache.sql.reading import Join, Reading
from pressroom.pagecache.sql.schema import Schema, Table

_RANDOM = (exp.Rand, exp.Uuid)
_CLOCK = (
    exp.CurrentDate, exp.CurrentTime, exp.CurrentTimestamp, exp.CurrentDatetime, exp.UnixSeconds, exp.UtcDate,
    exp.UtcTime, exp.UtcTimestamp,
)  # fmt: skip
_CLOCK_NAMES = {"NOW", "SYSDATE", "UNIX_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP", "CURDATE", "CURTIME"}
# Functions that depend on their arguments alone, beside those that sqlglot knows by a class of their own.
_PLAIN_NAMES = {
    "FIELD", "FIND_IN_SET", "DATE_FORMAT", "INET_ATON", "INET_NTOA", "ELT", "FORMAT", "MAKE_SET", "TO_DAYS",
    "TO_SECONDS", "PERIOD_ADD", "PERIOD_DIFF", "TIME_TO_SEC", "SEC_TO_TIME", "WEEKDAY", "YEARWEEK",
    "CONVERT_TZ", "STRCMP", "LOCATE",
    "SUBSTRING_INDEX", "CRC32", "ADDDATE", "SUBDATE", "ST_DISTANCE_SPHERE", "TRUNCATE", "JSON_CONTAINS", "JSON_VALID",
    "JSON_UNQUOTE", "JSON_LENGTH", "JSON_KEYS", "JSON_SEARCH", "QUOTE", "ORD", "BIT_COUNT", "MID", "INSERT",
    "LPAD", "RPAD", HOLDS,
}  # fmt: skip

_FURTHEST_JOIN = 3  # tables between a row and the last that it is joined with; all may be joined with all
# Statements come from tenants, and all sites' writers wait while one is analysed. Characters; seconds of the processor
# (WordPress's and WooCommerce's longest take three milliseconds).
LONGEST_TEMPLATE, LONGEST_ANALYSIS = 16 * 1024, 0.1


@dataclass(frozen=True)
class Template:
    """An analysed statement. ``clock``: it asks for the time; ``random``: each run may give another result; ``locks``:
    it keeps others from the rows (FOR UPDATE, LOCK IN SHARE MODE).
    """

    readings: tuple[Reading, ...]
    clock: bool = False
    random: bool = False
    locks: bool = False


def analyse(template: str, schema: Schema) -> Template:
    """Raises NotAnalysed: then the statement may have read anything of its site."""
    if len(template) > LONGEST_TEMPLATE:
        raise NotAnalysed("it is too long")
    try:
        return _analyse(template, schema, time.thread_time() + LONGEST_ANALYSIS)
    except (SqlglotError, RecursionError) as error:
        raise NotAnalysed(f"it cannot be parsed: {str(error)[:200]}") from error


def _analyse(template: str, schema: Schema, until: float) -> Template:
    tree = sqlglot.parse_one(template, read="mysql")
    if not isinstance(tree, exp.Select | exp.SetOperation | exp.Subquery):
        raise NotAnalysed(f"it is a {tree.key}")
    if tree.find(exp.With):
        raise NotAnalysed("it has a WITH")
    clock, random = _judge_functions(tree, schema)
    readings: list[Reading] = []
    for select in tree.find_all(exp.Select):
        readings.extend(_Select(select, schema, until).readings())
    locks = any(node.args.get("locks") for node in tree.walk())
    return Template(tuple(readings), clock, random, locks)


def _judge_functions(tree: exp.Expr, schema: Schema) -> tuple[bool, bool]:
    """Whether the statement asks for the time, and for chance."""
    clock = random = False
    for node in tree.walk():
        if isinstance(node, exp.Parameter | exp.Into):
            raise NotAnalysed(f"it has a {node.key}")
        if isinstance(node, exp.Func) and schema.functions & {node.key, node.name.lower(), *_names(node)}:
            raise NotAnalysed("it calls a stored function")
        if isinstance(node, exp.Anonymous):
            name = str(node.this).upper()
            if name in _CLOCK_NAMES:
                clock = True
            elif name not in _PLAIN_NAMES:
                raise NotAnalysed(f"it calls {name}")
        clock = clock or isinstance(node, _CLOCK)
        random = random or isinstance(node, _RANDOM)
    return clock, random


def _names(function: exp.Func) -> set[str]:
    return {str(name).lower() for name in function.sql_names()} if not isinstance(function, exp.Anonymous) else set()


class _Select:
    """One SELECT, without those inside it.

    A condition on one table's columns alone bounds that table's rows if a row that fails it cannot be seen in the
    result: conditions of WHERE and of inner joins' ON for tables that are not on the optional side of an outer join;
    for a table on that side its own ON, and of WHERE those that are not true of a row of NULLs (such a row stands in
    where none matches, so a real one that fails can take its place).
    """

    def __init__(self, select: exp.Select, schema: Schema, until: float) -> None:
        """`until`: how long it may take (`time.thread_time()`)."""
        self._select = select
        self._schema = schema
        self._until = until
        self._tables: dict[str, str] = {}  # alias -> table
        self._optional: dict[str, exp.Expr | None] = {}  # alias on the optional side -> its ON
        self._inner: list[exp.Expr] = []  # ON of inner joins
        self._bounded = True  # whether conditions may be used at all
        self._joins_by_name = False  # USING, NATURAL: columns are read without being named as such
        self._collect()

    def _collect(self) -> None:
        source = self._select.args.get("from_") or self._select.args.get("from")
        if source is not None:
            self._add(source.this)
        for join in self._select.args.get("joins") or ():
            alias = self._add(join.this)
            on = join.args.get("on")
            by_name = bool(join.args.get("using") or join.args.get("method"))
            self._joins_by_name = self._joins_by_name or by_name
            if by_name or join.side not in ("", "LEFT"):
                self._bounded = False
            elif join.side == "LEFT":
                if alias is not None:
                    self._optional[alias] = on
            elif on is not None:
                self._inner.append(on)
        while refused := [alias for alias in self._optional if self._is_refused(alias)]:
            self._inner.extend(on for alias in refused if (on := self._optional.pop(alias)) is not None)

    def _is_refused(self, alias: str) -> bool:
        return any(self._refuses_null(condition, alias) for condition in self._filters())

    def _add(self, node: exp.Expr) -> str | None:
        if isinstance(node, exp.Subquery):
            return None  # its own SELECT is looked at by itself
        if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier):
            raise NotAnalysed(f"it reads from a {node.key}")
        if node.args.get("db"):
            raise NotAnalysed("it names a database")
        if node.args.get("joins"):
            raise NotAnalysed("its joins are nested")
        if node.name not in self._schema.tables:
            raise NotAnalysed(f"{node.name[:64]} is no table of the site")
        alias = node.alias or node.name
        if alias in self._tables:
            raise NotAnalysed("two tables have one name")
        self._tables[alias] = node.name
        return alias

    def readings(self) -> Iterable[Reading]:
        filters = self._filters()
        made = {alias: self._reading(alias, filters) for alias in self._tables}
        if not self._bounded or self._joins_by_name:
            return made.values()
        return [replace(reading, joins=tuple(self._joins(alias, filters, made))) for alias, reading in made.items()]

    def _filters(self) -> list[exp.Expr]:
        """What every row of the result meets, but for the optional side of outer joins."""
        where = self._select.args.get("where")
        filters = [*conjuncts(where.this if where else None)]
        for on in self._inner:
            filters.extend(conjuncts(on))
        return filters

    def _reading(self, alias: str, filters: list[exp.Expr]) -> Reading:
        table = self._tables[alias]
        if self._joins_by_name or self._schema.tables[table].generated:
            return Reading(table, None, (), ())
        usable: list[exp.Expr] = []
        if self._bounded:
            usable = [*conjuncts(self._optional.get(alias))]
            for condition in filters:
                if alias not in self._optional or self._refuses_null(condition, alias):
                    usable.append(condition)
        usable = [part for part in usable if not part.find(exp.Select)]
        usable += self._carried_over(alias, filters) if self._bounded else ()

        def column_of(column: exp.Column) -> str | None:
            return self._column_of(column, alias)

        return Reading(
            table,
            self._columns(alias),
            tuple(compile_condition(part, column_of) for part in usable),
            self._keys(table, [key for part in usable if (key := key_of(part, column_of))]),
            only_counts=self._only_counts(),
            shown=self._shown(alias) if len(usable) == len(filters) else frozenset(),
        )

    def _only_counts(self) -> bool:
        """Whether the result tells of rows that they are there, and no more: no column is read but by WHERE."""
        where = self._select.args.get("where")
        inside = list(where.find_all(exp.Column)) if where else []
        alone = len(self._tables) == 1 and self._select.parent is None and not self._select.args.get("joins")
        return (
            alone
            and self._bounded
            and len(list(self._select.find_all(exp.Select))) == 1
            and len(list(self._select.find_all(exp.Column))) == len(inside)
            and not any(not isinstance(star.parent, exp.Count) for star in self._select.find_all(exp.Star))
        )

    def _shown(self, alias: str) -> frozenset[str] | None:
        """What the result holds of each row that meets the conditions; nothing where it is not just these rows."""
        select = self._select
        more = ("joins", "distinct", "group", "having", "qualify", "limit", "offset", "windows")
        if select.parent is not None or len(self._tables) != 1 or any(select.args.get(part) for part in more):
            return frozenset()
        if len(list(select.find_all(exp.Select))) != 1 or not self._bounded:
            return frozenset()
        if not all(isinstance(part, exp.Column | exp.Star) for part in select.expressions):
            return frozenset()  # one of them may make one row of all
        if any(part.is_star for part in select.expressions):
            return None
        return frozenset(name for part in select.expressions if (name := self._column_of(part, alias)) is not None)

    def _joins(
        self, alias: str, filters: list[exp.Expr], made: dict[str, Reading], passed: frozenset[str] = frozenset()
    ) -> Iterator[Join]:
        """By ``a.x = b.y`` of two numbers, which no row of NULLs meets; not back to the tables that were passed."""
        if len(passed) > _FURTHEST_JOIN:
            return
        passed |= {alias}
        for pair in filters:
            if not isinstance(pair, exp.EQ):
                continue
            for mine, other in ((pair.left, pair.right), (pair.right, pair.left)):
                if not isinstance(mine, exp.Column) or not isinstance(other, exp.Column):
                    continue
                owner = next((name for name in self._tables if self._column_of(other, name)), None)
                column = self._column_of(mine, alias)
                if owner is None or owner in passed or column is None:
                    continue
                theirs = self._column_of(other, owner) or ""
                if self._table(alias).columns[column].is_number and self._table(owner).columns[theirs].is_number:
                    onwards = tuple(self._joins(owner, filters, made, passed))
                    yield Join(column, self._tables[owner], theirs, made[owner].conditions, onwards)

    def _carried_over(self, alias: str, filters: list[exp.Expr]) -> Iterator[exp.Expr]:
        """Of ``a.x = b.y`` and ``a.x IN (…)`` follows ``b.y IN (…)``, if both are numbers or both text."""
        for pair in (*filters, *conjuncts(self._optional.get(alias))):
            if not isinstance(pair, exp.EQ) or not isinstance(pair.left, exp.Column):
                continue
            if not isinstance(pair.right, exp.Column):
                continue
            for mine, other in ((pair.left, pair.right), (pair.right, pair.left)):
                if not self._column_of(mine, alias) or not self._are_alike(mine, other):
                    continue
                for condition in filters:
                    if isinstance(condition, exp.EQ | exp.In) and condition.this == other:
                        moved = condition.copy()
                        moved.set("this", mine.copy())
                        if len(list(moved.find_all(exp.Column))) == 1 and not moved.find(exp.Select):
                            yield moved

    def _are_alike(self, one: exp.Column, other: exp.Column) -> bool:
        kinds = set()
        for column in (one, other):
            owners = [alias for alias in self._tables if self._column_of(column, alias)]
            if len(owners) != 1:
                return False
            described = self._table(owners[0]).columns[self._column_of(column, owners[0]) or ""]
            kinds.add((described.is_number, described.is_text))
        return kinds in ({(True, False)}, {(False, True)})

    def _table(self, alias: str) -> Table:
        return self._schema.tables[self._tables[alias]]

    def _column_of(self, column: exp.Column, alias: str) -> str | None:
        """The column's name in the alias's table; None for another table's, or when that is not certain.

        Whatever takes long asks for it again and again: here it is seen.
        """
        if time.thread_time() > self._until:
            raise NotAnalysed("it takes too long")
        name = self._table(alias).spelled(column.name)
        if column.table:
            return name if column.table == alias else None
        owners = [other for other in self._tables if self._table(other).spelled(column.name)]
        return name if owners == [alias] else None

    def _refuses_null(self, condition: exp.Expr, alias: str) -> bool:
        """Whether the condition is not true of a row of NULLs, whatever the parameters are."""
        columns = list(condition.find_all(exp.Column))
        if not columns or any(self._column_of(column, alias) is None for column in columns):
            return False
        if condition.find(exp.Is, exp.Or, exp.Not, exp.NullSafeEQ, exp.Func, exp.Case):
            return False
        refusing = (exp.EQ, exp.NEQ, exp.In, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between, exp.Like)
        return isinstance(condition, refusing)

    def _columns(self, alias: str) -> frozenset[str] | None:
        """All that is read of it, here and by name in the statements inside and around."""
        names: set[str] = set()
        root = self._select.root()
        for star in root.find_all(exp.Star):
            if isinstance(star.parent, exp.Count):
                continue
            owner = star.parent.table if isinstance(star.parent, exp.Column) else ""
            if not owner or owner == alias:
                return None
        for column in root.find_all(exp.Column):
            if isinstance(column.this, exp.Star):
                continue
            name = self._table(alias).spelled(column.name)
            if name is not None and (not column.table or column.table == alias):
                names.add(name)
        return frozenset(names)

    def _keys(self, table: str, keys: list[Key]) -> tuple[Key, ...]:
        """Those that a value can be looked up by, the most telling first."""
        columns = self._schema.tables[table]
        found = [key for key in keys if columns.columns[key.column].is_number or columns.columns[key.column].is_text]
        return tuple(sorted(found, key=lambda key: columns.rank(key.column)))

"""From which raw columns a table's columns are made: read from the SQL of the models between, without running it.

A column is made from those that its expression reads. Where the expression adds up or counts rows, the filters of its
SELECT count, too; where it counts rows whatever they hold, also the groups, and the filters and groups of the SELECTs
below it in the same model. Join keys, the filters of other SELECTs and the keys of the table are not followed: each of
its columns rests on them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope
from sqlglot.schema import MappingSchema

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

DIALECT = "spark"
# What dbt calls the CTE that it puts in the place of an ephemeral model.
EPHEMERAL = "__dbt__cte__"
GENERATORS = (exp.Inline, exp.Explode, exp.ExplodeOuter, exp.Posexplode, exp.PosexplodeOuter, exp.Stack)
FILTERS = ("where", "having", "qualify")
# What the parser raises where SQL is beyond it.
UNREADABLE = (SqlglotError, RecursionError, LookupError, TypeError, ValueError, AttributeError)
# The models through which each raw column, by table and name, comes into a column.
Origins = dict[tuple[str, str], frozenset[str]]


@dataclass(frozen=True)
class Origin:
    """A raw column that a column is made from; `via` are the models between, from the table back to the raw one."""

    column: str
    raw_table: str
    raw_column: str
    via: tuple[str, ...]


@dataclass(frozen=True)
class Lineage:
    """All origins of the columns of a table.

    `unread` are models whose SQL could not be read, with the reason; `unknown` are tables neither of models nor raw.
    """

    origins: tuple[Origin, ...]
    unread: Mapping[str, str]
    unknown: tuple[str, ...]


def lineage(
    table: str, models: Mapping[str, str], raw: Mapping[str, Collection[str]], keys: Collection[str]
) -> Lineage:
    """Trace the columns of a table, but for its keys, through the SQL of models, by schema and name, to raw tables.

    What comes from a model that cannot be read, or from a table that is neither, has no origin.
    """
    reading = _Reading(models, raw, keys)
    found = {column: reading.of_table(table, column) for column in reading.columns(table) if column not in keys}
    ranks = {model: rank for rank, model in enumerate(reversed(reading.order))}
    origins = [
        Origin(column, *place, tuple(sorted(via, key=ranks.__getitem__)))
        for column, places in found.items()
        for place, via in sorted(places.items())
    ]
    return Lineage(tuple(origins), reading.unread, tuple(sorted(reading.unknown)))


class _Reading:
    """The models read so far: each is parsed once, and each column of each SELECT traced once."""

    def __init__(self, models: Mapping[str, str], raw: Mapping[str, Collection[str]], keys: Collection[str]) -> None:
        self.order: list[str] = []
        self.unread: dict[str, str] = {}
        self.unknown: set[str] = set()
        self._models, self._raw, self._keys = models, raw, frozenset(keys)
        self._tops: dict[str, Scope | None] = {}
        self._read_from: dict[int, Scope | exp.Table] = {}
        self._traced: dict[tuple[int, str, str], Origins] = {}
        self._schema = MappingSchema(dialect=DIALECT)
        for name, columns in raw.items():
            self._add_to_schema(name, columns)

    def columns(self, table: str) -> list[str]:
        """The columns of a model's table, in order; none where it cannot be read."""
        top = self._top(table)
        return _columns(top) if top else []

    def of_table(self, table: str, column: str) -> Origins:
        """The origins of a column of a model's table."""
        top = self._top(table)
        return _through(_last(table), self._of_scope(top, column)) if top else {}

    def _top(self, table: str) -> Scope | None:
        if table not in self._tops:
            # A model may read its own table of the time before.
            self._tops[table] = None
            try:
                self._tops[table] = self._read(table)
            except UNREADABLE as error:
                self.unread[table] = str(error).partition("\n")[0]
        return self._tops[table]

    def _read(self, table: str) -> Scope:
        """Read the SQL of a model, those that it is made of first: then it is known what their columns are."""
        tree = parse_one(self._models[table], read=DIALECT)
        read = {_name(each) for each in tree.find_all(exp.Table) if each.db}
        self.unknown |= read - self._models.keys() - self._raw.keys()
        for each in sorted(read & self._models.keys()):
            self._top(each)
        tree = qualify(
            tree, dialect=DIALECT, schema=self._schema, validate_qualify_columns=False, quote_identifiers=False
        )
        scopes = traverse_scope(tree)
        for scope in scopes:
            self._note(scope)
        self.order.append(_last(table))
        self._add_to_schema(table, _columns(scopes[-1]))
        return scopes[-1]

    def _note(self, scope: Scope) -> None:
        """Note where the columns that a SELECT names come from, those of the queries inside it after their own."""
        ephemeral = _ephemeral(scope)
        if ephemeral and ephemeral not in self.order:
            self.order.append(ephemeral)
        for column in scope.columns:
            source = scope.sources.get(column.table)
            if isinstance(source, (Scope, exp.Table)):
                self._read_from.setdefault(id(column), source)

    def _add_to_schema(self, table: str, columns: Collection[str]) -> None:
        # Names are enough to tell whose a column is: no type is looked at.
        self._schema.add_table(table, dict.fromkeys(columns, "string"), dialect=DIALECT)

    def _of_source(self, source: Scope | exp.Table, column: str, field: str = "") -> Origins:
        """The origins of a column of what a query reads or, where it is a struct, of one field of it."""
        if column in self._keys:
            return {}
        if isinstance(source, Scope):
            origins = self._of_scope(source, column, field)
            ephemeral = _ephemeral(source)
            return _through(ephemeral, origins) if ephemeral else origins
        table = _name(source)
        if table in self._raw:
            return {(table, column): frozenset()}
        return self.of_table(table, column) if table in self._models else {}

    def _of_scope(self, scope: Scope, column: str, field: str = "") -> Origins:
        place = id(scope), column, field
        if place not in self._traced:
            self._traced[place] = {}
            self._traced[place] = _together(self._parts(scope, column, field))
        return self._traced[place]

    def _parts(self, scope: Scope, column: str, field: str) -> Iterator[Origins]:
        """The origins of all that a column of a query reads; of a UNION, those of its branches."""
        query = scope.expression
        if isinstance(query, exp.SetOperation):
            for branch in scope.set_operation_scopes:
                name = dict(zip(_columns(scope), _columns(branch), strict=False)).get(column, "")
                yield self._of_scope(branch, name, field)
        elif isinstance(query, exp.Select):
            made = _made(query)
            for expression in [made[column]] if column in made else _generators(query):
                for read in _reads(scope, expression, field if column in made else column):
                    yield self._of_column(scope, read, made, field)
        else:
            # What makes rows of a value, such as EXPLODE after LATERAL VIEW.
            for read in query.find_all(exp.Column):
                yield self._of_column(scope, read, {}, field)

    def _of_column(self, scope: Scope, column: exp.Column, made: Mapping[str, exp.Expr], field: str) -> Origins:
        """The origins of a column that an expression names.

        Without a table, it comes from what makes columns without naming them, or is a neighbour in the same SELECT.
        """
        name = column.name
        if id(column) in self._read_from:
            return self._of_source(self._read_from[id(column)], name, _field(column, field))
        if column.table or name in self._keys:
            return {}
        unnamed = [source for source in _sources(scope) if isinstance(source, Scope) and _generators(source.expression)]
        if not unnamed and name in made:
            return self._of_scope(scope, name)
        return _together(self._of_source(source, name) for source in unnamed)


def _columns(scope: Scope) -> list[str]:
    """The columns of a query, in order."""
    return list(scope.expression.named_selects) if isinstance(scope.expression, exp.Query) else []


def _made(query: exp.Select) -> dict[str, exp.Expr]:
    """The expression of each column of a SELECT; one such as STACK makes several."""
    made: dict[str, exp.Expr] = {}
    for each in query.selects:
        names = [name.name for name in each.expressions] if isinstance(each, exp.Aliases) else [each.alias_or_name]
        made |= dict.fromkeys(names, each)
    return made


def _generators(query: exp.Expr) -> list[exp.Expr]:
    """What makes columns of a SELECT that it does not name, such as INLINE."""
    made = query.selects if isinstance(query, exp.Select) else []
    return [each for each in made if isinstance(each.unalias(), GENERATORS)]


def _reads(scope: Scope, expression: exp.Expr, field: str) -> Iterator[exp.Column]:
    """The columns that an expression of a SELECT rests on or, where it makes a struct, one field of it."""
    left_out = [*_other_fields(expression, field), *_tie_breakers(expression)]
    unread = {id(column) for part in left_out for column in part.find_all(exp.Column)}
    yield from (column for column in expression.find_all(exp.Column) if id(column) not in unread)
    if expression.find(exp.AggFunc):
        for clause in FILTERS:
            yield from _in_clause(scope, clause)
    if any(isinstance(each.this, exp.Star | exp.Literal) for each in expression.find_all(exp.Count)):
        yield from _rows(scope)


def _other_fields(expression: exp.Expr, field: str) -> list[exp.Expr]:
    """Of a struct that an expression makes or picks, such as with MIN_BY, all fields but one; none without a field."""
    value = expression
    while isinstance(value, exp.Alias | exp.AggFunc | exp.Window | exp.Filter | exp.IgnoreNulls | exp.Paren):
        value = value.this
    structs = value.find_all(exp.Struct) if isinstance(value, exp.Inline | exp.Struct) else ()
    return [part for each in structs for part in each.expressions if field and part.alias_or_name != field]


def _tie_breakers(expression: exp.Expr) -> list[exp.Expr]:
    """What rows are ordered by after the first of all: it only tells apart those that are equal in that."""
    orders = [each.expressions for each in expression.find_all(exp.Order)]
    picks = [each.expression for each in expression.find_all(exp.ArgMin, exp.ArgMax)]
    orders += [by.expressions for by in picks if isinstance(by, exp.Struct)]
    return [part for parts in orders for part in parts[1:]]


def _field(column: exp.Column, field: str) -> str:
    """The field that an expression takes of a column that is a struct; where it hands the column on, that asked for."""
    match column.parent:
        case exp.Dot(expression=exp.Identifier() as name):
            return name.name
        case exp.Alias():
            return field
    return ""


def _rows(scope: Scope) -> Iterator[exp.Column]:
    """The columns that say which rows a query has, down to the border of its model."""
    for clause in (*FILTERS, "group"):
        yield from _in_clause(scope, clause)
    for source in [*_sources(scope), *scope.set_operation_scopes]:
        if isinstance(source, Scope) and not _ephemeral(source):
            yield from _rows(source)


def _in_clause(scope: Scope, clause: str) -> Iterator[exp.Column]:
    written = scope.expression.args.get(clause)
    return written.find_all(exp.Column) if isinstance(written, exp.Expr) else iter(())


def _sources(scope: Scope) -> list[Scope | exp.Table]:
    return [source for _, source in scope.selected_sources.values() if isinstance(source, (Scope, exp.Table))]


def _ephemeral(scope: Scope) -> str | None:
    """The ephemeral model that a CTE stands for."""
    parent = scope.expression.parent
    name = parent.alias if isinstance(parent, exp.CTE) else ""
    return name.removeprefix(EPHEMERAL) if name.startswith(EPHEMERAL) else None


def _through(model: str, origins: Origins) -> Origins:
    return {place: via | {model} for place, via in origins.items()}


def _together(parts: Iterator[Origins]) -> Origins:
    joined: defaultdict[tuple[str, str], frozenset[str]] = defaultdict(frozenset)
    for origins in parts:
        for place, via in origins.items():
            joined[place] |= via
    return dict(joined)


def _name(table: exp.Table) -> str:
    return f"{table.db}.{table.name}"


def _last(table: str) -> str:
    return table.rpartition(".")[2]

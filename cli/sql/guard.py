"""SQL from outside: parsed, checked to read our tables and nothing else, then written anew from what was checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from operator import is_not
from typing import TYPE_CHECKING

from sqlglot import ErrorLevel, exp
from sqlglot.errors import ParseError, SqlglotError

from cli.sql.dialect import ONE_STATEMENT, AsWritten
from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMESPACES = ("raw", "staging", "intermediate", "marts", "ml", "monitoring")
CATALOG = "spark_catalog"
PLAIN_PARTS = 2  # namespace.table
METADATA_TABLES = {
    *("all_data_files", "all_delete_files", "all_entries", "all_files", "all_manifests", "data_files", "delete_files"),
    *("entries", "files", "history", "manifests", "metadata_log_entries", "partitions", "position_deletes", "refs"),
    "snapshots",
}
TABLE_FUNCTIONS = {
    *("explode", "explode_outer", "inline", "inline_outer", "json_tuple", "posexplode", "posexplode_outer", "range"),
    "stack",
}
# Of all functions of Spark 3.5 and 4.0 these call Java, take a name from a text, tell of files or fetch them.
REFUSED_FUNCTIONS = {
    *("java_method", "reflect", "try_java_method", "try_reflect", "identifier"),
    *("input_file_block_length", "input_file_block_start", "input_file_name"),
    # XML may name a DTD, and Spark fetches it, from a file or a server.
    *("xpath", "xpath_boolean", "xpath_double", "xpath_float", "xpath_int", "xpath_long", "xpath_number"),
    *("xpath_short", "xpath_string"),
}
FIRST_WORDS = {"SELECT", "WITH", "VALUES", "FROM", "(", "DESCRIBE", "DESC", "SHOW"}
PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# All that a statement may be made of: what is not known here is refused.
NODES: set[type[exp.Expr]] = {
    *(exp.Select, exp.Subquery, exp.Union, exp.Except, exp.Intersect, exp.Values, exp.With, exp.CTE, exp.Describe),
    *(exp.From, exp.Join, exp.Lateral, exp.Table, exp.TableAlias, exp.Version, exp.TableSample, exp.Pivot),
    *(exp.PivotAlias, exp.UnpivotColumns, exp.Where, exp.Group, exp.GroupingSets, exp.Cube, exp.Rollup, exp.Having),
    *(exp.Distinct, exp.Order, exp.Ordered, exp.Sort, exp.Cluster, exp.Distribute, exp.Limit, exp.Offset),
    *(exp.Window, exp.WindowSpec, exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls, exp.Anonymous),
    *(exp.Lambda, exp.Kwarg, exp.Column, exp.Identifier, exp.Star, exp.Alias, exp.Aliases, exp.Var, exp.Dot),
    *(exp.Bracket, exp.Literal, exp.RawString, exp.HexString, exp.Concat, exp.Boolean, exp.Null, exp.Interval),
    *(exp.IntervalSpan, exp.Paren, exp.Tuple, exp.Case, exp.If, exp.Cast, exp.TryCast, exp.DataType, exp.ColumnDef),
    *(exp.DataTypeParam, exp.Extract, exp.Trim, exp.StrPosition, exp.Overlay, exp.Substring, exp.Neg, exp.Not),
    *(exp.And, exp.Or, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.DPipe, exp.BitwiseAnd),
    *(exp.BitwiseNot, exp.BitwiseOr, exp.BitwiseXor, exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ, exp.GT),
    *(exp.GTE, exp.LT, exp.LTE, exp.Is, exp.In, exp.Between, exp.Like, exp.ILike, exp.RegexpLike, exp.Escape),
    *(exp.Any, exp.All, exp.Exists),
}
REMEDIES: dict[type[exp.Expr], str] = {
    exp.Into: "Leave INTO out: this command only reads",
    exp.Lock: "Leave FOR UPDATE out: this command only reads",
    exp.Parameter: "Write the value itself",
    exp.Placeholder: "Write the value itself",
    exp.Qualify: "Filter the window function in an outer SELECT",
    exp.Unnest: "Call explode",
}


class NotAQuery(SparkhouseError, ValueError):
    """The text is not exactly one statement that reads our tables; the message says what to do."""


@dataclass(frozen=True)
class Query:
    """A statement that only reads our tables: a query, DESCRIBE of a table, or SHOW TABLES of a namespace."""

    tree: exp.Expr

    @property
    def tables(self) -> frozenset[str]:
        """The tables that a query reads as they are now, such as "marts.dim_users": those that a pin holds still."""
        return frozenset(_shown(table) for table in _tables_as_they_are(self.tree))

    @property
    def is_query(self) -> bool:
        """Whether it selects rows, and is no DESCRIBE or SHOW."""
        return not isinstance(self.tree, (exp.Describe, exp.Show))

    @property
    def listed_namespace(self) -> str | None:
        """The namespace of which SHOW TABLES lists the tables; None of other statements."""
        return str(self.tree.args["db"].name).lower() if isinstance(self.tree, exp.Show) else None

    def sql(self, pins: Mapping[str, int | None] = {}) -> str:
        """Write the statement from its tree.

        A table of `pins` is read at its Iceberg snapshot or, where that is None, as if it had no rows. Metadata tables
        and tables that the statement itself reads at a version stay.
        """
        tree = self.tree.copy()
        for table in _tables_as_they_are(tree):
            name = _shown(table)
            if name in pins:
                _pin(table, pins[name])
        return _written(tree)


def guarded(statement: str, schema: str | None = None) -> Query:
    """Return the one reading statement that the text holds; tables without a schema are those of `schema`.

    Raises:
        NotAQuery: it holds none, several, or one that reaches for what is not ours to read.
    """
    try:
        query = Query(_parsed(statement, schema))
        text = query.sql()
        # What will run stands up to the same look as what came in.
        again = Query(_parsed(text))
    except NotAQuery:
        raise
    except (SqlglotError, ValueError) as error:
        raise NotAQuery(f"This cannot be read as SQL{_place(error)}.") from error
    except RecursionError as error:
        raise NotAQuery("This statement is nested too deeply: name its parts in a WITH.") from error
    if again.sql() != text or again.tables != query.tables:
        raise NotAQuery("This statement cannot be written back as it was read: put it more simply.")
    if "${" in text:
        raise NotAQuery("Spark would put a setting in the place of ${...}: write '$' || '{...}'.")
    return query


def _place(error: Exception) -> str:
    """What is wrong, and where, as far as the parser says it in words."""
    if not isinstance(error, ParseError) or not error.errors:
        return f": {str(error).splitlines()[0]}"
    first = error.errors[0]
    words = "" if "<" in first["description"] else f": {first['description']}"
    return f" at line {first['line']}, column {first['col']}{words}"


def _parsed(statement: str, schema: str | None = None) -> exp.Expr:
    """The checked tree of the one statement in a text."""
    dialect = AsWritten()
    tokens = dialect.tokenize(statement)
    if tokens and tokens[0].text.upper() not in FIRST_WORDS:
        raise NotAQuery(f"{tokens[0].text[:40]} does not read. {ONE_STATEMENT}.")
    trees = [tree for tree in dialect.parser().parse(tokens, statement) if tree is not None]
    if len(trees) != 1:
        raise NotAQuery(f"There are {len(trees)} statements. {ONE_STATEMENT}.")
    tree = trees[0]
    if isinstance(tree, exp.Show):
        _check_namespace(tree.args["db"])
    elif isinstance(tree, exp.Query | exp.Values | exp.Describe):
        if schema:
            _complete(tree, schema)
        for node in tree.walk():
            _check_node(node)
    else:
        raise NotAQuery(f"{ONE_STATEMENT}.")
    for name in [part for table in tree.find_all(exp.Table) for part in table.parts]:
        # Tables are stored in lower case: case does not count in SQL, and does in a folder.
        name.set("this", name.name.lower())
    return tree


def _complete(tree: exp.Expr, schema: str) -> None:
    """Give tables that are named without a schema this one, unless the statement itself makes one of that name."""
    for table in list(tree.find_all(exp.Table)):
        is_bare = isinstance(table.this, exp.Identifier) and len(table.parts) == 1 and table.args.get("db") is None
        if is_bare and table.name.lower() not in _ctes_in_scope(table):
            table.set("db", exp.to_identifier(schema))


def _written(tree: exp.Expr) -> str:
    return tree.sql(
        dialect=AsWritten,
        identify=True,
        comments=False,
        normalize_functions=False,
        unsupported_level=ErrorLevel.RAISE,
    )


def _check_namespace(place: exp.Table) -> None:
    if _shown(place).removeprefix(f"{CATALOG}.") not in NAMESPACES:
        raise NotAQuery(f"There is no namespace {_shown(place)} here. Choose from: {', '.join(NAMESPACES)}.")


def _check_node(node: exp.Expr) -> None:
    """Raise NotAQuery unless it is known what the node does, and that is no more than to read our tables."""
    if type(node) not in NODES:
        written = node.sql(dialect=AsWritten, unsupported_level=ErrorLevel.IGNORE)[:80]
        remedy = REMEDIES.get(type(node), "Write it another way")
        raise NotAQuery(f"{node.key.upper()} is not read here: {written}. {remedy}.")
    match node:
        case exp.Table(this=exp.Anonymous()) | exp.Lateral():
            _check_table_function(node)
        case exp.Table():
            _check_table(node)
        case exp.Anonymous():
            _check_function(node)
        case exp.Var() if not PLAIN_NAME.fullmatch(node.name):
            raise NotAQuery(f"{node.name} is no word of SQL.")


def _check_table(table: exp.Table) -> None:
    match _parts(table):
        case [name]:
            known = name in _ctes_in_scope(table)
        case [namespace, name, *metadata]:
            ours = namespace in NAMESPACES and PLAIN_NAME.fullmatch(name)
            known = bool(ours) and (not metadata or (len(metadata) == 1 and metadata[0] in METADATA_TABLES))
        case _:
            known = False
    if not known or table.args.get("db") == "":  # raw..events
        namespaces = ", ".join(NAMESPACES)
        raise NotAQuery(f"There is no table {_shown(table)} to read: give namespace.table, of {namespaces}.")


def _check_table_function(source: exp.Expr) -> None:
    made_by = source.this
    if isinstance(source, exp.Lateral) and isinstance(made_by, exp.Subquery):
        return
    plain = isinstance(made_by, exp.Anonymous) and not source.args.get("db")
    if not plain or made_by.name.lower() not in TABLE_FUNCTIONS:
        # A lonely dot has no name.
        name = "A dot" if isinstance(made_by, exp.Dot) and not made_by.args.get("expression") else made_by.name
        raise NotAQuery(f"{name} makes no table here. Choose from: {', '.join(sorted(TABLE_FUNCTIONS))}.")


def _check_function(call: exp.Anonymous) -> None:
    if call.name.lower() in REFUSED_FUNCTIONS or not PLAIN_NAME.fullmatch(call.name):
        raise NotAQuery(f"The function {call.name} is not allowed: it reaches beyond the tables.")
    if isinstance(call.parent, exp.Dot) and call.parent.expression is call:
        raise NotAQuery(f"Call {call.name} by its bare name: no namespace holds functions.")


def _ctes_in_scope(table: exp.Table) -> set[str]:
    """The names, in lower case, of the CTEs that a table's name can stand for: those around it and those before it."""
    names: set[str] = set()
    node: exp.Expr = table
    while parent := node.parent:
        around = parent if isinstance(parent, exp.With) else parent.args.get("with_")
        if around and around is not node:
            names |= {cte.alias.lower() for cte in takewhile(partial(is_not, node), around.expressions)}
        node = parent
    return names


def _parts(table: exp.Table) -> tuple[str, ...]:
    """The parts of a table's name in lower case, without the catalog."""
    parts = tuple(part.name.lower() for part in table.parts)
    return parts[1:] if parts[0] == CATALOG and len(parts) > PLAIN_PARTS else parts


def _shown(table: exp.Table) -> str:
    return ".".join(_parts(table))


def _tables_as_they_are(tree: exp.Expr) -> list[exp.Table]:
    """The tables of a query that are neither metadata nor read at a version."""
    if isinstance(tree, exp.Describe | exp.Show):
        return []
    tables = [table for table in tree.find_all(exp.Table) if isinstance(table.this, exp.Identifier)]
    return [table for table in tables if len(_parts(table)) == PLAIN_PARTS and not table.args.get("version")]


def _pin(table: exp.Table, snapshot: int | None) -> None:
    if snapshot is None:
        table.replace(_without_rows(table))
    else:
        version = exp.Version(this="VERSION", kind="AS OF", expression=exp.Literal.number(snapshot))
        table.set("version", version)


def _without_rows(table: exp.Table) -> exp.Subquery:
    name = exp.Table(**{part: table.args.get(part) for part in ("this", "db", "catalog")})
    alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name))
    around = {part: table.args.get(part) for part in ("sample", "pivots", "joins", "laterals")}
    return exp.Subquery(this=exp.select("*").from_(name).where(exp.false()), alias=alias, **around)

"""SQL from outside: parsed, checked to read our tables and nothing else, then written anew from what was checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from operator import is_not
from typing import TYPE_CHECKING, ClassVar

from sqlglot import ErrorLevel, TokenType, exp
from sqlglot.dialects.spark import Spark
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.generators.spark import SparkGenerator
from sqlglot.parsers.spark import SparkParser

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

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
FUNCTIONS_OF_A_UNIT = ("DATEADD", "DATEDIFF", "DATE_ADD", "DATE_DIFF", "TIMESTAMPADD", "TIMESTAMPDIFF")
FIRST_WORDS = {"SELECT", "WITH", "VALUES", "FROM", "(", "DESCRIBE", "DESC", "SHOW"}
ONE_STATEMENT = "Give one SELECT, DESCRIBE or SHOW TABLES IN statement: this command only reads"
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


class NotAQuery(ValueError):
    """The text is not exactly one statement that reads our tables; the message says what to do."""


def _parse_call_with_unit(name: str, parser: SparkParser) -> exp.Anonymous:
    """A call such as `datediff(day, a, b)`, in which the unit is a word, not a column."""
    arguments = parser._parse_function_args()  # noqa: SLF001 - a part of the parser below
    match arguments:
        case [exp.Column() as unit, _, _]:
            arguments[0] = exp.var(unit.name)
    return exp.Anonymous(this=name, expressions=arguments)


class RightOfJoin(frozenset[TokenType]):
    """The words that cannot name a table, handed on from a join to what stands on its right."""


class AsWritten(Spark):
    """Spark's SQL as it was written: a function stays its name and arguments, a join its place.

    sqlglot's own Spark dialect reads functions, joins and CTEs into forms that many engines share, and writes some of
    them back as something else.
    """

    class Tokenizer(Spark.Tokenizer):
        # A hint changes no row, so it is a comment; and no first word hides the rest of a statement from the parser.
        KEYWORDS: ClassVar = {word: token for word, token in Spark.Tokenizer.KEYWORDS.items() if word != "/*+"}
        COMMANDS: ClassVar[set[TokenType]] = set()

    class Parser(SparkParser):
        FUNCTIONS: ClassVar = {}
        FUNCTION_PARSERS: ClassVar = {
            name: SparkParser.FUNCTION_PARSERS[name]
            for name in ("CAST", "EXTRACT", "OVERLAY", "POSITION", "SUBSTR", "SUBSTRING", "TRIM", "TRY_CAST")
        } | {name: partial(_parse_call_with_unit, name) for name in FUNCTIONS_OF_A_UNIT}
        NO_PAREN_FUNCTIONS: ClassVar = {}
        NO_PAREN_FUNCTION_PARSERS: ClassVar = {"CASE": SparkParser.NO_PAREN_FUNCTION_PARSERS["CASE"]}
        ARRAY_CONSTRUCTORS: ClassVar = {}
        QUERY_MODIFIER_TOKENS: ClassVar = SparkParser.QUERY_MODIFIER_TOKENS - {TokenType.WINDOW}
        JOINS_HAVE_EQUAL_PRECEDENCE = False
        # In Spark all comparisons bind alike.
        EQUALITY: ClassVar = SparkParser.EQUALITY | SparkParser.COMPARISON
        COMPARISON: ClassVar = {}
        UNARY_PARSERS: ClassVar = {
            TokenType.DASH: SparkParser.UNARY_PARSERS[TokenType.DASH],
            TokenType.TILDE: SparkParser.UNARY_PARSERS[TokenType.TILDE],
            TokenType.PLUS: lambda self: self._parse_plus(),
        }
        STATEMENT_PARSERS: ClassVar = {
            **dict.fromkeys(SparkParser.STATEMENT_PARSERS, lambda self: self.raise_error(ONE_STATEMENT)),
            TokenType.DESC: lambda self: self._parse_describe_table(),
            TokenType.DESCRIBE: lambda self: self._parse_describe_table(),
            TokenType.SHOW: lambda self: self._parse_show_tables(),
        }

        def _parse_describe_table(self) -> exp.Describe:
            self._match(TokenType.TABLE)
            return exp.Describe(this=self._parse_bare_name("Of DESCRIBE, only DESCRIBE TABLE namespace.table is read"))

        def _parse_show_tables(self) -> exp.Show:
            known = "Of SHOW, only SHOW TABLES IN namespace is read"
            if not (self._match_text_seq("TABLES") and self._match_texts(("IN", "FROM"))):
                self.raise_error(known)
            return exp.Show(this="TABLES", db=self._parse_bare_name(known))

        def _parse_bare_name(self, known: str) -> exp.Expr | None:
            name = self._parse_table_parts(fast=True)
            if name is None or self._curr:
                self.raise_error(known)
            return name

        def _parse_plus(self) -> exp.Anonymous:
            # `+'1'` is a number.
            return exp.Anonymous(this="positive", expressions=[self._parse_unary()])

        def _parse_equality(self, parse_is: bool = True) -> exp.Expr | None:  # noqa: FBT001, FBT002
            # They bind tighter than IN, LIKE and BETWEEN, and those tighter than NOT.
            if self._match(TokenType.NOT):
                return exp.Not(this=self._parse_equality())
            compared = super()._parse_equality(parse_is)
            return self._parse_range(compared) if compared else None

        def _parse_range(self, this: exp.Expr | None = None, parse_is: bool = False) -> exp.Expr | None:  # noqa: FBT001, FBT002
            return super()._parse_range(this, parse_is) if this else self._parse_bitwise()

        def _parse_type(self, *flags: bool, **named: bool) -> exp.Expr | None:
            # A type in front of a parenthesis is a call. To try both takes time that doubles with each level.
            is_call = self._curr.token_type in self.TYPE_TOKENS and self._next.token_type == TokenType.L_PAREN
            return self._parse_column() if is_call else super()._parse_type(*flags, **named)

        def _parse_join(
            self,
            skip_join_token: bool = False,  # noqa: FBT001, FBT002 - as the parser calls it
            parse_bracket: bool = False,  # noqa: FBT001, FBT002
            alias_tokens: Collection[TokenType] | None = None,
        ) -> exp.Join | None:
            right = RightOfJoin(alias_tokens or self.TABLE_ALIAS_TOKENS)
            return super()._parse_join(skip_join_token, parse_bracket, right)

        def _parse_joins(self, alias_tokens: Collection[TokenType] | None = None) -> Iterator[exp.Join]:
            # Spark has no joins within a join but in parentheses. To look for them takes time that doubles with each.
            return iter(()) if isinstance(alias_tokens, RightOfJoin) else super()._parse_joins(alias_tokens)

        def _parse_interval(self, *flags: bool, **named: bool) -> exp.Expr | None:  # type: ignore[override]
            # `ts - interval 1 day 2 hours` takes away both.
            parsed = super()._parse_interval(*flags, **named)
            if not isinstance(parsed, exp.Add):
                return parsed
            if not all(part.args.get("unit") for part in parsed.find_all(exp.Interval)):
                self.raise_error("What is added to an interval and is none itself stands in parentheses")
            return exp.Paren(this=parsed)

    class Generator(SparkGenerator):
        EXPRESSIONS_WITHOUT_NESTED_CTES: ClassVar = set()
        TABLESAMPLE_SEED_KEYWORD = "REPEATABLE"
        TRANSFORMS: ClassVar = {
            **{
                node: transform
                for node, transform in SparkGenerator.TRANSFORMS.items()
                if node not in {exp.From, exp.Pivot, exp.Select, exp.Table, exp.WithinGroup}
            },
            exp.Cast: lambda self, node: f"{self.sql(node, 'to')} {self.sql(node, 'this')}",  # date '2018-10-01'
            exp.NullSafeEQ: lambda self, node: self.binary(node, "<=>"),
        }

        def table_parts(self, expression: exp.Table) -> str:
            # Spark takes a sample of a version; sqlglot would write a version of a sample.
            version = expression.args.get("version")
            expression.set("version", None)
            return f"{super().table_parts(expression)} {self.sql(version)}".rstrip()

        def show_sql(self, expression: exp.Show) -> str:
            return f"SHOW TABLES IN {self.sql(expression, 'db')}"


@dataclass(frozen=True)
class Query:
    """A statement that only reads our tables: a query, DESCRIBE of a table, or SHOW TABLES of a namespace."""

    tree: exp.Expr

    @property
    def tables(self) -> frozenset[str]:
        """The tables that a query reads as they are now, such as "marts.dim_users": those that a pin holds still."""
        return frozenset(_shown(table) for table in _tables_as_they_are(self.tree))

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


def guarded(statement: str) -> Query:
    """Return the one reading statement that the text holds.

    Raises:
        NotAQuery: it holds none, several, or one that reaches for what is not ours to read.
    """
    try:
        query = Query(_parsed(statement))
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


def _parsed(statement: str) -> exp.Expr:
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
        for node in tree.walk():
            _check_node(node)
    else:
        raise NotAQuery(f"{ONE_STATEMENT}.")
    for name in [part for table in tree.find_all(exp.Table) for part in table.parts]:
        # Tables are stored in lower case: case does not count in SQL, and does in a folder.
        name.set("this", name.name.lower())
    return tree


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
        raise NotAQuery(f"{made_by.name} makes no table here. Choose from: {', '.join(sorted(TABLE_FUNCTIONS))}.")


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

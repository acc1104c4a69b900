"""Spark's SQL for sqlglot, as it was written: what the SQL guard parses and writes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from sqlglot import TokenType, exp
from sqlglot.dialects.spark import Spark
from sqlglot.generators.spark import SparkGenerator
from sqlglot.parsers.spark import SparkParser

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

FUNCTIONS_OF_A_UNIT = ("DATEADD", "DATEDIFF", "DATE_ADD", "DATE_DIFF", "TIMESTAMPADD", "TIMESTAMPDIFF")
ONE_STATEMENT = "Give one SELECT, DESCRIBE or SHOW TABLES IN statement: this command only reads"


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

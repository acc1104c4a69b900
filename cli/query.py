"""`sparkhouse sql`: one reading statement in, a table, CSV or JSON out."""

from __future__ import annotations

import csv
import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import SparkSession


class NotAQuery(ValueError):
    """The text is not exactly one reading statement."""


class QueryFailed(ValueError):
    """Spark could not answer: an unknown table or column, a type that does not fit."""


def check_reading(statement: str) -> None:
    """Raise `NotAQuery` unless the text parses as one SELECT, DESCRIBE or SHOW."""
    import sqlglot
    from sqlglot import exp

    try:
        parsed = [tree for tree in sqlglot.parse(statement, dialect="spark") if tree is not None]
    except sqlglot.errors.ParseError as error:
        raise NotAQuery(f"This is not SQL that Spark reads: {str(error).splitlines()[0]}") from error
    shows = [tree for tree in parsed if isinstance(tree, exp.Command) and tree.name.upper() == "SHOW"]
    reads = [tree for tree in parsed if isinstance(tree, exp.Query | exp.Describe)]
    if len(parsed) != 1 or not (reads or shows):
        raise NotAQuery("Give one SELECT (or DESCRIBE, SHOW) statement: this command only reads.")


def query(spark: SparkSession, statement: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return the column names and rows of a reading statement.

    Raises:
        NotAQuery: the statement does not only read.
        QueryFailed: Spark could not answer it.
    """
    from pyspark.errors import PySparkException

    check_reading(statement)
    try:
        frame = spark.sql(statement)
        return frame.columns, [tuple(row) for row in frame.collect()]
    except PySparkException as error:
        raise QueryFailed(str(error).partition(";")[0]) from error


def print_rows(columns: Sequence[str], rows: Sequence[tuple[Any, ...]], style: str) -> None:
    """Print rows to standard output as `table`, `csv` or `json`."""
    if style == "json":
        print(json.dumps([dict(zip(columns, row, strict=True)) for row in rows], default=str, ensure_ascii=False))
    elif style == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(columns)
        writer.writerows(rows)
    else:
        _print_table(columns, rows)


def _print_table(columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    # Wider than any terminal: nothing is cut, a long line wraps where it is shown.
    Console(width=10_000, highlight=False, markup=False).print(table, crop=False)

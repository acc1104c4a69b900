"""`sparkhouse sql`: one reading statement in, a table, CSV or JSON out."""

from __future__ import annotations

import csv
import json
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli.sql_guard import guarded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyspark.sql import SparkSession

    from cli.sql_guard import Query
    from warehouse.publishing.journal import Journal


class QueryFailed(ValueError):
    """Spark could not answer: an unknown table or column, a type that does not fit."""


class TwoStates(ValueError):
    """A query reads what a run left unpublished, or what was published at a moment: not both."""


@dataclass(frozen=True)
class Reading:
    """A checked statement and the state of the tables that it reads: the newest published one, unless told otherwise.

    `as_of` is a time or a run that published, `run_id` a run whose unpublished tables are read. Raises TwoStates.
    """

    query: Query
    as_of: str | None = None
    run_id: str | None = None

    def __post_init__(self) -> None:
        if self.as_of and self.run_id:
            raise TwoStates("--as-of reads what was published, --run what was not: give one of them")

    def rows(self, spark: SparkSession, journal: Journal) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Return the column names and rows.

        Raises:
            NoSuchState: nothing was published then, or it is no longer kept.
            NothingUnpublished: the run has left no table.
            QueryFailed: Spark could not answer.
        """
        from pyspark.errors import PySparkException

        from warehouse.publishing.branch import reading_branch, require_branch

        if self.run_id:
            require_branch(spark, self.run_id)
        try:
            with reading_branch(spark, self.run_id) if self.run_id else nullcontext():
                frame = spark.sql(self.query.sql(self._pins(spark, journal)))
                return frame.columns, [tuple(row) for row in frame.collect()]
        except PySparkException as error:
            raise QueryFailed(str(error).partition(";")[0]) from error

    def _pins(self, spark: SparkSession, journal: Journal) -> Mapping[str, int | None]:
        """The snapshot of each table in the state to read; none on the branch of a run, where the session stands."""
        from warehouse.publishing.reading import newest_snapshots, resolve_moment, snapshots_as_of

        if self.run_id:
            return {}
        if self.as_of:
            return snapshots_as_of(spark, resolve_moment(spark, self.as_of), self.query.tables)
        return newest_snapshots(spark, journal, self.query.tables)


def reading(statement: str, as_of: str | None = None, run_id: str | None = None) -> Reading:
    """Check a statement before anything starts. Raises NotAQuery, TwoStates."""
    return Reading(guarded(statement), as_of, run_id)


def print_rows(columns: Sequence[str], rows: Sequence[tuple[Any, ...]], style: str) -> None:
    """Print rows to standard output as `table`, `csv` or `json`."""
    if style == "json":
        print(json.dumps([dict(zip(columns, row, strict=True)) for row in rows], default=str, ensure_ascii=False))
    elif style == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
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

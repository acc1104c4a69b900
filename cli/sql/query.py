"""`sparkhouse sql`: one reading statement in, its rows out while they come."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from cli.sql.guard import guarded
from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from cli.sql.guard import Query
    from warehouse.publishing.journal import Journal

Opened = TypeVar("Opened")
Row = TypeVar("Row")
PARTITIONS_OF_A_SORT = "spark.sql.adaptive.coalescePartitions.initialPartitionNum"


class QueryFailed(SparkhouseError, ValueError):
    """Spark could not answer: an unknown table or column, a type that does not fit."""


class TwoStates(SparkhouseError, ValueError):
    """A query reads what a run left unpublished, or what was published at a moment: not both."""


@dataclass(frozen=True)
class Reading:
    """A checked statement and the state of the tables that it reads: the newest published one, unless told otherwise.

    `as_of` is a time or a run that published, `run_id` a run whose unpublished tables are read; `limit` the most rows
    that are wanted. Raises TwoStates.
    """

    query: Query
    as_of: str | None = None
    run_id: str | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.as_of and self.run_id:
            raise TwoStates("--as-of reads what was published, --run what was not: give one of them")

    def rows(self, spark: SparkSession, journal: Journal) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
        """Return the column names and the rows, which come while they are made.

        Raises, while rows are read too:
            NoSuchState: nothing was published then, or it is no longer kept.
            NothingUnpublished: the run has left no table.
            QueryFailed: Spark could not answer.
        """
        from cli.sql.result import opened

        columns, rows = self._open(spark, journal, opened)
        return columns, _told_errors(rows)

    def batches(self, spark: SparkSession, journal: Journal) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """Return the same as Arrow: moments in UTC, and columns that share a name told apart. Raises as `rows`."""
        from cli.sql.result import opened_as_arrow

        schema, batches = self._open(spark, journal, opened_as_arrow)
        return schema, _told_errors(batches)

    def _open(self, spark: SparkSession, journal: Journal, opening: Callable[[DataFrame], Opened]) -> Opened:
        from warehouse.publishing.branch import reading_branch, require_branch

        if self.run_id:
            require_branch(spark, self.run_id)
        branch = reading_branch(spark, self.run_id) if self.run_id else nullcontext()
        # Opened where the session stands on the branch: with the plan it is settled what is read.
        with _spark_errors(), many_partitions(spark), branch:
            return opening(self._frame(spark, journal))

    def _frame(self, spark: SparkSession, journal: Journal) -> DataFrame:
        frame = spark.sql(self.query.sql(self._pins(spark, journal)))
        return frame if self.limit is None else frame.limit(self.limit)

    def _pins(self, spark: SparkSession, journal: Journal) -> Mapping[str, int | None]:
        """The snapshot of each table in the state to read; none on the branch of a run, where the session stands."""
        from warehouse.publishing.reading import newest_snapshots, resolve_moment, snapshots_as_of
        from warehouse.publishing.spark_catalog import SparkCatalog

        if self.run_id:
            return {}
        catalog = SparkCatalog(spark)
        if self.as_of:
            return snapshots_as_of(catalog, resolve_moment(catalog, self.as_of), self.query.tables)
        return newest_snapshots(catalog, journal, self.query.tables)


def reading(statement: str, as_of: str | None = None, run_id: str | None = None, limit: int | None = None) -> Reading:
    """Check a statement before anything starts. Raises NotAQuery, TwoStates."""
    return Reading(guarded(statement), as_of, run_id, limit)


@contextmanager
def many_partitions(spark: SparkSession) -> Iterator[None]:
    """Let a sort make many small partitions: on a cluster one at a time is held. Spark joins small ones."""
    spark.conf.set(PARTITIONS_OF_A_SORT, "64")
    try:
        yield
    finally:
        spark.conf.unset(PARTITIONS_OF_A_SORT)


@contextmanager
def _spark_errors() -> Iterator[None]:
    from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
    from pyspark.errors import PySparkException

    from cli.sql.errors import one_line

    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        raise QueryFailed(one_line(error)) from error


def _told_errors(rows: Iterator[Row]) -> Iterator[Row]:
    with _spark_errors():
        yield from rows

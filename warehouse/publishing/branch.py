"""The branch of a run: the session that stands on it writes there, and reads what it wrote; others see `main`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from warehouse.contract.errors import SparkhouseError
from warehouse.contract.tables import BRANCH_OF_SESSION
from warehouse.publishing.location import TableFolder, require_own_files
from warehouse.publishing.tables import tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyspark.sql import SparkSession

    from warehouse.publishing.tables import Table


class NothingUnpublished(SparkhouseError, LookupError):
    """The run has left no table on a branch of its own."""


@contextmanager
def on_branch(spark: SparkSession, run_id: str) -> Iterator[None]:
    """Let the session write on the branch of a run; a table that the run has not written is read from `main`."""
    for table in tables(spark):
        table.enable_branches()
    with reading_branch(spark, run_id):
        yield


@contextmanager
def reading_branch(spark: SparkSession, run_id: str) -> Iterator[None]:
    """Let the session see what a run wrote."""
    spark.conf.set(BRANCH_OF_SESSION, run_id)
    try:
        yield
    finally:
        spark.conf.unset(BRANCH_OF_SESSION)


def written_tables(spark: SparkSession, run_id: str) -> list[Table]:
    """Return the tables with a branch of the run, in the order in which the run last wrote them: inputs come first."""
    heads = [(table.head(run_id), table) for table in tables(spark)]
    written = [(table.written_at(head), table) for head, table in heads if head is not None]
    return [table for _, table in sorted(written, key=lambda each: each[0])]


def unpublished_runs(spark: SparkSession) -> list[str]:
    """Return the runs that have left tables on a branch of theirs, the newest first."""
    return sorted({branch for table in tables(spark) for branch in table.branches}, reverse=True)


def require_branch(spark: SparkSession, run_id: str) -> None:
    """Raise NothingUnpublished unless the run has left tables on its branch."""
    left = unpublished_runs(spark)
    if run_id not in left:
        known = f"these runs have: {', '.join(left)}" if left else "no run has"
        raise NothingUnpublished(f"run {run_id} has left nothing unpublished; {known}")


def discard(spark: SparkSession, run_id: str, warehouse: Path | None) -> list[str]:
    """Forget what a run left on its branch, and the tables that nobody else wrote; return the names of all these.

    `warehouse` is the folder that the tables lie in, if no catalog knows where. Raises NothingUnpublished, ForeignPath.
    """
    require_branch(spark, run_id)
    discarded = written_tables(spark, run_id)
    if warehouse:
        for table in discarded:
            require_own_files(TableFolder(table.name, warehouse.joinpath(*table.name.split("."))))
    for table in discarded:
        table.drop_branch(run_id)
        if table.head() is None and not table.branches:
            spark.sql(f"drop table {table.name} purge")
    return [table.name for table in discarded]

"""What many queries answer of one published state."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from cli.jobs import publishing

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from cli.jobs.workspace import Workspace
    from cli.sql.guard import Query


def answered(workspace: Workspace, statements: Mapping[str, str]) -> dict[str, pd.DataFrame | None]:
    """Return the rows of each statement, all of them of the newest published state, that of all their tables together.

    None where a table, or a column of one, is not there yet.
    """
    from cli.sql.guard import guarded
    from warehouse.contract.parallel import in_parallel
    from warehouse.publishing.reading import newest_snapshots
    from warehouse.publishing.spark_catalog import SparkCatalog

    queries = {name: guarded(text) for name, text in statements.items()}
    tables = {table for query in queries.values() for table in query.tables}
    snapshots = newest_snapshots(SparkCatalog(workspace.spark), publishing.publisher(workspace).journal, tables)
    workspace.steps.progress(f"{len(queries)} queries")
    rows = in_parallel([partial(_rows, workspace, query, snapshots) for query in queries.values()])
    return dict(zip(queries, rows, strict=True))


def _rows(workspace: Workspace, query: Query, snapshots: Mapping[str, int | None]) -> pd.DataFrame | None:
    from pyspark.errors import AnalysisException

    if any(snapshots.get(table) is None for table in query.tables):
        return None
    pins = {table: snapshots[table] for table in query.tables}
    try:
        return workspace.spark.sql(query.sql(pins)).toPandas()
    except AnalysisException:
        # A table of an earlier version lacks a column until it is written again.
        return None

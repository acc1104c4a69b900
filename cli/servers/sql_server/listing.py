"""The lists of schemas, tables and columns that BI tools ask the Thrift Server for.

It answers them from Spark's own catalog of this process, which knows no table of Iceberg's. So the published tables
are written into it: names, columns, types and descriptions, and no rows; a query never looks there.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from cli.sql.guard import NAMESPACES
from warehouse.publishing.reading import newest_snapshots

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from threading import Event

    from pyspark.sql import SparkSession

    from warehouse.publishing.journal import Journal
    from warehouse.publishing.stored_tables import StoredCatalog, StoredTable

SECONDS_BETWEEN_LOOKS = 1.0
# Where Spark is told that the catalog is Iceberg's.
ICEBERG = "spark.sql.catalog.spark_catalog"
logger = logging.getLogger(__name__)


class Listing:
    """Keeps Spark's own catalog like the newest published state."""

    def __init__(
        self, tables: SparkSession, lists: SparkSession, catalog: StoredCatalog, journal: Journal, scratch: Path
    ) -> None:
        """Of two sessions of ours, `tables` knows Iceberg's tables, and `lists` is made to know Spark's own alone."""
        lists.conf.unset(ICEBERG)
        self._tables, self._lists = tables, lists
        self._catalog, self._journal = catalog, journal
        self._scratch = scratch
        # Of each table that is listed, its snapshot and its description.
        self._listed: dict[str, tuple[int, str]] = {}
        for schema in NAMESPACES:
            lists.sql(f"create database if not exists {schema} location '{_escaped(str(scratch))}'")

    def keep(self, stopped: Event) -> None:
        """Look again every second, until somebody stops it; what goes wrong is logged, and tried again."""
        while not stopped.wait(SECONDS_BETWEEN_LOOKS):
            self._try_to_refresh()

    def _try_to_refresh(self) -> None:
        try:
            self.refresh()
        except Exception:
            logger.exception("the list of tables could not be made anew")

    def refresh(self) -> None:
        """List what is published now; of a table whose snapshot is as it was, nothing is looked at."""
        published = dict(self._published())
        for name in self._listed.keys() - published.keys():
            self._lists.sql(f"drop table if exists {name}")
            del self._listed[name]
        for name, (table, snapshot_id) in published.items():
            then, before = self._listed.get(name, (None, None))
            if then == snapshot_id:
                continue
            described = self._description(table, snapshot_id)
            if described != before:
                self._lists.sql(f"drop table if exists {name}")
                self._lists.sql(f"create table {name} {described}")
            self._listed[name] = (snapshot_id, described)

    def _published(self) -> Iterator[tuple[str, tuple[StoredTable, int]]]:
        tables = {table.name: table for table in self._catalog.tables if table.name.startswith(NAMESPACES)}
        for name, snapshot_id in newest_snapshots(self._catalog, self._journal, tables).items():
            if snapshot_id is not None:
                yield name, (tables[name], snapshot_id)

    def _description(self, table: StoredTable, snapshot_id: int) -> str:
        """The columns as they are in the snapshot, in SQL; an external table, so that to drop it drops no file."""
        frame: Any = self._tables.sql(f"select * from {table.name} version as of {snapshot_id}")  # noqa: S608 - of the catalog
        columns = frame._jdf.schema().toDDL()  # noqa: SLF001 - pyspark has no such call
        return (
            f"({columns}) using parquet location '{_escaped(str(self._scratch / 'no-rows'))}' "
            f"comment '{_escaped(table.description)}'"
        )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")

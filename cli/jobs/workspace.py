"""What all steps share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from cli.machine.home import Home
    from cli.runs.steps import Steps


@dataclass(frozen=True)
class Workspace:
    """The session, the state folder, and the record of the command's steps."""

    spark: SparkSession
    home: Home
    steps: Steps

    def count(self, table: str) -> int | None:
        """Rows of a table (from Iceberg's metadata, no scan), None if there is no such table."""
        return self.spark.table(table).count() if self.spark.catalog.tableExists(table) else None

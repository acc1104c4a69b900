"""A warehouse that takes a log file by file, and what its tables hold, column by column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from cli.jobs import building, landing, publishing
from cli.jobs.workspace import Workspace
from cli.runs.steps import Steps
from warehouse.publishing.tables import tables

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyspark.sql import SparkSession

    from cli.machine.home import Home

    Content = dict[str, dict[str, int]]

QUICKLY = ("--exclude-resource-type", "test")
KEYS = ("event_id", "user_id", "session_id", "event_date", "as_of_date")
SCHEMAS = ("staging", "intermediate", "marts")


class Deliveries:
    """Takes files, each in a run of its own; without dbt's tests, which are about other things."""

    def __init__(self, spark: SparkSession, home: Home) -> None:
        self.spark, self.home, self.runs = spark, home, 0

    def run(self, paths: Sequence[Path], *options: str) -> str:
        """Ingest, build and publish; returns what the build says that it did."""
        workspace = self._next()
        with publishing.on_branch(workspace):
            if paths:
                landing.ingest(workspace, [*paths])
            building.build_and_publish(workspace, *QUICKLY, *options)
        return next(step.detail for step in workspace.steps.done if step.name == "build")

    def take_back_last(self) -> None:
        """Return to the state before the last run."""
        publishing.roll_back(self._next(), f"delivery-{self.runs - 1:03d}")

    def is_due(self) -> bool:
        """Whether a run without a file would build or judge anything."""
        return building.is_due(self._next())

    def _next(self) -> Workspace:
        self.runs += 1
        return Workspace(self.spark, self.home, Steps(quiet=True, run_id=f"delivery-{self.runs:03d}"))

    def content(self) -> Content:
        """Of each table that dbt builds, the number of rows, and of each column a sum of hashes of all its values."""
        names = [table.name for table in tables(self.spark) if table.name.startswith(SCHEMAS)]
        return {name: self._content(name) for name in names}

    def _content(self, name: str) -> dict[str, int]:
        """A value is hashed with the keys of its row."""
        table = self.spark.table(name)
        keys = [key for key in KEYS if key in table.columns]
        hashed = {column: F.xxhash64(*keys, F.to_json(F.array(column))) for column in table.columns}
        sums = [F.sum(value.cast("decimal(38,0)")).alias(column) for column, value in hashed.items()]
        return table.agg(F.count("*").alias("rows"), *sums).collect()[0].asDict()


def differing(one: Content, other: Content) -> dict[str, list[str]]:
    """The tables that are not the same, and the columns in which they differ."""
    columns = {
        name: sorted(column for column, total in content.items() if one.get(name, {}).get(column) != total)
        for name, content in other.items()
    }
    return {name: found for name, found in columns.items() if found}

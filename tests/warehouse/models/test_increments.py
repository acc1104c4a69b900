"""What a build adds where the log has only grown: the tables are those of the whole log, built at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from awkward_events import deliveries
from commands import drop_all_tables
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

QUICKLY = ("--exclude-resource-type", "unit_test", "--exclude-resource-type", "test")
SCHEMAS = ("staging", "intermediate", "marts")


class Deliveries:
    """A warehouse that takes files, each in a run of its own."""

    def __init__(self, spark: SparkSession, home: Home) -> None:
        self.spark, self.home, self.runs = spark, home, 0

    def run(self, paths: Sequence[Path], *options: str) -> str:
        """Ingest, build and publish; returns what the build says that it did."""
        self.runs += 1
        workspace = Workspace(self.spark, self.home, Steps(quiet=True, run_id=f"delivery-{self.runs:03d}"))
        with publishing.on_branch(workspace):
            if paths:
                landing.ingest(workspace, [*paths])
            building.build(workspace, *QUICKLY, *options)
            publishing.publish(workspace)
        return next(step.detail for step in workspace.steps.done if step.name == "build")

    def content(self) -> dict[str, tuple[int, int]]:
        """Of each table that dbt builds, the number of rows, and a sum of hashes of all their columns."""
        names = [table.name for table in tables(self.spark) if table.name.startswith(SCHEMAS)]
        return {name: self._content(name) for name in names}

    def _content(self, name: str) -> tuple[int, int]:
        table = self.spark.table(name)
        hashed = F.xxhash64(F.to_json(F.struct(*sorted(table.columns)), {"ignoreNullFields": "false"}))
        rows, total = table.agg(F.count("*"), F.sum(hashed.cast("decimal(38,0)"))).collect()[0]
        return rows, int(total or 0)


@pytest.fixture
def warehouse(empty_warehouse: SparkSession, home: Home) -> Deliveries:
    drop_all_tables(empty_warehouse)
    return Deliveries(empty_warehouse, home)


@pytest.mark.parametrize("seed", [1])
def test_a_log_that_comes_in_pieces_late_and_twice_gives_the_tables_of_the_whole(
    warehouse: Deliveries, tmp_path: Path, seed: int
) -> None:
    first, *others = deliveries(seed, tmp_path, pieces=4)
    assert "; from " not in warehouse.run([first])
    said = [warehouse.run([path]) for path in others]
    assert all("; from " in detail for detail in said), said
    by_pieces = warehouse.content()
    assert "; from " not in warehouse.run([], "--full-refresh")
    whole = warehouse.content()
    assert {name for name in whole if by_pieces[name] != whole[name]} == set()
    assert whole["marts.fct_user_features"][0] > 30

"""What a build makes anew where the log has grown or a model has changed: all tables are those of the whole."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from awkward_events import deliveries
from commands import drop_all_tables
from pyspark.sql import functions as F

from cli.jobs import auditing, build_inputs, building, landing, model_hashes, publishing
from cli.jobs.workspace import Workspace
from cli.machine.environment import DBT_PROJECT
from cli.runs.steps import Steps
from warehouse.publishing.tables import tables

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyspark.sql import SparkSession

    from cli.machine.home import Home

    Content = dict[str, dict[str, int]]

QUICKLY = ("--exclude-resource-type", "unit_test", "--exclude-resource-type", "test")
KEYS = ("event_id", "user_id", "session_id", "event_date", "as_of_date")
SCHEMAS = ("staging", "intermediate", "marts")


class Deliveries:
    """A warehouse that takes files, each in a run of its own."""

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


@pytest.fixture
def warehouse(empty_warehouse: SparkSession, home: Home, monkeypatch: pytest.MonkeyPatch) -> Deliveries:
    """What the gate says of a log that breaks every habit is not asked here."""
    monkeypatch.setattr(auditing, "audit", lambda *_: None)
    drop_all_tables(empty_warehouse)
    return Deliveries(empty_warehouse, home)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of dbt's project to change, which is built in the place of ours."""
    copy = tmp_path / "warehouse"
    shutil.copytree(DBT_PROJECT, copy)
    for module in (build_inputs, model_hashes):
        monkeypatch.setattr(module, "DBT_PROJECT", copy)
    monkeypatch.setenv("DBT_PROJECT_DIR", str(copy))
    return copy


def change(project: Path, name: str, old: str, new: str) -> None:
    """Put a text in the place of another, which is there, in a file of the models."""
    (path,) = (project / "models").rglob(f"{name}.*")
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def differing(one: Content, other: Content) -> dict[str, list[str]]:
    """The tables that are not the same, and the columns in which they differ."""
    columns = {
        name: sorted(column for column, total in content.items() if one.get(name, {}).get(column) != total)
        for name, content in other.items()
    }
    return {name: found for name, found in columns.items() if found}


@pytest.mark.parametrize("seed", [1])
def test_in_whatever_order_a_log_and_models_change_the_tables_are_those_of_the_whole(
    warehouse: Deliveries, project: Path, tmp_path: Path, seed: int
) -> None:
    first, early, late, last = deliveries(seed, tmp_path, pieces=4)
    assert "; from " not in warehouse.run([first])
    said = [warehouse.run([path]) for path in (late, early)]
    assert all("; from " in detail and "whole" not in detail for detail in said), said
    warehouse.take_back_last()
    warehouse.run([early])
    change(project, "int_user_snapshots_weighted", "/ 7)", "/ 8)")
    assert "; whole: int_user_snapshots_weighted and 11 more with them; from " in warehouse.run([last])
    by_pieces = warehouse.content()
    assert "; from " not in warehouse.run([], "--full-refresh")
    whole = warehouse.content()
    assert differing(by_pieces, whole) == {}
    assert whole["marts.fct_user_features"]["rows"] > 30

    change(project, "fct_service_days", "/ 3600", "/ 60")
    assert warehouse.run([]) == "1 models, 0 tests passed; whole: fct_service_days"
    assert differing(whole, warehouse.content()).keys() == {"marts.fct_service_days"}
    change(project, "_marts__models", "data_tests: [unique, not_null]", "data_tests: [not_null]")
    assert warehouse.run([]).endswith("neither the log nor a model has changed, but a rule")
    assert not warehouse.is_due()

"""What a build makes anew where the log has grown or a model has changed: all tables are those of the whole."""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING

import pytest
from awkward_events import deliveries
from commands import drop_all_tables
from incremental_warehouse import Deliveries, differing

from cli.jobs import auditing, build_inputs, dbt, model_hashes
from cli.jobs.dbt import run_dbt
from cli.jobs.increments import Plan, told_to_dbt
from cli.machine.environment import DBT_PROJECT

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from pyspark.sql import SparkSession

    from cli.machine.home import Home


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
    for module in (build_inputs, dbt, model_hashes):
        monkeypatch.setattr(module, "DBT_PROJECT", copy)
    monkeypatch.setenv("DBT_PROJECT_DIR", str(copy))
    return copy


def change(project: Path, name: str, old: str, new: str) -> None:
    """Put a text in the place of another, which is there, in a file of the models."""
    (path,) = (project / "models").rglob(f"{name}.*")
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize("seed", [1])
def test_in_whatever_order_a_log_and_models_change_the_tables_are_those_of_the_whole(
    warehouse: Deliveries, project: Path, tmp_path: Path, seed: int
) -> None:
    first, *others = deliveries(seed, tmp_path, pieces=4)
    second, third, last = random.Random(seed).sample(others, len(others))  # noqa: S311 - no secret
    assert "; from " not in warehouse.run([first])
    said = [warehouse.run([path]) for path in (second, third)]
    assert all("; from " in detail and "whole" not in detail for detail in said), said
    warehouse.take_back_last()
    warehouse.run([third])
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


def test_of_an_increment_tests_of_dbt_look_at_the_rows_that_were_made_anew(
    warehouse: Deliveries, tmp_path: Path
) -> None:
    table, model = "intermediate.int_level_changes", "int_level_changes"
    warehouse.run(deliveries(1, tmp_path, pieces=4)[:1])
    first, last = warehouse.spark.sql(f"select min(event_date), max(event_date) from {table}").collect()[0]
    assert first < last
    warehouse.spark.sql(f"insert into {table} select * from {table} where event_date = date'{first}'")

    def failed(touched: date | None, whole: frozenset[str] = frozenset()) -> set[str]:
        dates = dict.fromkeys(("dates", "snapshots", "labels", "base", "ingested_at"), str(touched))
        with told_to_dbt(Plan({}, whole=whole, touched=dates if touched else None)):
            tested = run_dbt(["--log-level", "none", "test", "--select", model, "--exclude-resource-type", "unit_test"])
        assert tested.nodes
        return {node.name.partition(".")[0] for node in tested.of("fail")}

    of_keys = {"unique_int_level_changes_event_id"}
    assert failed(None) == of_keys
    assert failed(last) == set()
    assert failed(first) == of_keys
    assert failed(last, frozenset({model})) == of_keys


def test_of_an_increment_the_test_of_raw_lines_looks_at_those_that_came(warehouse: Deliveries, tmp_path: Path) -> None:
    warehouse.run(deliveries(1, tmp_path, pieces=4)[:1])
    plan = Plan({}, whole=frozenset(), touched={"ingested_at": "2018-01-01 00:00:00.000000"})
    with told_to_dbt(plan):
        told = run_dbt(["--log-level", "none", "compile", "--select", "source:raw.events"])
    (of_lines,) = [node.sql for node in told.nodes if node.sql and "line_number" in node.sql]
    assert warehouse.spark.sql(of_lines).isEmpty()
    assert "ingested_at > timestamp'2018-01-01 00:00:00.000000'" in of_lines

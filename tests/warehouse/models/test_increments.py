"""What a build makes anew where the log has grown or a model has changed: all tables are those of the whole."""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING

import pytest
from awkward_events import deliveries
from commands import drop_all_tables
from incremental_warehouse import Deliveries, differing

from cli.jobs import auditing, build_inputs, model_hashes
from cli.machine.environment import DBT_PROJECT

if TYPE_CHECKING:
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

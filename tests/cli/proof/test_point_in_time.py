"""The proof that features end at their snapshot and labels begin there; and that the proof finds a model that leaks."""

from __future__ import annotations

import shutil
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from commands import run_command

from cli.jobs import landing
from cli.jobs.checks import CheckFailed
from cli.jobs.dbt import run_dbt
from cli.jobs.workspace import Workspace
from cli.machine.home import DBT_PROJECT
from cli.proof.differences import NEW_ROW, NO_ROW, differences
from cli.proof.point_in_time import prove_point_in_time, with_event_at_instant, with_event_just_before
from cli.proof.scratch import Scratch, scratch_schemas
from cli.runs.steps import Steps
from warehouse.landing.simulator import SimulationSpec, simulate

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

    from cli.machine.home import Home

PUBLISHED = ("staging.stg_sparkify__events", "intermediate.int_user_snapshots_spined", "marts.fct_user_features")
# Most of these are no Mondays: such dates come on demand only.
EVERY_THIRD_DAY = '{"snapshots_from": "2018-10-08", "snapshot_interval_days": 3}'
DATES = [date(2018, 10, day) for day in (8, 11, 14, 17, 20)]
SNAPSHOT = DATES[2]


def dbt(*arguments: str) -> list[str]:
    """Run a dbt command; return the status of each model or test, not of the hooks at the ends of the run."""
    nodes = run_dbt(["--log-level", "none", *arguments]).nodes
    return [node.status for node in nodes if node.kind != "operation"]


@pytest.fixture(scope="module")
def workspace(empty_warehouse: SparkSession, home: Home, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Three weeks of a few simulated users, built."""
    log = tmp_path_factory.mktemp("log") / "log.json"
    simulate(SimulationSpec(users=16, days=21), log, processes=1)
    workspace = Workspace(empty_warehouse, home, Steps(quiet=True))
    landing.ingest(workspace, [log])
    models = ["--select", "+fct_user_features", "+fct_churn_labels", "--vars", EVERY_THIRD_DAY]
    assert set(dbt("run", *models)) == {"success"}
    return workspace


def broken(tmp_path: Path, *edits: tuple[str, str, str]) -> Path:
    """Copy the dbt project and replace a text, which must be there, in each of some models or macros."""
    project = tmp_path / "warehouse"
    shutil.copytree(DBT_PROJECT, project)
    for model, old, new in edits:
        path = project / f"{model}.sql"
        assert old in path.read_text(), f"{model} has changed: break it in another way"
        path.write_text(path.read_text().replace(old, new))
    return project


def schemas(spark: SparkSession) -> set[str]:
    return {schema for (schema,) in spark.sql("show namespaces").collect()}


def history(spark: SparkSession) -> list[Any]:
    return [spark.table(f"{table}.snapshots").select("snapshot_id").collect() for table in PUBLISHED]


def test_no_feature_of_a_simulated_log_knows_later_events(workspace: Workspace) -> None:
    before = history(workspace.spark)
    workspace.spark.sql("create namespace proof_marts")
    workspace.spark.sql("create table proof_marts.left_by_a_killed_proof as select 1 as a")
    (workspace.home.warehouse / "proof_marts" / "half_written" / "data").mkdir(parents=True)

    proof = prove_point_in_time(workspace)

    proof.require()
    assert [check.ok for check in proof.checks] == [True] * 5
    assert proof.as_of == SNAPSHOT
    assert proof.snapshots == 3
    assert 0 < proof.deleted < proof.events
    assert proof.columns == len(workspace.spark.table("marts.fct_user_features").columns) - 2
    (changed,) = proof.checks[3].found
    assert {"last_event_at", "level", "upgrade_count_28d"} <= set(changed.partition(": ")[2].split(", "))
    assert history(workspace.spark) == before
    assert not [schema for schema in schemas(workspace.spark) if schema.startswith("proof_")]


def test_event_at_the_instant_may_not_slip_in_nor_a_label_look_back(workspace: Workspace, tmp_path: Path) -> None:
    project = broken(
        tmp_path,
        (
            "models/intermediate/features/int_user_snapshots_plan",
            "spine.as_of > spells.started_at",
            "spine.as_of >= spells.started_at",
        ),
        (
            "models/marts/fct_churn_labels",
            "spine.as_of_date <= user_days",
            "date_sub(spine.as_of_date, 1) <= user_days",
        ),
        ("models/marts/fct_churn_labels", "'day', 0, horizon", "'day', -1, horizon"),
    )
    with scratch_schemas(workspace) as folder:
        scratch = Scratch(workspace, SNAPSHOT, folder, project)
        scratch.cut_log()
        user_id = scratch.add_upgrade()
        features, label = with_event_at_instant(scratch, user_id)
        assert "level" in features.broken_by
        assert f"level: 1 row, such as ({user_id}, {SNAPSHOT})" in features.found
        assert label.ok
        features, label = with_event_just_before(scratch, user_id)
        assert features.ok
        assert label.broken_by == ("will_upgrade",)


def test_interrupted_proof_leaves_nothing(workspace: Workspace) -> None:
    def interrupted() -> None:
        with scratch_schemas(workspace):
            workspace.spark.sql("create namespace proof_raw")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "proof_raw" not in schemas(workspace.spark)


@pytest.mark.usefixtures("workspace")
def test_unknown_snapshot_could_not_run_and_the_known_ones_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("prove-point-in-time", "--as-of", "2018-10-15") == 2
    assert ", ".join(str(day) for day in DATES) in capsys.readouterr().err


def test_differences_are_bits_and_rows(spark: SparkSession) -> None:
    columns = "id int, same double, zero double, gone int"
    nan = float("nan")
    before = spark.createDataFrame([(1, nan, 0.0, 1), (2, None, 0.0, 2), (3, 1.5, 1.0, 3)], columns)
    after = spark.createDataFrame([(1, nan, -0.0, 1), (2, None, 0.0, None), (4, 1.5, 1.0, 3)], columns)
    assert differences(before, before, ["id"]) == []
    found = [(each.column, each.rows, each.first, each.last) for each in differences(before, after, ["id"])]
    assert found == [
        (NO_ROW, 1, (3,), (3,)),
        (NEW_ROW, 1, (4,), (4,)),
        ("zero", 1, (1,), (1,)),
        ("gone", 1, (2,), (2,)),
    ]


# The last one: it publishes what a broken model gives.
def test_window_that_holds_the_snapshot_day_is_found_by_its_columns(workspace: Workspace, tmp_path: Path) -> None:
    project = broken(
        tmp_path,
        (
            "models/intermediate/int_user_windows",
            "'user_window_dates': 1}",
            "'user_window_dates': 3}",
        ),
    )
    options = ["--project-dir", str(project), "--target-path", str(tmp_path / "target"), "--select"]
    assert set(dbt("run", *options, "int_user_windows+")) == {"success"}

    proof = prove_point_in_time(workspace, SNAPSHOT, project)

    (check,) = proof.checks
    assert {"last_event_at", "song_count_lifetime", "song_count_7d"} <= set(check.broken_by)
    assert not {"days_on_level", "session_minutes_mean_28d"} & set(check.broken_by)
    with pytest.raises(CheckFailed, match="song_count_lifetime"):
        proof.require()
    assert dbt("test", *options, "no_feature_knows_its_snapshot_or_later") == ["fail"]

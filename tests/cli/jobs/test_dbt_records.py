"""What is kept of a build by dbt: a row for each test that ran, and what each feature is made from."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from cli.jobs import building, dbt_records, landing, publishing
from cli.jobs.checks import CheckFailed
from cli.jobs.dbt import DbtNode, DbtOutcome, run_dbt
from cli.jobs.workspace import Workspace
from cli.runs.steps import Steps
from cli.sql.lineage import Lineage, Origin
from warehouse.contract.catalogue import features
from warehouse.contract.tables import source_table
from warehouse.landing.simulator import SimulationSpec, simulate

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from cli.machine.home import Home

NOW = datetime(2019, 1, 1, tzinfo=timezone.utc)
RELATION = "marts.fct_user_features"
MODEL = DbtNode("fct_user_features", "model", "success", "", relation=RELATION, sql="select 1 as level")
DATA_TEST = DbtNode(
    name="not_null_fct_sessions_user_id",
    kind="test",
    status="fail",
    message="Got 3 results",
    tested="fct_sessions",
    column_name="user_id",
    sql="select user_id from marts.fct_sessions where user_id is null",
    failure_count=3,
    seconds=0.5,
)
UNIT_TEST = DbtNode("a_day_counts_once", "unit_test", "pass", "", tested="int_user_days", failure_count=0, seconds=2.0)


def test_a_row_is_kept_of_each_test_and_of_nothing_else() -> None:
    rows = list(dbt_records.test_rows((MODEL, DATA_TEST, UNIT_TEST), "run-1", NOW))
    assert [(row["test_name"], row["kind"], row["status"], row["model"]) for row in rows] == [
        ("not_null_fct_sessions_user_id", "data_test", "fail", "fct_sessions"),
        ("a_day_counts_once", "unit_test", "pass", "int_user_days"),
    ]
    assert (rows[0]["failure_count"], rows[0]["sql"], rows[0]["column_name"]) == (3, DATA_TEST.sql, "user_id")
    assert rows[1]["sql"] is None
    assert all(set(row) == set(source_table(dbt_records.TEST_RESULTS).kinds) for row in rows)


def test_models_that_were_built_give_their_sql_and_others_do_not() -> None:
    failed = replace(MODEL, relation="marts.dim_users", status="error")
    ephemeral = replace(MODEL, relation=None)
    assert dbt_records.built_models((MODEL, failed, ephemeral, DATA_TEST)) == {RELATION: "select 1 as level"}


def test_the_columns_of_the_mart_that_are_no_features_have_no_lineage() -> None:
    found = Lineage(
        (
            Origin("level", "raw.events", "level", ("fct_user_features", "stg_sparkify__events")),
            Origin("last_event_at", "raw.events", "ts", ("fct_user_features",)),
        ),
        {},
        (),
    )
    (row,) = dbt_records.lineage_rows(found)
    assert row == {
        "feature": "level",
        "raw_table": "raw.events",
        "raw_column": "level",
        "via": ["fct_user_features", "stg_sparkify__events"],
    }
    assert set(row) == set(source_table(dbt_records.LINEAGE).kinds)


@pytest.fixture(scope="module")
def built(empty_warehouse: SparkSession, home: Home, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A warehouse that was built, with its data tests, of a small log."""
    workspace = Workspace(empty_warehouse, home, Steps(quiet=True, run_id="built"))
    log = tmp_path_factory.mktemp("log") / "log.json"
    simulate(SimulationSpec(users=12, days=16, ids="random", seed=4), log)
    landing.ingest(workspace, [log])
    building.build(workspace)
    return workspace


def test_a_build_keeps_how_each_of_its_tests_did(built: Workspace) -> None:
    kept = built.spark.table(dbt_records.TEST_RESULTS).where("run_id = 'built'").toPandas()
    assert set(kept["kind"]) == {"data_test"}
    assert set(kept["status"]) == {"pass"}
    assert kept["test_name"].is_unique
    unique = kept.set_index("test_name").loc["unique_dim_users_user_id"]
    assert (unique["model"], unique["column_name"], unique["failure_count"]) == ("dim_users", "user_id", 0)
    source = kept.set_index("test_name").loc["source_unique_raw_ingested_files_checksum"]
    assert source["model"] == "raw.ingested_files"
    assert kept["sql"].str.contains("select").all()
    assert not kept["sql"].str.contains(str(built.home.path), regex=False).any()


def test_a_build_keeps_what_every_feature_is_made_from(built: Workspace) -> None:
    kept = built.spark.table(dbt_records.LINEAGE).toPandas()
    assert set(kept["feature"]) == {feature.name for feature in features()}
    assert set(kept["raw_table"]) == {"raw.events"}
    made_from = kept.groupby("feature")["raw_column"].agg(set)
    assert made_from["song_count_7d"] == {"page", "ts"}
    assert made_from["listening_hours_lifetime"] == {"length", "ts"}
    assert made_from["gender"] == {"gender", "ts"}
    assert made_from["level"] == {"level", "page", "ts"}
    assert made_from["distinct_song_count_28d"] >= {"song", "ts"}
    (way,) = built.spark.table(dbt_records.LINEAGE).where("feature = 'song_count_7d' and raw_column = 'page'").collect()
    assert way.via == [
        "fct_user_features",
        "int_user_snapshots_counts",
        "int_user_windows",
        "int_user_days",
        "int_session_days",
        "stg_sparkify__events",
    ]


def test_lineage_is_read_again_only_of_other_sql(built: Workspace) -> None:
    def versions() -> int:
        return built.spark.sql(f"select * from {dbt_records.LINEAGE}.snapshots").count()

    def rows() -> set[str]:
        return {str(row) for row in built.spark.table(dbt_records.LINEAGE).collect()}

    def compiled() -> DbtOutcome:
        return run_dbt(["--log-level", "none", "compile"])

    before, rows_before = versions(), rows()
    dbt_records.record_lineage(built, compiled())
    # Of a table that is there and reads itself, the SQL is another than that of its first build.
    second = versions()
    again = compiled()
    dbt_records.record_lineage(built, again)
    assert before <= second == versions()
    others = tuple(replace(node, sql=f"{node.sql}\n-- the same") if node.sql else node for node in again.nodes)
    for _ in range(2):
        dbt_records.record_lineage(built, replace(again, nodes=others))
        assert versions() == second + 1
    assert rows() == rows_before


def test_a_build_of_some_models_leaves_the_lineage_as_it_was(
    built: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    before = built.spark.table(dbt_records.LINEAGE).count()
    only = replace(MODEL, sql="select level from intermediate.int_user_days")
    dbt_records.record(built, DbtOutcome(0, (only,)))
    assert built.spark.table(dbt_records.LINEAGE).count() == before
    assert "intermediate.int_user_days was not built here" in capfd.readouterr().err


def test_what_a_failed_test_found_is_kept_past_the_branch_of_the_run(
    built: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "run_dbt", lambda *_, **__: DbtOutcome(1, (DATA_TEST,)))
    stopped = Workspace(built.spark, built.home, Steps(quiet=True, run_id="stopped"))
    with pytest.raises(CheckFailed, match="Got 3 results"), publishing.on_branch(stopped):
        building.build(stopped)
    (row,) = built.spark.table(dbt_records.TEST_RESULTS).where("run_id = 'stopped'").collect()
    assert (row.status, row.failure_count) == ("fail", 3)


def test_no_row_is_kept_where_no_test_ran(built: Workspace) -> None:
    rows = built.spark.table(dbt_records.TEST_RESULTS)
    before = rows.count()
    dbt_records.record(built, DbtOutcome(2, (replace(MODEL, status="error"),)))
    assert built.spark.table(dbt_records.TEST_RESULTS).count() == before

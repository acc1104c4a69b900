"""The suite of realised performance: whether the champion's users left as often, and as ranked, as it said."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from expectations.gate import validate
from expectations.limits import load
from models_ml.monitoring.tables import PERFORMANCE
from models_ml.registry.model_versions import retire_champions
from models_ml.tables import MODEL_VERSIONS
from warehouse.contract.tables import create_or_widen

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

    from expectations.report import ValidationReport

LABEL, CHAMPION = "churned_in_time_bin", "v2-champion"
TRAINED_TO, MONDAY = date(2018, 10, 22), date(2018, 11, 12)
# Of 2,000 users 100 leave, as foretold: by chance 68 to 132 would.
STOPPING = load().with_drift("stop", "a test")
GOOD: dict[str, Any] = {"rows": 2_000, "positives": 100, "mean_probability": 0.05, "auc": 0.74}


@pytest.fixture
def warehouse(empty_warehouse: SparkSession) -> SparkSession:
    """A champion with a test AUC of 0.70 at least, the version before it, and one that never became champion."""
    create_or_widen(empty_warehouse, MODEL_VERSIONS, PERFORMANCE)
    for table in (PERFORMANCE, "monitoring.validation_results"):
        if empty_warehouse.catalog.tableExists(table):
            empty_warehouse.sql(f"delete from {table}")
    for number, (version, is_chosen) in enumerate([("v1-before", True), (CHAMPION, True), ("v3-challenger", False)]):
        row: dict[str, Any] = {"model_version": version, "label": LABEL, "algorithm": "linear_svm"}
        row |= {"is_chosen": is_chosen, "train_to": TRAINED_TO, "metrics": {"test_auc_low": 0.70}}
        row |= {"trained_at": datetime(2018, 11, 20 + number, tzinfo=timezone.utc)}
        append(empty_warehouse, MODEL_VERSIONS, row)
    return empty_warehouse


def append(spark: SparkSession, table: str, row: dict[str, Any]) -> None:
    schema = spark.table(table).schema
    spark.createDataFrame([tuple(row.get(name) for name in schema.names)], schema).writeTo(table).append()


def measured(spark: SparkSession, **changes: Any) -> None:  # noqa: ANN401 - the columns of the table
    row = GOOD | {"label": LABEL, "model_version": CHAMPION, "origin": "published", "as_of_date": MONDAY} | changes
    row |= {"observed_rate": row["positives"] / row["rows"], "brier": 0.04, "calibration_error": 0.01}
    append(spark, PERFORMANCE, row | {"recorded_at": datetime(2018, 12, 1, tzinfo=timezone.utc)})


def judged(spark: SparkSession, folder: Path) -> ValidationReport:
    return validate(spark, ["performance"], folder, "a run", (), limits=STOPPING)


def test_without_a_known_outcome_nothing_is_judged(warehouse: SparkSession, tmp_path: Path) -> None:
    assert judged(warehouse, tmp_path).results == ()


def test_outcomes_as_foretold_and_ranked_as_in_the_test_pass(warehouse: SparkSession, tmp_path: Path) -> None:
    measured(warehouse)
    report = judged(warehouse, tmp_path)
    assert report.passed
    assert [result.rule for result in report.results] == ["performance.calibration", "performance.ranking"]
    assert report.results[0].message == (
        f"monitoring.model_performance.{LABEL}: performance.calibration ({LABEL} as often as foretold), observed "
        f"100 of 2,000 users as of 2018-11-12 with {CHAMPION}, foretold 100.0 ± 32.1"
    )


@pytest.mark.parametrize(("positives", "passed"), [(67, False), (68, True), (132, True), (133, False)])
def test_too_many_or_too_few_outcomes_stop_the_gate(
    warehouse: SparkSession, tmp_path: Path, positives: int, *, passed: bool
) -> None:
    measured(warehouse, positives=positives)
    report = judged(warehouse, tmp_path)
    assert report.passed == passed
    assert [failure.rule for failure in report.failures] == ([] if passed else ["performance.calibration"])


@pytest.mark.parametrize(("auc", "passed"), [(0.61, True), (0.60, False), (None, True)])
def test_a_ranking_worse_than_in_the_test_beyond_chance_stops_the_gate(
    warehouse: SparkSession, tmp_path: Path, auc: float | None, *, passed: bool
) -> None:
    measured(warehouse, auc=auc)
    report = judged(warehouse, tmp_path)
    assert report.passed == passed
    for failure in report.failures:
        assert (failure.rule, failure.column_name) == ("performance.ranking", LABEL)
        assert f"AUC 0.600 as of 2018-11-12 with {CHAMPION}, in the test at least 0.700" in failure.message
        assert failure.message.endswith(f"train anew: sparkhouse train --label {LABEL}")


def test_a_retired_champion_is_judged_no_more(warehouse: SparkSession, tmp_path: Path) -> None:
    measured(warehouse, positives=500)
    retire_champions(warehouse)
    assert judged(warehouse, tmp_path).results == ()


def test_else_it_only_warns(warehouse: SparkSession, tmp_path: Path) -> None:
    measured(warehouse, positives=300)
    report = validate(warehouse, ["performance"], tmp_path, "a run", ())
    assert report.passed
    (warning,) = report.warnings
    assert warning.rule == "performance.calibration"
    [kept] = warehouse.table("monitoring.validation_results").where("not success").collect()
    assert (kept.suite, kept.rule) == ("performance", "performance.calibration")


@pytest.mark.parametrize(
    "other",
    [
        {"model_version": "v1-before"},
        {"model_version": "v3-challenger"},
        {"origin": "backtest"},
        {"as_of_date": TRAINED_TO},
        {"as_of_date": MONDAY - timedelta(days=7)},
    ],
    ids=["replaced", "challenger", "backtest", "trained on", "older"],
)
def test_only_the_newest_snapshot_of_the_champion_that_it_was_not_trained_on_is_judged(
    warehouse: SparkSession, tmp_path: Path, other: dict[str, Any]
) -> None:
    measured(warehouse)
    measured(warehouse, positives=500, **other)
    report = judged(warehouse, tmp_path)
    assert report.passed
    assert {result.element_count for result in report.results} == {2_000}

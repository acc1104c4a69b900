"""Outcomes: which predictions came true is recorded once it is known, and so is what they were worth."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from models_ml.errors import MissingTable
from models_ml.monitoring.prediction_outcomes import performance, record_backtest, record_outcomes
from models_ml.monitoring.tables import OUTCOMES, PERFORMANCE
from warehouse.contract.labels import label_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyspark.sql import DataFrame, Row, SparkSession

LABEL, NEXT = "churned_in_time_bin", "will_churn_in_next_bin"
LABELS = label_names()
FIRST, SECOND, LAST = date(2018, 10, 29), date(2018, 11, 5), date(2018, 11, 12)
NOON = datetime(2018, 11, 13, 12, tzinfo=timezone.utc)
PREDICTION = (
    "user_id string, as_of_date date, label string, model_version string, churn_probability double, "
    "risk_decile int, predicted_churn boolean, scored_at timestamp"
)
BACKTESTED = (
    "label string, model_version string, as_of_date date, user_id string, churn_probability double, "
    "predicted_churn boolean, outcome boolean, outcome_known_at date"
)
PROBABILITIES = {"1": 0.9, "2": 0.6, "3": 0.6, "4": 0.3, "5": 0.1}
LEFT = {"1": True, "2": False, "3": True, "4": False, "5": False}


def predictions(
    spark: SparkSession,
    day: date,
    label: str = LABEL,
    version: str = "1-a",
    users: Sequence[str] = tuple(PROBABILITIES),
) -> None:
    spark.sql("create namespace if not exists ml")
    spark.sql(f"create table if not exists ml.churn_predictions ({PREDICTION}) using iceberg")
    rows = [(u, day, label, version, PROBABILITIES[u], 1, PROBABILITIES[u] >= 0.5, NOON) for u in users]
    spark.createDataFrame(rows, PREDICTION).writeTo("ml.churn_predictions").append()


def outcomes(spark: SparkSession, left: Mapping[date, Mapping[str, bool | None]]) -> None:
    """Labels with a horizon of 14 days: the next bin is never known, of the others those given."""
    spark.sql("create namespace if not exists marts")
    values = [
        (user, day, 14, *(None if name == NEXT else known for name in LABELS))
        for day, users in left.items()
        for user, known in users.items()
    ]
    columns = ", ".join(f"{name} boolean" for name in LABELS)
    rows = spark.createDataFrame(values, f"user_id string, as_of_date date, horizon_days int, {columns}")
    rows.writeTo("marts.fct_churn_labels").using("iceberg").createOrReplace()


def backtest(spark: SparkSession, version: str, day: date = FIRST, users: Sequence[str] = ("1", "2")) -> DataFrame:
    rows = [(LABEL, version, day, user, 0.5, True, LEFT[user], SECOND) for user in users]
    return spark.createDataFrame(rows, BACKTESTED)


def kept(spark: SparkSession, table: str = OUTCOMES) -> set[tuple[Any, ...]]:
    return {tuple(row) for row in spark.table(table).drop("recorded_at").collect()}


def row_of(spark: SparkSession, **values: object) -> Row:
    rows = [row for row in spark.table(PERFORMANCE).collect() if all(row[n] == v for n, v in values.items())]
    assert len(rows) == 1
    return rows[0]


@pytest.fixture
def warehouse(empty_warehouse: SparkSession) -> SparkSession:
    """Two Mondays whose outcomes are known, and a last one of which only who left is; users scored on the first."""
    for table in ("ml.churn_predictions", OUTCOMES, PERFORMANCE):
        empty_warehouse.sql(f"drop table if exists {table} purge")
    outcomes(empty_warehouse, {FIRST: LEFT, SECOND: dict.fromkeys(LEFT, False), LAST: {**LEFT, "5": None}})
    predictions(empty_warehouse, FIRST)
    return empty_warehouse


# Which outcomes are recorded


def test_a_prediction_meets_its_outcome(warehouse: SparkSession) -> None:
    assert record_outcomes(warehouse) == 5
    known_at = date(2018, 11, 12)
    assert kept(warehouse) == {
        (LABEL, "1-a", "published", FIRST, "1", 0.9, True, True, known_at),
        (LABEL, "1-a", "published", FIRST, "2", 0.6, True, False, known_at),
        (LABEL, "1-a", "published", FIRST, "3", 0.6, True, True, known_at),
        (LABEL, "1-a", "published", FIRST, "4", 0.3, False, False, known_at),
        (LABEL, "1-a", "published", FIRST, "5", 0.1, False, False, known_at),
    }


def test_what_was_foretold_for_another_horizon_is_not_judged(warehouse: SparkSession) -> None:
    warehouse.createDataFrame([("1-a", 14), ("2-b", 7)], "model_version string, horizon_days int").writeTo(
        "ml.model_versions"
    ).using("iceberg").createOrReplace()
    predictions(warehouse, FIRST, version="2-b")
    predictions(warehouse, FIRST, version="of before horizons were kept")
    assert record_outcomes(warehouse) == 10
    assert "2-b" not in {row.model_version for row in warehouse.table(OUTCOMES).collect()}
    warehouse.sql("drop table ml.model_versions purge")


def test_of_a_snapshot_with_one_unknown_outcome_none_is_recorded(warehouse: SparkSession) -> None:
    predictions(warehouse, LAST)
    assert record_outcomes(warehouse) == 5
    assert {row.as_of_date for row in warehouse.table(OUTCOMES).collect()} == {FIRST}
    outcomes(warehouse, {FIRST: LEFT, LAST: LEFT})
    assert record_outcomes(warehouse) == 10


def test_an_unknown_outcome_counts_also_of_a_user_who_was_not_scored(warehouse: SparkSession) -> None:
    predictions(warehouse, LAST, users=("1", "2"))
    assert record_outcomes(warehouse) == 5


def test_the_outcome_is_that_of_the_label_predicted(warehouse: SparkSession) -> None:
    predictions(warehouse, FIRST, label=NEXT)
    assert record_outcomes(warehouse) == 5
    warehouse.sql(f"update marts.fct_churn_labels set {NEXT} = user_id = '5' where as_of_date = date '{FIRST}'")
    assert record_outcomes(warehouse) == 10
    rows = [row for row in warehouse.table(OUTCOMES).collect() if row.label == NEXT]
    assert {row.user_id for row in rows if row.outcome} == {"5"}
    # It looks two horizons ahead.
    assert {row.outcome_known_at for row in rows} == {date(2018, 11, 26)}


def test_recording_again_changes_nothing(warehouse: SparkSession) -> None:
    predictions(warehouse, SECOND, version="2-b")
    predictions(warehouse, FIRST, label="will_lapse", version="7-c")
    assert record_outcomes(warehouse) == 15
    before = kept(warehouse), kept(warehouse, PERFORMANCE)
    assert record_outcomes(warehouse) == 15
    assert (kept(warehouse), kept(warehouse, PERFORMANCE)) == before
    assert warehouse.table(OUTCOMES).count() == 15
    assert warehouse.table(PERFORMANCE).count() == 3


def test_what_was_scored_or_labelled_anew_replaces_what_was_recorded(warehouse: SparkSession) -> None:
    record_outcomes(warehouse)
    outcomes(warehouse, {FIRST: {**LEFT, "5": True}})
    record_outcomes(warehouse)
    assert {row.user_id for row in warehouse.table(OUTCOMES).where("outcome").collect()} == {"1", "3", "5"}
    warehouse.sql("delete from ml.churn_predictions")
    assert record_outcomes(warehouse) == 0
    assert kept(warehouse) == kept(warehouse, PERFORMANCE) == set()


def test_without_predictions_nothing_is_recorded(warehouse: SparkSession) -> None:
    warehouse.sql("drop table ml.churn_predictions purge")
    assert record_outcomes(warehouse) == 0


def test_without_labels_it_is_told_how_to_get_them(warehouse: SparkSession) -> None:
    warehouse.sql("drop table marts.fct_churn_labels purge")
    with pytest.raises(MissingTable, match=r"marts.fct_churn_labels is missing: run `sparkhouse build` first"):
        record_outcomes(warehouse)


# Backtests


def test_published_and_backtested_rows_do_not_touch_each_other(warehouse: SparkSession) -> None:
    assert record_backtest(warehouse, backtest(warehouse, "1-a")) == 2
    assert record_outcomes(warehouse) == 5
    assert record_outcomes(warehouse) == 5
    assert record_backtest(warehouse, backtest(warehouse, "1-a")) == 2
    by_origin = warehouse.table(OUTCOMES).groupBy("origin").count().collect()
    assert {row.origin: row["count"] for row in by_origin} == {"published": 5, "backtest": 2}
    assert row_of(warehouse, origin="published").rows == 5
    assert row_of(warehouse, origin="backtest").rows == 2


def test_a_backtest_replaces_that_of_the_same_model_version_only(warehouse: SparkSession) -> None:
    record_backtest(warehouse, backtest(warehouse, "1-a").union(backtest(warehouse, "2-b")))
    record_backtest(warehouse, backtest(warehouse, "1-a", SECOND, users=("3",)))
    assert {row[1:5] for row in kept(warehouse)} == {
        ("1-a", "backtest", SECOND, "3"),
        ("2-b", "backtest", FIRST, "1"),
        ("2-b", "backtest", FIRST, "2"),
    }
    assert {(row.model_version, row.as_of_date) for row in warehouse.table(PERFORMANCE).collect()} == {
        ("1-a", SECOND),
        ("2-b", FIRST),
    }


def test_a_backtest_without_rows_replaces_nothing(warehouse: SparkSession) -> None:
    record_backtest(warehouse, backtest(warehouse, "1-a"))
    assert record_backtest(warehouse, backtest(warehouse, "1-a", users=())) == 0
    assert warehouse.table(OUTCOMES).count() == 2


# What they were worth


def test_a_snapshot_is_judged_by_the_metrics_of_scikit_learn(warehouse: SparkSession) -> None:
    record_outcomes(warehouse)
    row = row_of(warehouse, label=LABEL, model_version="1-a", origin="published", as_of_date=FIRST)
    labels, probabilities = list(LEFT.values()), list(PROBABILITIES.values())
    assert (row.rows, row.positives, row.observed_rate) == (5, 2, 0.4)
    assert row.mean_probability == pytest.approx(0.5)
    assert row.auc == pytest.approx(roc_auc_score(labels, probabilities))
    assert row.average_precision == pytest.approx(average_precision_score(labels, probabilities))
    assert row.brier == pytest.approx(brier_score_loss(labels, probabilities))
    assert row.brier_skill == pytest.approx(1 - row.brier / (0.4 * 0.6))
    # The first tenth is half of the first user, who left: 1 / 0.4.
    assert row.lift_top_10 == pytest.approx(2.5)
    # Two bins a user; the two users of 0.6 share theirs.
    assert row.calibration_error == pytest.approx((0.1 + 2 * 0.1 + 0.3 + 0.1) / 5)


def test_each_snapshot_label_and_version_is_judged_by_itself(warehouse: SparkSession) -> None:
    predictions(warehouse, SECOND)
    predictions(warehouse, FIRST, version="2-b", users=("1", "5"))
    predictions(warehouse, FIRST, label="will_lapse", users=("2", "3"))
    record_outcomes(warehouse)
    judged = {(r.label, r.model_version, r.as_of_date): (r.rows, r.auc) for r in warehouse.table(PERFORMANCE).collect()}
    assert judged == {
        (LABEL, "1-a", FIRST): (5, pytest.approx(5.5 / 6)),
        (LABEL, "1-a", SECOND): (5, None),
        (LABEL, "2-b", FIRST): (2, 1.0),
        ("will_lapse", "1-a", FIRST): (2, 0.5),
    }


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_where_all_outcomes_agree_only_the_probabilities_are_judged(outcome: float) -> None:
    probabilities = np.array([0.9, 0.6, 0.2])
    judged = performance(probabilities, np.full(3, outcome))
    ranking = ("auc", "average_precision", "brier_skill", "lift_top_10")
    assert [judged[name] for name in ranking] == [None] * 4
    assert judged["brier"] == pytest.approx(brier_score_loss(np.full(3, outcome), probabilities, pos_label=1))
    assert judged["calibration_error"] == pytest.approx(np.abs(probabilities - outcome).mean())
    assert (judged["positives"], judged["observed_rate"]) == (3 * outcome, outcome)


def test_what_is_recorded_is_there_for_all_while_a_run_is_on_its_branch(warehouse: SparkSession) -> None:
    warehouse.conf.set("spark.wap.branch", "a_run")
    try:
        record_outcomes(warehouse)
    finally:
        warehouse.conf.unset("spark.wap.branch")
    assert warehouse.table(OUTCOMES).count() == 5
    assert warehouse.table(PERFORMANCE).count() == 1

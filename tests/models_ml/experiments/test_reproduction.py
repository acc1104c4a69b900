"""Trainings as they would have been at past dates, and a version trained again from what its row remembers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from planted import HORIZON, LABEL, LINEAR, MONDAYS, NAMES, USERS, plant_older_version

from models_ml.errors import MissingFeatures, NoModelYet, SnapshotExpired, TooFewSnapshots, UnknownModelVersion
from models_ml.experiments.backtest import backtest
from models_ml.experiments.reproduction import NotReproducible, reproduce
from models_ml.spec.training_spec import TrainingSpec
from models_ml.training.job import train

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

    from models_ml.experiments.backtest import BacktestDate
    from models_ml.registry.training_report import TrainingReport

OUTCOMES = "monitoring.prediction_outcomes"


@pytest.fixture(scope="module")
def walked(planted_marts: SparkSession) -> list[BacktestDate]:
    """The last two dates with known outcomes."""
    return backtest(planted_marts, TrainingSpec(algorithms=LINEAR), NAMES, 2)


# Trained as of then


def test_each_past_date_trains_on_what_was_known_by_then(walked: list[BacktestDate]) -> None:
    assert [each.as_of for each in walked] == MONDAYS[4:6]
    for each in walked:
        known_by_then = [day for day in MONDAYS if day + timedelta(days=HORIZON) <= each.as_of]
        assert each.train_snapshots == len(known_by_then)
        assert each.train_rows == USERS * len(known_by_then)
        assert each.rows == USERS
        assert 0.5 < each.metrics["auc"].value < 1


def test_what_was_predicted_then_is_kept_with_what_came_of_it(
    planted_marts: SparkSession, walked: list[BacktestDate]
) -> None:
    rows = planted_marts.table(OUTCOMES).where("origin = 'backtest'").toPandas()
    assert len(rows) == 2 * USERS
    for each in walked:
        of_date = rows[rows.as_of_date == each.as_of]
        assert set(of_date.model_version) == {f"backtest-{each.as_of}"}
        assert set(of_date.label) == {LABEL}
        assert set(of_date.outcome_known_at) == {each.as_of + timedelta(days=HORIZON)}
        assert of_date.user_id.nunique() == each.rows
        assert of_date.outcome.sum() == each.positives
        assert of_date.churn_probability.between(0, 1).all()
        assert 0 < of_date.predicted_churn.sum() < USERS
    measured = planted_marts.table("monitoring.model_performance").where("origin = 'backtest'").collect()
    aucs = {row.as_of_date: row.auc for row in measured}
    assert aucs == {each.as_of: pytest.approx(each.metrics["auc"].value) for each in walked}


def test_a_label_is_learnt_from_no_sooner_than_it_was_known(
    planted_marts: SparkSession, walked: list[BacktestDate]
) -> None:
    """Labels of 2018-10-22 are known from 2018-11-05 on: turned around, they change that date's model alone."""
    turn = (
        "update marts.fct_churn_labels set churned_in_time_bin = not churned_in_time_bin"
        f" where as_of_date = date'{MONDAYS[3]}'"
    )
    planted_marts.sql(turn)
    earlier, later = backtest(planted_marts, TrainingSpec(algorithms=LINEAR), NAMES, 2)
    planted_marts.sql(turn)
    assert earlier == walked[0]
    assert (later.as_of, later.train_rows) == (walked[1].as_of, walked[1].train_rows)
    assert later.metrics["auc"].value < walked[1].metrics["auc"].value


def test_dates_that_cannot_be_tested_are_refused(planted_marts: SparkSession) -> None:
    with pytest.raises(TooFewSnapshots, match="has one 28 days before it: build on a longer log"):
        backtest(planted_marts, TrainingSpec(label="will_churn_in_next_bin", algorithms=LINEAR), NAMES, 2)
    with pytest.raises(MissingFeatures, match="lacks song_count_3d"):
        backtest(planted_marts, TrainingSpec(algorithms=LINEAR), [*NAMES, "song_count_3d"], 2)


# Trained again


@pytest.fixture(scope="module")
def trained(planted_marts: SparkSession, walked: list[BacktestDate], mlflow_dir: Path) -> TrainingReport:
    """A version, after which both tables have got a user who would change everything, and the features a column."""
    assert walked
    with pytest.raises(NoModelYet, match="sparkhouse train"):
        reproduce(planted_marts, "v1-nowhere")
    spec = TrainingSpec(algorithms=("logistic_regression", "decision_tree"))
    report = train(planted_marts, spec, mlflow_dir, NAMES)
    for table in ("fct_user_features", "fct_churn_labels"):
        columns = planted_marts.table(f"marts.{table}").columns
        copied = ", ".join("concat('copy-', user_id)" if name == "user_id" else name for name in columns)
        planted_marts.sql(f"insert into marts.{table} select {copied} from marts.{table} where user_id < '0060'")
    planted_marts.sql("delete from marts.fct_user_features where user_id = '0001'")
    planted_marts.sql("alter table marts.fct_user_features add column added_since double")
    return report


def test_a_version_comes_out_again_though_the_tables_have_changed_since(
    planted_marts: SparkSession, trained: TrainingReport
) -> None:
    told = reproduce(planted_marts, trained.model_version)
    assert told.is_equal
    assert told.metrics == len(trained.metrics) > 50
    assert told.code_now == told.code_then
    assert str(told) == (
        f"equal: all {len(trained.metrics)} metrics of {trained.model_version} ({LABEL}) came out again, the same code"
    )


def test_metrics_that_are_not_as_they_were_are_named_and_other_code_too(
    planted_marts: SparkSession, trained: TrainingReport
) -> None:
    version = f"{trained.model_version}-tampered"
    names = planted_marts.table("ml.model_versions").columns
    changed = {
        "model_version": f"'{version}'",
        "metrics": "map_concat(map_filter(transform_values(metrics, (name, value) ->"
        " if(name = 'test_auc', value + 1e-9, value)), (name, value) -> name <> 'test_f1'), map('test_luck', 1D))",
        "code_version": "'0.0+abc'",
    }
    columns = ", ".join(changed.get(name, name) for name in names)
    planted_marts.sql(
        f"insert into ml.model_versions select {columns} from ml.model_versions"
        f" where model_version = '{trained.model_version}'"
    )
    told = reproduce(planted_marts, version)
    assert not told.is_equal
    was, now = trained.metrics["test_auc"] + 1e-9, trained.metrics["test_auc"]
    assert told.differing == {
        "test_auc": (was, now),
        "test_f1": (None, trained.metrics["test_f1"]),
        "test_luck": (1.0, None),
    }
    first, *lines = str(told).splitlines()
    assert first.startswith(f"not equal: 3 of {len(trained.metrics) + 1} metrics of {version} ({LABEL}), code ")
    assert first.endswith(", then 0.0+abc")
    assert f"  test_auc: {was} then, {now} now" in lines


def test_a_version_that_is_not_there_or_of_before_is_named(
    planted_marts: SparkSession, trained: TrainingReport
) -> None:
    with pytest.raises(UnknownModelVersion, match=rf"name one of .*{trained.model_version} \({LABEL}\)"):
        reproduce(planted_marts, "v99-nowhere")
    plant_older_version(planted_marts, LABEL)
    with pytest.raises(NotReproducible, match="name one trained since"):
        reproduce(planted_marts, "v1-older")


def test_a_state_that_iceberg_no_longer_keeps_is_named(planted_marts: SparkSession, trained: TrainingReport) -> None:
    [now] = planted_marts.sql("select date_format(current_timestamp(), 'yyyy-MM-dd HH:mm:ss.SSS') as now").collect()
    planted_marts.sql(f"call system.expire_snapshots('marts.fct_churn_labels', timestamp'{now.now}', 1)")
    seen = trained.table_snapshot_ids["marts.fct_churn_labels"]
    with pytest.raises(SnapshotExpired, match=f"marts.fct_churn_labels at snapshot {seen} has been expired"):
        reproduce(planted_marts, trained.model_version)

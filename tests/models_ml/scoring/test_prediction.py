"""Predictions: who is scored, by which version, why, and what is kept of it."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse

import pytest
from planted import CENSORED, LABEL, LINEAR, MONDAYS, NAMES, NEWEST, USERS

from models_ml.errors import ModelNotStored, NoModelYet, NoSuchSnapshot, UnknownLabel, UnknownModelVersion
from models_ml.portable.model import PortableModel
from models_ml.registry.promotion import NEVER
from models_ml.registry.tracking import load_text
from models_ml.scoring.prediction import predict
from models_ml.spec.training_spec import TrainingSpec
from models_ml.training.job import train

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from models_ml.registry.training_report import TrainingReport

EARLIER_SHAPE = """user_id string not null, as_of_date date not null, label string not null,
    model_version string not null, churn_probability double not null, risk_decile int not null,
    predicted_churn boolean not null, scored_at timestamp not null"""
ADDED = ["churn_probability_low", "churn_probability_high", "reasons"]


@pytest.fixture(scope="module")
def trained(planted_marts: SparkSession, mlflow_dir: Path) -> TrainingReport:
    """The champion."""
    return train(planted_marts, TrainingSpec(algorithms=LINEAR), mlflow_dir, NAMES)


@pytest.fixture(scope="module")
def challenger(planted_marts: SparkSession, trained: TrainingReport, mlflow_dir: Path) -> TrainingReport:
    assert trained.promotion.promoted
    return train(planted_marts, TrainingSpec(algorithms=("decision_tree",)), mlflow_dir, NAMES, NEVER)


@pytest.fixture
def no_predictions(planted_marts: SparkSession) -> Iterator[SparkSession]:
    planted_marts.sql("drop table if exists ml.churn_predictions purge")
    yield planted_marts
    planted_marts.sql("drop table if exists ml.churn_predictions purge")


def test_predictions_are_probabilities_with_even_deciles(
    planted_marts: SparkSession, trained: TrainingReport, challenger: TrainingReport, mlflow_dir: Path
) -> None:
    report = predict(planted_marts, LABEL, MONDAYS[5], None, mlflow_dir)
    assert challenger.model_version != trained.model_version
    assert (report.model_version, report.as_of, report.users) == (trained.model_version, MONDAYS[5], USERS)
    rows = planted_marts.table("ml.churn_predictions").where(f"as_of_date = date'{MONDAYS[5]}'").toPandas()
    assert len(rows) == rows.user_id.nunique() == USERS
    assert rows.churn_probability.between(0, 1).all()
    base_rate = trained.card.train.positives / trained.card.train.rows
    assert rows.churn_probability.mean() == pytest.approx(base_rate, abs=0.05)
    assert rows.groupby("risk_decile").size().tolist() == [15] * 10
    deciles = rows.groupby("risk_decile").churn_probability
    assert (deciles.min().to_numpy()[:-1] >= deciles.max().to_numpy()[1:]).all()
    assert (rows.predicted_churn == (rows.churn_probability >= trained.card.threshold)).all()
    assert 0 < rows.predicted_churn.sum() < USERS
    assert [user.risk_decile for user in report.most_at_risk] == [1] * 10
    assert report.most_at_risk[0].churn_probability == rows.churn_probability.max()


def test_a_probability_lies_within_its_interval(
    planted_marts: SparkSession, trained: TrainingReport, mlflow_dir: Path
) -> None:
    predict(planted_marts, LABEL, MONDAYS[4], trained.model_version, mlflow_dir)
    rows = planted_marts.table("ml.churn_predictions").where(f"as_of_date = date'{MONDAYS[4]}'").toPandas()
    assert (rows.churn_probability_low <= rows.churn_probability).all()
    assert (rows.churn_probability <= rows.churn_probability_high).all()
    assert (rows.churn_probability_low < rows.churn_probability_high).all()
    assert rows.churn_probability_low.min() > 0
    assert rows.churn_probability_high.max() < 1


def test_each_user_has_up_to_three_reasons_in_words(
    planted_marts: SparkSession, trained: TrainingReport, mlflow_dir: Path
) -> None:
    report = predict(planted_marts, LABEL, MONDAYS[3], trained.model_version, mlflow_dir)
    rows = planted_marts.table("ml.churn_predictions").where(f"as_of_date = date'{MONDAYS[3]}'").collect()
    assert {len(row.reasons) for row in rows} <= {1, 2, 3}
    assert all(len(set(row.reasons)) == len(row.reasons) for row in rows)
    assert all(reason.endswith(("(more risk)", "(less risk)")) for row in rows for reason in row.reasons)
    by_user = {row.user_id: row.reasons for row in rows}
    for user in report.most_at_risk:
        assert list(user.reasons) == by_user[user.user_id]
        assert user.reasons[0].endswith("(more risk)")
    about_signal = [row for row in rows if any("signal" in reason for reason in row.reasons)]
    assert len(about_signal) > USERS / 2


def test_scoring_again_replaces_and_leaves_other_snapshots_and_versions_alone(
    planted_marts: SparkSession, trained: TrainingReport, challenger: TrainingReport, mlflow_dir: Path
) -> None:
    for day, version in ((CENSORED, trained), (CENSORED, challenger), (MONDAYS[5], trained), (CENSORED, trained)):
        predict(planted_marts, LABEL, day, version.model_version, mlflow_dir)
    counts = planted_marts.table("ml.churn_predictions").groupBy("as_of_date", "model_version").count().collect()
    by_key = {(row.as_of_date, row.model_version): row["count"] for row in counts}
    assert by_key[MONDAYS[5], trained.model_version] == USERS
    assert by_key[CENSORED, trained.model_version] == by_key[CENSORED, challenger.model_version] == USERS


def test_the_newest_snapshot_is_scored_by_default_and_may_have_few_users(
    planted_marts: SparkSession, trained: TrainingReport, mlflow_dir: Path
) -> None:
    report = predict(planted_marts, LABEL, None, trained.model_version, mlflow_dir)
    assert (report.as_of, report.users) == (NEWEST, 5)
    assert [user.risk_decile for user in report.most_at_risk] == [1, 2, 3, 4, 5]


def test_drift_is_measured_of_each_column_read_and_of_the_score(
    planted_marts: SparkSession, trained: TrainingReport, mlflow_dir: Path
) -> None:
    for _ in range(2):
        predict(planted_marts, LABEL, MONDAYS[5], trained.model_version, mlflow_dir)
    of_snapshot = f"model_version = '{trained.model_version}' and as_of_date = date'{MONDAYS[5]}'"
    rows = planted_marts.table("monitoring.feature_drift").where(of_snapshot).collect()
    drift = {row.feature: row for row in rows}
    assert len(drift) == len(rows)
    inputs = PortableModel.from_json(load_text(trained.published.portable_uri, mlflow_dir)).encoder.inputs
    assert {*inputs, "score"} < set(drift)
    assert "always_null" not in drift
    assert (drift["signal"].train_rows, drift["signal"].scored_rows) == (450, USERS)
    assert 0.05 < drift["signal"].train_missing_share < 0.15
    assert (drift["gender"].kind, drift["signal"].kind) == ("categorical", "numeric")
    assert max(row.psi for row in rows) < 0.25


def test_a_table_of_an_earlier_shape_gets_the_columns_and_keeps_its_rows(
    no_predictions: SparkSession, trained: TrainingReport, mlflow_dir: Path
) -> None:
    no_predictions.sql(
        f"create table ml.churn_predictions ({EARLIER_SHAPE}) using iceberg"
        " partitioned by (as_of_date, label, model_version)"
    )
    no_predictions.sql(
        f"insert into ml.churn_predictions values ('0007', date'{MONDAYS[0]}', '{LABEL}', 'v1-older', 0.25, 3, false,"
        " timestamp'2018-10-01 01:00:00')"
    )
    predict(no_predictions, LABEL, NEWEST, trained.model_version, mlflow_dir)
    table = no_predictions.table("ml.churn_predictions")
    assert set(ADDED) < set(table.columns)
    [kept] = table.where("model_version = 'v1-older'").collect()
    assert (kept.user_id, kept.churn_probability, kept.risk_decile) == ("0007", 0.25, 3)
    assert [kept[name] for name in ADDED] == [None] * 3
    added = table.where(f"model_version = '{trained.model_version}'")
    assert added.count() == added.dropna(subset=ADDED).count() == 5
    comments = {field.name: field.metadata["comment"] for field in table.schema if field.name in ADDED}
    assert comments["reasons"] == "What the score rests on most, in words, the weightiest first."


def test_errors_list_what_there_is(planted_marts: SparkSession, trained: TrainingReport, mlflow_dir: Path) -> None:
    with pytest.raises(UnknownModelVersion, match=trained.model_version):
        predict(planted_marts, LABEL, None, "v99-nowhere", mlflow_dir)
    with pytest.raises(NoSuchSnapshot, match=r"2018-10-01, 2018-10-08.*2018-11-19"):
        predict(planted_marts, LABEL, date(2020, 1, 6), None, mlflow_dir)
    with pytest.raises(NoModelYet, match="sparkhouse train --label will_upgrade"):
        predict(planted_marts, "will_upgrade", None, None, mlflow_dir)
    with pytest.raises(UnknownLabel, match="choose one of churned_in_time_bin"):
        predict(planted_marts, "will_win", None, None, mlflow_dir)


@pytest.mark.usefixtures("trained")
def test_a_version_whose_files_are_gone_says_what_to_do_and_writes_nothing(
    no_predictions: SparkSession, challenger: TrainingReport, mlflow_dir: Path
) -> None:
    shutil.rmtree(Path(urlparse(challenger.published.portable_uri).path).parent)
    with pytest.raises(ModelNotStored, match=r"train again \(sparkhouse train\)"):
        predict(no_predictions, LABEL, None, challenger.model_version, mlflow_dir)
    assert not no_predictions.catalog.tableExists("ml.churn_predictions")


def test_a_champion_of_an_earlier_version_of_the_job_has_to_be_trained_again(
    planted_marts: SparkSession, mlflow_dir: Path
) -> None:
    planted_marts.sql("drop table if exists ml.model_versions purge")
    planted_marts.sql(
        "create table ml.model_versions using iceberg as select 'v1-older' as model_version,"
        f" '{LABEL}' as label, 'random_forest' as algorithm, true as is_chosen, timestamp'2018-12-01' as trained_at"
    )
    with pytest.raises(ModelNotStored, match="train again"):
        predict(planted_marts, LABEL, None, None, mlflow_dir)

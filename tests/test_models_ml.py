"""The model job: what may train, what is measured, what is published, what is scored."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta, timezone
from math import exp, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from models_ml.calibration import platt_scaling
from models_ml.column_profile import usable_columns
from models_ml.errors import (
    MissingFeatures,
    MissingTable,
    NoModelYet,
    NoSuchSnapshot,
    OneClassOnly,
    TooFewSnapshots,
    TooFewUsers,
    UnknownAlgorithm,
    UnknownLabel,
    UnknownModelVersion,
)
from models_ml.features import CandidateColumns, FeatureColumns, assembly, candidate_columns
from models_ml.prediction import predict
from models_ml.time_split import split_by_time
from models_ml.training import train
from models_ml.training_set import training_set
from models_ml.training_spec import TrainingSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from models_ml.training_report import TrainingReport
    from models_ml.training_set import TrainingSet

USERS = 150
MONDAYS = [date(2018, 10, 1) + timedelta(days=7 * week) for week in range(8)]
CENSORED, NEWEST = MONDAYS[-2:]
HORIZON = 14
FEATURES = """user_id string, as_of_date date, last_event_at timestamp, registered_on date, signal double,
    noise_1 double, noise_2 bigint, peek double, always_null double, is_active boolean, gender string, state string,
    constant bigint, twin double, seldom double"""
NAMES = [
    *("signal", "noise_1", "noise_2", "peek", "always_null", "is_active"),
    *("gender", "state", "constant", "twin", "seldom", "registered_on"),
]
LABELS = """user_id string, as_of_date date, horizon_days int, churned_in_time_bin boolean,
    will_churn_in_next_bin boolean, will_churn_soon boolean, will_downgrade boolean, will_upgrade boolean,
    will_lapse boolean, next_outcome string"""
LINEAR = ("logistic_regression",)


def one_snapshot(user: int, as_of: date, rnd: random.Random) -> tuple[list[Any], list[Any]]:
    """A row of features and one of labels: churn follows `signal`, lapse stands in `peek`, downgrade is pure chance."""
    signal = rnd.gauss(0, 1)
    churns = rnd.random() < 1 / (1 + exp(2.0 - 1.5 * signal))
    lapses = rnd.random() < 0.3
    known_signal = None if rnd.random() < 0.1 else signal
    seen = datetime(as_of.year, as_of.month, as_of.day, tzinfo=timezone.utc) - timedelta(hours=5)
    features = [
        f"{user:04}",
        as_of,
        seen,
        date(2018, 9, 1),
        known_signal,
        rnd.gauss(0, 1),
        rnd.randrange(50),
        float(lapses) + rnd.gauss(0, 0.1),
        None,
        rnd.random() < 0.5,
        rnd.choice(["F", "M", None]),
        rnd.choice([f"S{n}" for n in range(40)]),
        7,
        None if known_signal is None else rnd.gauss(0, 1),
        1.0 if user % 50 else None,
    ]
    next_bin = rnd.random() < 0.2 if as_of <= MONDAYS[1] else None
    known = as_of < CENSORED
    labels = [
        f"{user:04}",
        as_of,
        HORIZON,
        churns if known else (True if churns else None),
        next_bin,
        user in {1, 2, 3},
        rnd.random() < 0.3 if known else None,
        False,
        lapses if known else None,
        None,
    ]
    return features, labels


@pytest.fixture(scope="module")
def marts(spark: SparkSession) -> Iterator[SparkSession]:
    """Features and labels of 150 users on 8 Mondays: the last two are censored, on the newest there are 5 users."""
    rnd = random.Random(7)  # noqa: S311 - rows for a test
    snapshots = [(user, day) for day in MONDAYS for user in range(5 if day == NEWEST else USERS)]
    rows = [one_snapshot(user, day, rnd) for user, day in snapshots]
    spark.sql("create namespace if not exists marts")
    for name, index, schema in (("fct_user_features", 0, FEATURES), ("fct_churn_labels", 1, LABELS)):
        spark.sql(f"drop table if exists marts.{name} purge")
        spark.createDataFrame([row[index] for row in rows], schema).writeTo(f"marts.{name}").using("iceberg").create()
    yield spark
    for name in ("marts.fct_user_features", "marts.fct_churn_labels", "ml.churn_predictions", "ml.model_versions"):
        spark.sql(f"drop table if exists {name} purge")


@pytest.fixture(scope="module")
def mlflow_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture(scope="module")
def trained(marts: SparkSession, mlflow_dir: Path) -> TrainingReport:
    """All four algorithms on the planted signal."""
    return train(marts, TrainingSpec(), mlflow_dir, NAMES)


@pytest.fixture(scope="module")
def dataset(marts: SparkSession) -> Iterator[TrainingSet]:
    features, labels = marts.table("marts.fct_user_features"), marts.table("marts.fct_churn_labels")
    built = training_set(features, labels, TrainingSpec(), NAMES)
    yield built
    built.rows.unpersist()


def versions_of(spark: SparkSession, label: str) -> int:
    if not spark.catalog.tableExists("ml.model_versions"):
        return 0
    return spark.table("ml.model_versions").where(f"label = '{label}'").count()


# The split


def test_no_training_horizon_reaches_the_first_test_snapshot() -> None:
    split = split_by_time(MONDAYS[:6], embargo_days=14, test_snapshots=2)
    assert split.test == (date(2018, 10, 29), date(2018, 11, 5))
    assert split.embargoed == (date(2018, 10, 22),)
    assert split.train == (date(2018, 10, 1), date(2018, 10, 8), date(2018, 10, 15))
    assert str(split) == (
        "train 2018-10-01..2018-10-15 (3 snapshots), embargo 14 days (1 snapshots left out), "
        "test 2018-10-29..2018-11-05 (2)"
    )


def test_a_horizon_that_ends_as_the_test_begins_may_train() -> None:
    split = split_by_time([date(2018, 10, 1), date(2018, 10, 15)], embargo_days=14, test_snapshots=1)
    assert split.train == (date(2018, 10, 1),)


@pytest.mark.parametrize("known", [[], MONDAYS[:1], MONDAYS[:3]])
def test_too_few_known_snapshots_say_what_to_do(known: list[date]) -> None:
    with pytest.raises(TooFewSnapshots, match="longer log"):
        split_by_time(known, embargo_days=14, test_snapshots=2)


# The training set


def test_censored_snapshots_and_embargoed_ones_never_train(dataset: TrainingSet) -> None:
    dates = {row.as_of_date for row in dataset.rows.where("fold < 3").select("as_of_date").distinct().collect()}
    assert dates == set(MONDAYS[:3])
    tests = {row.as_of_date for row in dataset.rows.where("fold = 3").select("as_of_date").distinct().collect()}
    assert tests == set(MONDAYS[4:6])
    assert dataset.rows.where("label is null").count() == 0
    assert (dataset.train.rows, dataset.train.users, dataset.test.rows) == (450, 150, 300)


def test_no_user_is_in_two_folds_and_each_fold_has_both_classes(dataset: TrainingSet) -> None:
    folds = dataset.rows.where("fold < 3").selectExpr("user_id", "fold", "label").toPandas()
    assert folds.groupby("user_id").fold.nunique().max() == 1
    assert folds.groupby("fold").label.nunique().tolist() == [2, 2, 2]


def test_neither_dates_nor_empty_constant_or_wide_columns_are_features(dataset: TrainingSet) -> None:
    assert list(dataset.columns.medians) == ["signal", "noise_1", "noise_2", "peek", "is_active", "twin", "seldom"]
    assert dataset.columns.levels == {"gender": ("F", "M")}
    assert dataset.left_out == ("always_null", "constant", "registered_on", "state")


def test_columns_that_are_missing_on_the_same_rows_share_an_indicator(dataset: TrainingSet) -> None:
    assert dataset.columns.missing == ("signal", "seldom")


def test_medians_are_those_of_the_training_rows(dataset: TrainingSet) -> None:
    training = dataset.rows.where("fold < 3").toPandas()
    for name in ("signal", "noise_2", "twin"):
        assert dataset.columns.medians[name] == training[name].median()


def test_of_very_many_rows_a_share_is_profiled(dataset: TrainingSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models_ml.column_profile.PROFILED_ROWS", 200)
    candidates = CandidateColumns(("signal", "constant"), ("gender",))
    columns = usable_columns(dataset.rows.where("fold < 3"), dataset.train.rows, candidates)
    assert list(columns.medians) == ["signal"]
    assert 0 < abs(columns.medians["signal"] - dataset.columns.medians["signal"]) < 0.5


def test_the_keys_are_no_features_even_where_they_are_named(marts: SparkSession) -> None:
    schema = marts.table("marts.fct_user_features").schema
    assert candidate_columns(schema, ["user_id", "as_of_date", "signal"]).names == ("signal",)


def test_a_listed_feature_that_the_table_lacks_is_named(marts: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(MissingFeatures, match=r"lacks song_count_3d: run `sparkhouse build`"):
        train(marts, TrainingSpec(), tmp_path / "mlflow", [*NAMES, "song_count_3d"])
    assert not (tmp_path / "mlflow").exists()


def test_the_vector_holds_numbers_indicators_and_levels(spark: SparkSession) -> None:
    columns = FeatureColumns({"hours": 2.5, "is_paid": 1.0}, ("hours",), {"who's": ("a'b", "c\\d")})
    rows = [(4.0, False, "c\\d"), (None, None, None), (float("nan"), True, "e")]
    frame = spark.createDataFrame(rows, "hours double, is_paid boolean, `who's` string")
    vectors = [row.features.toArray().tolist() for row in assembly(columns).transform(frame).collect()]
    assert list(columns.elements) == ["hours", "is_paid", "hours__is_missing", "who's=a'b", "who's=c\\d"]
    assert vectors == [[4.0, 0.0, 0.0, 0.0, 1.0], [2.5, 1.0, 1.0, 0.0, 0.0], [2.5, 1.0, 1.0, 0.0, 0.0]]


# Training


def test_a_planted_signal_is_found_by_every_algorithm(trained: TrainingReport) -> None:
    assert next(iter(trained.metrics)) == trained.algorithm
    assert list(trained.metrics)[-1] == "no_skill"
    aucs = {name: metrics["test_auc"] for name, metrics in trained.metrics.items()}
    assert aucs.pop("no_skill") == 0.5
    assert len(aucs) == 4
    assert min(aucs.values()) > 0.65
    assert trained.metrics[trained.algorithm]["test_brier"] < trained.metrics["no_skill"]["test_brier"]


def test_the_published_algorithm_is_the_best_on_the_folds(trained: TrainingReport) -> None:
    on_folds = {name: metrics["cv_average_precision"] for name, metrics in trained.metrics.items()}
    assert max(on_folds, key=lambda name: on_folds[name]) == trained.algorithm


def test_user_id_is_no_feature_and_nulls_have_an_indicator(trained: TrainingReport) -> None:
    assert trained.feature_names == (
        *("signal", "noise_1", "noise_2", "peek", "is_active", "twin", "seldom"),
        *("signal__is_missing", "seldom__is_missing", "gender=F", "gender=M"),
    )


def test_noise_gives_an_auc_near_one_half(marts: SparkSession, mlflow_dir: Path) -> None:
    report = train(marts, TrainingSpec(label="will_downgrade", algorithms=LINEAR), mlflow_dir, NAMES)
    positives, negatives = report.test.positives, report.test.rows - report.test.positives
    # Standard error of the AUC where scores say nothing: that of the Mann-Whitney statistic.
    error = sqrt((positives + negatives + 1) / (12 * positives * negatives))
    assert abs(report.evaluation.metrics["test_auc"] - 0.5) < 3 * error
    assert report.leak_warning is None


def test_a_feature_that_tells_the_outcome_raises_a_warning(marts: SparkSession, mlflow_dir: Path) -> None:
    report = train(marts, TrainingSpec(label="will_lapse", algorithms=LINEAR), mlflow_dir, NAMES)
    assert report.leak_warning is not None
    assert "looks past as_of" in report.leak_warning


@pytest.mark.parametrize(
    ("label", "error"),
    [("will_upgrade", OneClassOnly), ("will_churn_soon", TooFewUsers), ("will_churn_in_next_bin", TooFewSnapshots)],
)
def test_labels_that_carry_no_model_write_nothing(
    marts: SparkSession, tmp_path: Path, label: str, error: type[Exception]
) -> None:
    with pytest.raises(error, match="build the warehouse"):
        train(marts, TrainingSpec(label=label, algorithms=LINEAR), tmp_path / "mlflow", NAMES)
    assert not (tmp_path / "mlflow").exists()
    assert versions_of(marts, label) == 0


def test_only_known_labels_and_algorithms_are_taken() -> None:
    with pytest.raises(UnknownLabel, match=r"next_outcome.*several classes.*will_lapse"):
        TrainingSpec(label="next_outcome")
    with pytest.raises(UnknownAlgorithm, match="linear_svm"):
        TrainingSpec(algorithms=("oracle",))


# What is published


def test_the_run_and_the_registry_know_the_version(trained: TrainingReport, mlflow_dir: Path) -> None:
    from mlflow import MlflowClient

    uri = f"sqlite:///{mlflow_dir / 'mlflow.db'}"
    client = MlflowClient(uri, uri)
    run = client.get_run(trained.published.mlflow_run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["test_auc.random_forest"] == trained.metrics["random_forest"]["test_auc"]
    assert run.data.params["random_forest.maxDepth"] == "5"
    version = client.get_model_version("sparkhouse-churned_in_time_bin", trained.published.registry_version)
    assert version.run_id == run.info.run_id
    assert run.info.artifact_uri.startswith((mlflow_dir / "artifacts").as_uri())
    assert not Path("mlruns").exists()


def test_the_version_is_a_row_with_metrics_and_the_snapshots_it_saw(
    marts: SparkSession, trained: TrainingReport
) -> None:
    [row] = marts.table("ml.model_versions").where(f"model_version = '{trained.model_version}'").collect()
    assert (row.label, row.algorithm, row.is_chosen) == ("churned_in_time_bin", trained.algorithm, True)
    assert (row.train_to, row.test_from, row.horizon_days) == (MONDAYS[2], MONDAYS[4], HORIZON)
    assert row.metrics["test_auc.linear_svm"] == trained.metrics["linear_svm"]["test_auc"]
    assert row.metrics["test_average_precision"] == trained.evaluation.metrics["test_average_precision"]
    for table, snapshot in row.table_snapshot_ids.items():
        seen = marts.sql(f"select * from {table} version as of {snapshot}")
        assert seen.count() == marts.table(table).count()


def test_the_stored_model_gives_the_metrics_of_the_fitted_one(
    trained: TrainingReport, dataset: TrainingSet, mlflow_dir: Path
) -> None:
    from sklearn.metrics import roc_auc_score

    from models_ml.evaluation import score_column
    from models_ml.tracking import load_model

    model = load_model(trained.published.model_uri, mlflow_dir)
    scored = model.transform(dataset.rows.where("fold = 3")).select("label", score_column().alias("score")).toPandas()
    assert roc_auc_score(scored.label, scored.score) == pytest.approx(trained.evaluation.metrics["test_auc"], abs=1e-12)


# Calibration


def test_calibrated_scores_are_probabilities_near_the_base_rate() -> None:
    rng = np.random.default_rng(3)
    margins = rng.normal(size=2000)
    labels = (rng.random(2000) < 1 / (1 + np.exp(3 - margins))).astype(float)
    probabilities = platt_scaling(labels, 40 * margins + 7).probability(40 * margins + 7)
    assert probabilities.mean() == pytest.approx(labels.mean(), abs=0.002)
    assert np.corrcoef(probabilities, 1 / (1 + np.exp(3 - margins)))[0, 1] > 0.99


def test_scores_that_rank_the_wrong_way_round_give_everybody_the_base_rate() -> None:
    labels = np.array([1.0, 0, 0, 0, 0, 1, 0, 0])
    calibration = platt_scaling(labels, np.array([0.0, 5, 6, 7, 8, 1, 9, 10]))
    assert calibration.slope == 0
    assert calibration.probability(np.array([3.0]))[0] == pytest.approx(0.25, abs=0.1)


# Prediction


def test_predictions_are_probabilities_with_even_deciles(
    marts: SparkSession, trained: TrainingReport, mlflow_dir: Path
) -> None:
    report = predict(marts, "churned_in_time_bin", MONDAYS[5], None, mlflow_dir)
    assert (report.model_version, report.as_of, report.users) == (trained.model_version, MONDAYS[5], USERS)
    rows = marts.table("ml.churn_predictions").where(f"as_of_date = date'{MONDAYS[5]}'").toPandas()
    assert len(rows) == rows.user_id.nunique() == USERS
    assert rows.churn_probability.between(0, 1).all()
    base_rate = trained.train.positives / trained.train.rows
    assert rows.churn_probability.mean() == pytest.approx(base_rate, abs=0.05)
    assert rows.groupby("risk_decile").size().tolist() == [15] * 10
    lowest, highest = (
        rows.groupby("risk_decile").churn_probability.min(),
        rows.groupby("risk_decile").churn_probability.max(),
    )
    assert (lowest.to_numpy()[:-1] >= highest.to_numpy()[1:]).all()
    assert (rows.predicted_churn == (rows.churn_probability >= trained.evaluation.threshold)).all()
    assert [user.risk_decile for user in report.most_at_risk] == [1] * 10
    assert report.most_at_risk[0].churn_probability == rows.churn_probability.max()


def test_scoring_again_replaces_and_leaves_other_snapshots_alone(
    marts: SparkSession, trained: TrainingReport, mlflow_dir: Path
) -> None:
    for _ in range(2):
        predict(marts, "churned_in_time_bin", MONDAYS[5], trained.model_version, mlflow_dir)
        predict(marts, "churned_in_time_bin", CENSORED, trained.model_version, mlflow_dir)
    counts = marts.table("ml.churn_predictions").where(f"model_version = '{trained.model_version}'")
    by_date = {row.as_of_date: row["count"] for row in counts.groupBy("as_of_date").count().collect()}
    assert by_date[MONDAYS[5]] == by_date[CENSORED] == USERS


@pytest.mark.usefixtures("trained")
def test_the_newest_snapshot_is_scored_by_default_and_may_have_few_users(marts: SparkSession, mlflow_dir: Path) -> None:
    report = predict(marts, "churned_in_time_bin", None, None, mlflow_dir)
    assert (report.as_of, report.users) == (NEWEST, 5)
    assert [user.risk_decile for user in report.most_at_risk] == [1, 2, 3, 4, 5]


def test_errors_list_what_there_is(marts: SparkSession, trained: TrainingReport, mlflow_dir: Path) -> None:
    with pytest.raises(UnknownModelVersion, match=trained.model_version):
        predict(marts, "churned_in_time_bin", None, "v99-nowhere", mlflow_dir)
    with pytest.raises(NoSuchSnapshot, match=r"2018-10-01, 2018-10-08.*2018-11-19"):
        predict(marts, "churned_in_time_bin", date(2020, 1, 6), None, mlflow_dir)
    with pytest.raises(NoModelYet, match="sparkhouse train --label will_upgrade"):
        predict(marts, "will_upgrade", None, None, mlflow_dir)
    with pytest.raises(UnknownLabel, match="choose one of churned_in_time_bin"):
        predict(marts, "will_win", None, None, mlflow_dir)


def test_a_warehouse_that_was_never_built_is_named(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models_ml.tables.FEATURES", "marts.fct_never_built")
    with pytest.raises(MissingTable, match="run `sparkhouse build` first"):
        train(spark, TrainingSpec(), tmp_path, NAMES)

"""The model job: how snapshots are split, what may train, what carries a model."""

from __future__ import annotations

from datetime import date
from math import log1p, sqrt
from typing import TYPE_CHECKING

import numpy as np
import pytest
from planted import CENSORED, HAZARD_NAMES, LINEAR, MONDAYS, NAMES
from pyspark.sql import functions as F

from models_ml.dataset.fitted_encoder import PROFILED_ROWS, fitted_encoder, profiled_columns
from models_ml.dataset.time_split import split_by_time
from models_ml.dataset.training_set import training_set
from models_ml.dataset.vectors import ALL, CandidateColumns, assembly, candidate_columns, feature_sets, input_column
from models_ml.errors import (
    MissingFeatures,
    MissingTable,
    OneClassOnly,
    TooFewSnapshots,
    TooFewUsers,
    UnknownAlgorithm,
    UnknownLabel,
    UnknownMethod,
)
from models_ml.portable.encoder import Encoder
from models_ml.spec.training_spec import TrainingSpec
from models_ml.training.job import train
from models_ml.training.trained_models import trained_models

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyspark.sql import SparkSession

    from models_ml.dataset.training_set import TrainingSet
    from models_ml.reports.metric_card import MetricCard


@pytest.fixture(scope="module")
def dataset(planted_marts: SparkSession) -> Iterator[TrainingSet]:
    features, labels = planted_marts.table("marts.fct_user_features"), planted_marts.table("marts.fct_churn_labels")
    built = training_set(features, labels, TrainingSpec(), NAMES)
    yield built
    built.rows.unpersist()


def card_of(spark: SparkSession, label: str, outcome: str | None = None) -> MetricCard:
    """The metric card of a linear model for a label, which holds another outcome if one is named."""
    features, labels = spark.table("marts.fct_user_features"), spark.table("marts.fct_churn_labels")
    labels = labels.withColumn(label, F.col(outcome or label))
    spec = TrainingSpec(label=label, algorithms=LINEAR)
    built = training_set(features, labels, spec, NAMES)
    try:
        return trained_models(built, spec).card("v0")
    finally:
        built.rows.unpersist()


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


def test_a_test_from_a_date_on_leaves_out_what_is_known_later() -> None:
    split = split_by_time(MONDAYS[:6], embargo_days=14, test_snapshots=1, test_from=MONDAYS[3])
    assert split.test == (MONDAYS[3],)
    assert split.train == (MONDAYS[0], MONDAYS[1])
    assert split.embargoed == (MONDAYS[2],)
    between_mondays = split_by_time(MONDAYS[:6], 14, 2, test_from=date(2018, 10, 23))
    assert between_mondays.test == (date(2018, 10, 29), date(2018, 11, 5))


def test_a_test_from_a_date_without_known_labels_says_up_to_when_there_are() -> None:
    with pytest.raises(TooFewSnapshots, match="only up to 2018-11-05: test from an earlier date"):
        split_by_time(MONDAYS[:6], embargo_days=14, test_snapshots=1, test_from=CENSORED)
    with pytest.raises(TooFewSnapshots, match="14 days before the first of 1 test snapshots"):
        split_by_time(MONDAYS[:6], embargo_days=14, test_snapshots=1, test_from=MONDAYS[1])


# What is asked for


@pytest.mark.parametrize(
    "spec",
    [
        TrainingSpec(),
        TrainingSpec("will_lapse", LINEAR, 3, date(2018, 10, 29), folds=5, seed=1, imbalance="smote", components=4),
    ],
)
def test_a_spec_comes_back_from_its_json(spec: TrainingSpec) -> None:
    assert TrainingSpec.from_json(spec.to_json()) == spec


def test_only_known_labels_algorithms_and_methods_are_taken() -> None:
    with pytest.raises(UnknownLabel, match=r"next_outcome.*several classes.*will_lapse"):
        TrainingSpec(label="next_outcome")
    with pytest.raises(UnknownAlgorithm, match=r"oracle.*linear_svm"):
        TrainingSpec(algorithms=("oracle",))
    with pytest.raises(UnknownAlgorithm, match="choose from logistic_regression"):
        TrainingSpec(algorithms=())
    with pytest.raises(UnknownMethod, match="choose from none, weights, under, over, smote"):
        TrainingSpec(imbalance="wishes")


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
    assert list(dataset.encoder.medians) == ["signal", "noise_1", "noise_2", "peek", "is_active", "twin", "seldom"]
    assert dataset.encoder.levels == {"gender": ("F", "M")}
    assert dataset.left_out == ("always_null", "constant", "registered_on", "state")


def test_columns_that_are_missing_on_the_same_rows_share_an_indicator(dataset: TrainingSet) -> None:
    assert dataset.encoder.missing == ("signal", "seldom")


def test_user_id_is_no_element_and_nulls_have_an_indicator(dataset: TrainingSet) -> None:
    assert list(dataset.encoder.elements) == [
        *("signal", "noise_1", "noise_2", "peek", "is_active", "twin", "seldom"),
        *("signal__is_missing", "seldom__is_missing", "gender=F", "gender=M"),
    ]


def test_medians_are_those_of_the_training_rows(dataset: TrainingSet) -> None:
    training = dataset.rows.where("fold < 3").toPandas()
    for name in ("signal", "noise_2", "twin"):
        assert dataset.encoder.medians[name] == training[name].median()


def test_the_profile_is_of_the_training_rows_in_the_order_of_the_keys(dataset: TrainingSet) -> None:
    keys = list(zip(dataset.profile["user_id"], dataset.profile["as_of_date"], strict=True))
    assert len(keys) == dataset.train.rows
    assert keys == sorted(keys)
    assert {day for _, day in keys} == set(MONDAYS[:3])


def test_of_very_many_rows_a_share_is_profiled(dataset: TrainingSet) -> None:
    candidates = CandidateColumns(("signal", "constant"), ("gender",))
    training = dataset.rows.where("fold < 3")
    profile = profiled_columns(training, 2 * PROFILED_ROWS, candidates)
    assert 100 < len(profile["signal"]) < 200
    encoder = fitted_encoder(profile, candidates, seed=1)
    assert list(encoder.medians) == ["signal"]
    assert 0 < abs(encoder.medians["signal"] - dataset.encoder.medians["signal"]) < 0.5


def test_rates_and_behaviour_classes_are_made_where_the_table_has_their_columns(planted_marts: SparkSession) -> None:
    features, labels = planted_marts.table("marts.fct_user_features"), planted_marts.table("marts.fct_churn_labels")
    built = training_set(features, labels, TrainingSpec(), HAZARD_NAMES)
    built.rows.unpersist()
    assert [rate.name for rate in built.encoder.rates] == ["sessions_per_day"]
    assert built.encoder.behaviour is not None
    assert built.encoder.behaviour.counts == ("free_advert_count_lifetime",)
    assert np.array(built.encoder.behaviour.rates).max() == pytest.approx(1 / 5, rel=0.1)
    elements = list(built.encoder.elements)
    hazard = [elements[place] for place in feature_sets(elements)["hazard"]]
    assert hazard == ["days_since_last_event", "sessions_per_day", *built.encoder.behaviour.names]


def test_a_feature_set_of_which_the_table_has_nothing_holds_all_elements(dataset: TrainingSet) -> None:
    sets = feature_sets(list(dataset.encoder.elements))
    assert sets["hazard"] == sets[ALL] == list(range(len(dataset.encoder.elements)))


def test_the_keys_are_no_features_even_where_they_are_named(planted_marts: SparkSession) -> None:
    schema = planted_marts.table("marts.fct_user_features").schema
    assert candidate_columns(schema, ["user_id", "as_of_date", "signal"]).names == ("signal",)


def test_a_listed_feature_that_the_table_lacks_is_named(planted_marts: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(MissingFeatures, match=r"lacks song_count_3d: run `sparkhouse build`"):
        train(planted_marts, TrainingSpec(), tmp_path / "mlflow", [*NAMES, "song_count_3d"])
    assert not (tmp_path / "mlflow").exists()


def test_the_vector_holds_numbers_as_signed_logs_indicators_and_levels(spark: SparkSession) -> None:
    encoder = Encoder({"hours": 2.5, "is_paid": 1.0}, ("hours",), {"who's": ("a'b", "c\\d")})
    rows = [(-4.0, False, "c\\d"), (None, None, None), (float("nan"), True, "e")]
    frame = spark.createDataFrame(rows, "hours double, is_paid boolean, `who's` string")
    assembled = assembly(encoder).transform(frame).select(F.col(input_column(ALL)).alias("vector")).collect()
    assert list(encoder.elements) == ["hours", "is_paid", "hours__is_missing", "who's=a'b", "who's=c\\d"]
    hours, paid = log1p(2.5), log1p(1.0)
    expected = [[-log1p(4.0), 0, 0, 0, 1], [hours, paid, 1, 0, 0], [hours, paid, 1, 0, 0]]
    np.testing.assert_allclose([row.vector.toArray() for row in assembled], expected, rtol=1e-15)


# What labels and features carry


def test_noise_gives_an_auc_near_one_half(planted_marts: SparkSession) -> None:
    card = card_of(planted_marts, "will_downgrade")
    positives, negatives = card.test.positives, card.test.rows - card.test.positives
    # Standard error of the AUC where scores say nothing: that of the Mann-Whitney statistic.
    error = sqrt((positives + negatives + 1) / (12 * positives * negatives))
    auc = card.models["logistic_regression"]["auc"]
    assert abs(auc.value - 0.5) < 3 * error
    assert auc.low < 0.5 < auc.high
    assert card.warnings == ()


def test_churn_told_too_well_raises_a_warning(planted_marts: SparkSession) -> None:
    card = card_of(planted_marts, "churned_in_time_bin", outcome="will_lapse")
    [warning] = card.warnings
    assert "looks past as_of" in warning


def test_silence_may_be_told_well(planted_marts: SparkSession) -> None:
    card = card_of(planted_marts, "will_lapse")
    assert card.models["logistic_regression"]["auc"].value > 0.95
    assert card.warnings == ()
    [most, *_] = sorted(card.importances, key=lambda importance: -importance.drop)
    assert most.element == "peek"


@pytest.mark.parametrize(
    ("label", "error"),
    [("will_upgrade", OneClassOnly), ("will_churn_soon", TooFewUsers), ("will_churn_in_next_bin", TooFewSnapshots)],
)
def test_labels_that_carry_no_model_write_nothing(
    planted_marts: SparkSession, tmp_path: Path, label: str, error: type[Exception]
) -> None:
    with pytest.raises(error, match="build the warehouse"):
        train(planted_marts, TrainingSpec(label=label, algorithms=LINEAR), tmp_path / "mlflow", NAMES)
    assert not (tmp_path / "mlflow").exists()
    assert not planted_marts.catalog.tableExists("ml.model_versions")


def test_a_warehouse_that_was_never_built_is_named(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models_ml.tables.FEATURES", "marts.fct_never_built")
    with pytest.raises(MissingTable, match="run `sparkhouse build` first"):
        train(spark, TrainingSpec(), tmp_path, NAMES)

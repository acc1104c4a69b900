"""Several classes at once: what was planted is found, every answer is a distribution, and nothing is written."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.metrics import f1_score, log_loss

from models_ml.errors import MissingFeatures, OneClassOnly, TooFewSnapshots, TooFewUsers
from models_ml.experiments.next_outcome.classes import (
    ONE_AGAINST_REST,
    TRAINING_SHARES,
    OutcomeReport,
    compare_outcomes,
    outcome_probabilities,
    unweighted,
)
from models_ml.experiments.next_outcome.metrics import ScoringTask, outcome_scores
from models_ml.experiments.next_outcome.rows import TEST, OutcomeRows, outcome_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from models_ml.portable.arrays import Floats

USERS = 150
MONDAYS = [date(2018, 10, 1) + timedelta(days=7 * week) for week in range(7)]
KNOWN, CENSORED = MONDAYS[:6], MONDAYS[6]
HORIZON = 14
NAMES = ("push", "pull", "noise", "level")
CLASSES = ("churn", "lapse", "stay", "upgrade")
AT_ONCE = ("multinomial_regression", "random_forest", "multilayer_perceptron", "decision_tree")
FEATURES = "user_id string, as_of_date date, push double, pull double, noise double, level string"
LABELS = "user_id string, as_of_date date, horizon_days int, next_outcome string"
TABLES = {"marts.fct_user_features": FEATURES, "marts.fct_churn_labels": LABELS}


def one_snapshot(user: int, as_of: date, rnd: random.Random) -> tuple[list[Any], list[Any]]:
    """Who is pushed churns, who is pulled upgrades, lapse is pure chance; three users downgrade on each date."""
    push, pull, chance = rnd.gauss(0, 1), rnd.gauss(0, 1), rnd.random()
    outcome = "churn" if push > 0.8 else "upgrade" if pull > 0.8 else "lapse" if chance < 0.2 else "stay"
    if user < 3:
        outcome = "downgrade"
    features = [f"{user:04}", as_of, push, pull, rnd.gauss(0, 1), rnd.choice(["free", "paid", None])]
    return features, [f"{user:04}", as_of, HORIZON, outcome if as_of in KNOWN or outcome == "churn" else None]


@pytest.fixture(scope="module")
def marts(spark: SparkSession) -> Iterator[SparkSession]:
    """Features and labels of 150 users on 7 Mondays, of which the last is censored."""
    rnd = random.Random(7)  # noqa: S311 - rows for a test
    rows = [one_snapshot(user, day, rnd) for day in MONDAYS for user in range(USERS)]
    spark.sql("create namespace if not exists marts")
    for place, (name, schema) in enumerate(TABLES.items()):
        spark.sql(f"drop table if exists {name} purge")
        spark.createDataFrame([row[place] for row in rows], schema).writeTo(name).using("iceberg").create()
    yield spark
    for name in TABLES:
        spark.sql(f"drop table if exists {name} purge")


def state(spark: SparkSession) -> dict[str, int]:
    """The Iceberg snapshots of every table there is."""
    namespaces = [row.namespace for row in spark.sql("show namespaces").collect()]
    shown = [row for each in namespaces for row in spark.sql(f"show tables in {each}").collect()]
    found = [f"{row.namespace}.{row.tableName}" for row in shown if row.namespace]
    return {name: spark.table(f"{name}.snapshots").count() for name in found}


@dataclass(frozen=True)
class Compared:
    """The report, and the state of the warehouse before and after."""

    report: OutcomeReport
    before: dict[str, int]
    after: dict[str, int]


@pytest.fixture(scope="module")
def compared(marts: SparkSession) -> Compared:
    before = state(marts)
    return Compared(compare_outcomes(marts, NAMES), before, state(marts))


@pytest.fixture(scope="module")
def data(marts: SparkSession) -> OutcomeRows:
    """The rows of two snapshots, dealt by hand: the first to three folds, the second is the test."""
    labelled = marts.table("marts.fct_churn_labels").where("next_outcome in ('churn', 'lapse', 'stay', 'upgrade')")
    place = f"array_position(array{CLASSES}, next_outcome) - 1"
    fold = f"if(as_of_date = date'{KNOWN[1]}', {TEST}, int(user_id) % 3)"
    folded = labelled.where(f"as_of_date <= date'{KNOWN[1]}'").selectExpr(
        "user_id", "as_of_date", f"double({place}) label", f"{fold} fold"
    )
    return outcome_rows(marts.table("marts.fct_user_features"), NAMES, folded, CLASSES, seed=1)


@pytest.fixture(scope="module")
def probabilities(data: OutcomeRows) -> dict[str, Floats]:
    return outcome_probabilities(data, "all", seed=1)


# The report


def test_the_split_keeps_the_horizon_apart_and_leaves_the_censored_snapshot_out(compared: Compared) -> None:
    assert compared.report.split == (
        "train 2018-10-01..2018-10-15 (3 snapshots), embargo 14 days (1 snapshots left out), "
        "test 2018-10-29..2018-11-05 (2)"
    )
    counts = compared.report.counts.values()
    assert sum(count.train_rows for count in counts) == 3 * (USERS - 3)
    assert sum(count.test_rows for count in counts) == 2 * (USERS - 3)


def test_a_class_of_a_handful_of_users_is_left_out_and_noted(compared: Compared) -> None:
    assert tuple(compared.report.counts) == CLASSES
    assert compared.report.notes == (
        "downgrade is left out: 3 training users, at least 10 are needed; so are its 6 test rows",
    )


def test_all_models_stand_in_one_table_with_the_baseline_last(compared: Compared) -> None:
    names = list(compared.report.scores)
    assert set(names) == {*AT_ONCE, ONE_AGAINST_REST, TRAINING_SHARES}
    assert names[-1] == TRAINING_SHARES
    losses = [compared.report.scores[name].log_loss.value for name in names[:-1]]
    assert losses == sorted(losses)


def test_the_planted_classes_are_found_and_chance_is_not(compared: Compared) -> None:
    scores = compared.report.scores
    for name in (*AT_ONCE, ONE_AGAINST_REST):
        assert scores[name].by_class["churn"].auc > 0.85, name
        assert scores[name].by_class["upgrade"].auc > 0.8, name
        assert scores[name].log_loss.high < scores[TRAINING_SHARES].log_loss.low, name
        assert scores[name].loss_difference.value == pytest.approx(
            scores[name].log_loss.value - scores[ONE_AGAINST_REST].log_loss.value
        )
    assert scores["multinomial_regression"].by_class["churn"].auc > 0.95


def test_the_baseline_ranks_nobody_and_calls_the_most_common_class(compared: Compared) -> None:
    baseline = compared.report.scores[TRAINING_SHARES]
    for name, score in baseline.by_class.items():
        share = compared.report.counts[name].test_rows / (2 * (USERS - 3))
        assert score.auc == 0.5
        assert score.average_precision == pytest.approx(share)
        assert score.rows == compared.report.counts[name].test_rows
    assert baseline.accuracy == pytest.approx(baseline.by_class["stay"].rows / (2 * (USERS - 3)))


def test_nothing_is_written(compared: Compared) -> None:
    assert compared.before == compared.after
    assert set(TABLES) <= set(compared.before)


# The probabilities


def test_the_probabilities_of_a_row_sum_to_one_and_none_is_zero(
    data: OutcomeRows, probabilities: dict[str, Floats]
) -> None:
    rows = len(data.held_out(TEST)[1])
    for each in probabilities.values():
        assert each.shape == (rows, len(CLASSES))
        assert each.sum(axis=1) == pytest.approx(1.0)
        assert each.min() > 0


def test_on_average_they_are_near_the_shares_of_training(data: OutcomeRows, probabilities: dict[str, Floats]) -> None:
    """The weights of the trees are taken out again: with them the average would be near one quarter each."""
    for name, each in probabilities.items():
        assert each.mean(axis=0) == pytest.approx(data.shares, abs=0.07), name


def test_no_row_both_trains_and_tests(data: OutcomeRows) -> None:
    dates = {(row.fold == TEST, row.as_of_date) for row in data.frame.select("fold", "as_of_date").distinct().collect()}
    assert dates == {(False, KNOWN[0]), (True, KNOWN[1])}


def test_taking_weights_out_undoes_them() -> None:
    shares = np.array([0.7, 0.2, 0.1])
    plain = np.array([[0.5, 0.3, 0.2], [0.9, 0.05, 0.05]])
    weighted = plain / shares / (plain / shares).sum(axis=1, keepdims=True)
    assert unweighted(weighted, shares) == pytest.approx(plain)


# The metrics


def test_the_metrics_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(5)
    labels = rng.choice(3, 200, p=[0.6, 0.3, 0.1])
    drawn = rng.dirichlet([3.0, 2.0, 1.0], 200)
    shares = np.tile(np.bincount(labels) / 200, (200, 1))
    task = ScoringTask(np.repeat(np.arange(100), 2), labels, ("a", "b", "c"), np.array([1.0, 2.0, 5.0]), "shares")
    scores = outcome_scores(task, {"drawn": drawn, "shares": shares})
    for name, probabilities in (("drawn", drawn), ("shares", shares)):
        score, calls = scores[name], probabilities.argmax(axis=1)
        assert score.log_loss.value == pytest.approx(log_loss(labels, probabilities))
        assert score.macro_f1.value == pytest.approx(f1_score(labels, calls, average="macro"))
        lifted = (probabilities * task.call_weights).argmax(axis=1)
        assert score.lifted_macro_f1.value == pytest.approx(f1_score(labels, lifted, average="macro"))
        assert score.log_loss.low < score.log_loss.value < score.log_loss.high
    assert (scores["shares"].loss_difference.low, scores["shares"].loss_difference.high) == (0.0, 0.0)
    assert scores["drawn"].loss_difference.low > 0


def test_a_class_without_rows_has_no_auc_and_an_f1_of_zero() -> None:
    labels, probabilities = np.array([0, 1] * 20), np.tile([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1]], (20, 1))
    task = ScoringTask(np.arange(40), labels, ("a", "b", "c"), np.ones(3), "only")
    score = outcome_scores(task, {"only": probabilities})["only"]
    assert np.isnan(score.by_class["c"].auc)
    assert score.by_class["c"].rows == 0
    assert score.macro_f1.value == pytest.approx(2 / 3)


# What cannot be compared


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ("next_outcome = if(as_of_date >= date'2018-10-15', null, next_outcome)", TooFewSnapshots, "longer log"),
        ("next_outcome = if(next_outcome is null, null, 'stay')", OneClassOnly, "at least 10 training users: stay"),
        ("next_outcome = if(as_of_date >= date'2018-10-29', 'stay', next_outcome)", OneClassOnly, "test rows: stay"),
        ("user_id = string(int(user_id) % 20)", TooFewUsers, "20 training users, at least 30"),
    ],
)
def test_labels_that_carry_no_model_say_what_to_do(
    marts: SparkSession, changed: str, error: type[Exception], said: str
) -> None:
    [written] = marts.sql("select snapshot_id from marts.fct_churn_labels.refs").collect()
    marts.sql(f"update marts.fct_churn_labels set {changed}")
    try:
        with pytest.raises(error, match=said):
            compare_outcomes(marts, NAMES)
    finally:
        marts.sql(f"call system.rollback_to_snapshot('marts.fct_churn_labels', {written.snapshot_id})")


def test_a_feature_that_the_table_lacks_is_named(marts: SparkSession) -> None:
    with pytest.raises(MissingFeatures, match="lacks song_count_3d"):
        compare_outcomes(marts, [*NAMES, "song_count_3d"])

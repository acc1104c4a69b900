"""Metrics by row weights, their intervals over resamples of users, and whether probabilities come true."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

from models_ml.errors import OneClassOnly
from models_ml.evaluation.metrics import difference, intervals, metrics, user_resamples
from models_ml.evaluation.reliability import effective_rows, reliability, wilson_interval
from models_ml.evaluation.weighted_metrics import Scored, weighted_metrics

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]


def simulated(rows: int, seed: int, spread: float = 1.0) -> tuple[Numbers, Numbers]:
    """Labels that come true with just the probability that is given."""
    rng = np.random.default_rng(seed)
    probabilities = 1 / (1 + np.exp(1.5 - spread * rng.normal(size=rows)))
    return (rng.random(rows) < probabilities).astype(float), probabilities


def by_sklearn(labels: Numbers, probabilities: Numbers, threshold: float) -> dict[str, float]:
    calls = probabilities >= threshold
    return {
        "auc": roc_auc_score(labels, probabilities),
        "average_precision": average_precision_score(labels, probabilities),
        "f1": f1_score(labels, calls),
        "weighted_f1": f1_score(labels, calls, average="weighted"),
        "accuracy": accuracy_score(labels, calls),
        "precision": precision_score(labels, calls),
        "recall": recall_score(labels, calls),
        "brier": brier_score_loss(labels, probabilities),
    }


# The metrics


def test_the_metrics_of_five_rows_are_those_computed_by_hand() -> None:
    found = metrics(np.array([1.0, 0, 1, 0, 0]), np.array([0.9, 0.8, 0.4, 0.2, 0.2]), 0.5)
    expected = {
        "auc": 5 / 6,  # of six pairs, only (0.4, 0.8) is the wrong way round
        "average_precision": (1 + 2 / 3) / 2,
        "f1": 1 / 2,  # one hit, one false alarm, one miss
        "weighted_f1": (2 * 1 / 2 + 3 * 2 / 3) / 5,
        "accuracy": 3 / 5,
        "precision": 1 / 2,
        "recall": 1 / 2,
        "lift_top_5": 2.5,  # all of the first row, and none of the others, is in the top: 1 against a base rate of 2/5
        "lift_top_10": 2.5,
        "lift_top_20": 2.5,
        "capture_top_5": 1 / 8,  # a quarter of the first row, which is half of the churners
        "capture_top_10": 1 / 4,
        "capture_top_20": 1 / 2,
        "brier": (0.01 + 0.64 + 0.36 + 0.04 + 0.04) / 5,
        "brier_skill": 1 - (1.09 / 5) / (2 / 5 * 3 / 5),
        "calibration_error": (0.1 + 0.8 + 0.6 + 0.2 + 0.2) / 5,  # each row fills two bins
    }
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("decimals", [1, 2, 8])
def test_the_metrics_are_those_of_scikit_learn_with_few_and_with_many_ties(decimals: int) -> None:
    labels, probabilities = simulated(3_000, seed=5)
    probabilities = probabilities.round(decimals)
    expected = by_sklearn(labels, probabilities, 0.3)
    found = metrics(labels, probabilities, 0.3)
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_a_weighted_row_counts_like_so_many_rows() -> None:
    labels, probabilities = simulated(400, seed=6)
    probabilities = probabilities.round(2)
    weights = np.random.default_rng(6).integers(0, 4, (8, 400))
    assert (weights == 0).any()
    weighted = weighted_metrics(labels, Scored(probabilities, 0.3), weights.astype(float))
    for number, times in enumerate(weights):
        repeated = np.repeat(labels, times), np.repeat(probabilities, times)
        found = {name: values[number] for name, values in weighted.items()}
        assert found == pytest.approx(metrics(*repeated, 0.3))
        expected = by_sklearn(*repeated, 0.3)
        assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_the_order_of_the_rows_does_not_matter_where_scores_are_equal() -> None:
    labels, probabilities = simulated(1_000, seed=7)
    probabilities = probabilities.round(1)
    by_label = np.argsort(labels)
    expected = metrics(labels, probabilities, 0.3)
    for order in (by_label, by_label[::-1]):
        assert metrics(labels[order], probabilities[order], 0.3) == pytest.approx(expected)


def test_a_constant_score_has_no_skill() -> None:
    labels = np.repeat([1.0, 0.0], [150, 850])
    found = metrics(labels, np.full(1_000, 0.15), 0.5)
    no_skill = {"auc": 0.5, "average_precision": 0.15, "brier_skill": 0, "calibration_error": 0, "recall": 0}
    lifts, captures = {f"lift_top_{k}": 1 for k in (5, 10, 20)}, {f"capture_top_{k}": k / 100 for k in (5, 10, 20)}
    expected = no_skill | lifts | captures
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)


def test_calling_nobody_has_no_precision_and_no_f1() -> None:
    found = metrics(np.array([1.0, 0, 0]), np.array([0.3, 0.2, 0.1]), 0.9)
    assert (found["precision"], found["recall"], found["f1"]) == (0, 0, 0)
    assert found["accuracy"] == pytest.approx(2 / 3)


def test_calibration_error_is_how_far_probabilities_are_off() -> None:
    labels, probabilities = np.tile([1.0, 0, 0, 0], 100), np.full(400, 0.25)
    assert metrics(labels, probabilities + 0.1, 0.5)["calibration_error"] == pytest.approx(0.1)
    # Right on average, wrong on either half: 0.2 where all churn, 0.8 where nobody does.
    halves = np.repeat([1.0, 0.0], 50), np.repeat([0.2, 0.8], 50)
    assert metrics(*halves, 0.5)["calibration_error"] == pytest.approx(0.8)


def test_scores_rank_the_rows_whose_probabilities_are_equal() -> None:
    labels, flat, scores = np.array([1.0, 0, 0, 0]), np.full(4, 0.25), np.array([4.0, 3, 2, 1])
    found = metrics(labels, flat, 0.5, scores)
    assert (found["auc"], found["average_precision"], found["capture_top_20"]) == pytest.approx((1, 1, 0.8))
    assert (found["brier_skill"], found["recall"]) == pytest.approx((0, 0))


def test_rows_of_one_outcome_are_refused() -> None:
    users, labels, probabilities = np.array(["a", "b"]), np.zeros(2), np.array([0.1, 0.2])
    with pytest.raises(OneClassOnly, match="same outcome"):
        metrics(labels, probabilities, 0.5)
    with pytest.raises(OneClassOnly, match="same outcome"):
        intervals(users, labels, Scored(probabilities, 0.5))


# The resamples


def test_all_rows_of_a_drawn_user_come_along() -> None:
    users, labels = np.array(["a", "b", "a", "c", "b", "a"]), np.array([1.0, 0, 0, 0, 1, 0])
    resamples = np.array(list(user_resamples(users, labels, 200)))
    assert (resamples[:, [0, 0, 1]] == resamples[:, [2, 5, 4]]).all()
    assert (resamples[:, [0, 1, 3]].sum(axis=1) == 3).all()
    assert np.array_equal(resamples, list(user_resamples(users, labels, 200)))


def test_no_resample_has_one_class_only() -> None:
    labels = np.array([1.0] + 9 * [0.0])
    resamples = list(user_resamples(np.arange(10), labels, 300))
    assert len(resamples) == 300
    assert all(0 < times @ labels < times.sum() for times in resamples)


def test_an_interval_holds_its_value_and_the_same_seed_gives_the_same() -> None:
    labels, probabilities = simulated(600, seed=8)
    users = np.arange(600) // 2
    found = intervals(users, labels, Scored(probabilities, 0.3), replicates=100)
    plain = metrics(labels, probabilities, 0.3)
    assert {name: interval.value for name, interval in found.items()} == plain
    assert all(interval.low <= interval.value <= interval.high for interval in found.values())
    assert found == intervals(users, labels, Scored(probabilities, 0.3), replicates=100)
    assert found != intervals(users, labels, Scored(probabilities, 0.3), replicates=100, seed=1)


def test_rows_of_few_users_are_less_sure_than_rows_of_many() -> None:
    labels, probabilities = (np.repeat(values, 20) for values in simulated(100, seed=9))
    of_many, of_few = (
        intervals(users, labels, Scored(probabilities, 0.3), replicates=200)["auc"]
        for users in (np.arange(2_000), np.arange(2_000) // 20)
    )
    assert of_few.value == of_many.value
    assert of_few.high - of_few.low > 3 * (of_many.high - of_many.low)


def test_the_interval_of_an_auc_covers_the_true_one_in_some_95_of_100_samples() -> None:
    truth = metrics(*simulated(400_000, seed=10), 0.3)["auc"]
    covered = 0
    for seed in range(100):
        labels, probabilities = simulated(300, seed=1_000 + seed)
        found = intervals(np.arange(300), labels, Scored(probabilities, 0.3), replicates=200)["auc"]
        covered += found.low <= truth <= found.high
    assert 90 <= covered <= 99


def test_a_difference_is_surer_than_both_its_sides() -> None:
    labels, probabilities = simulated(2_000, seed=11)
    users, noise = np.arange(2_000) // 2, np.random.default_rng(99).normal(0, 0.1, 2_000)
    worse, better = Scored(probabilities + noise, 0.3), Scored(probabilities, 0.3)
    side_a, side_b = (intervals(users, labels, side)["auc"] for side in (worse, better))
    found = difference(users, labels, worse, better, "auc")
    assert found.value == pytest.approx(side_b.value - side_a.value)
    assert side_a.high > side_b.low, "the two intervals overlap"
    assert found.low > 0, "and still the better is surely better"
    assert difference(users, labels, worse, better, "brier").high < 0


def test_a_model_does_not_differ_from_itself_in_other_units() -> None:
    labels, probabilities = simulated(500, seed=12)
    same = difference(
        np.arange(500), labels, Scored(probabilities, 0.3), Scored(probabilities, 0.3, 40 * probabilities + 7), "auc"
    )
    assert (same.value, same.low, same.high) == (0, 0, 0)


# Reliability


def test_the_wilson_interval_of_one_in_ten_is_the_one_of_the_textbook() -> None:
    assert wilson_interval(0.1, 10) == pytest.approx((0.0179, 0.4042), abs=1e-4)
    assert wilson_interval(0.0, 10) == pytest.approx((0, 0.2775), abs=1e-4)


def test_rows_of_users_with_one_each_all_count() -> None:
    labels, _ = simulated(500, seed=3)
    assert effective_rows(np.arange(500), labels) == pytest.approx(500, rel=0.01)
    assert effective_rows(np.arange(500), np.zeros(500)) == 500


def test_rows_that_repeat_a_user_count_once() -> None:
    labels, _ = simulated(500, seed=3)
    assert effective_rows(np.repeat(np.arange(500), 2), np.repeat(labels, 2)) == pytest.approx(500, rel=0.01)


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_rows_without_a_variance_count_as_if_those_of_a_user_always_agreed(outcome: float) -> None:
    assert effective_rows(np.repeat(np.arange(10), 4), np.full(40, outcome)) == 10
    assert effective_rows(np.repeat([0, 1, 2], [4, 1, 1]), np.full(6, outcome)) == 2
    assert effective_rows(np.zeros(500), np.tile([outcome, 0.0, 1.0, 0.0], 125)) == 1


def clustered(random: np.random.Generator, users: int, snapshots: int, share: float) -> Numbers:
    """Outcomes of users on some snapshots each, always the same for half of them."""
    own, common = random.random((users, snapshots)) < share, random.random((users, 1)) < share
    return np.where(random.random((users, 1)) < 0.5, common, own).astype(float).ravel()


@pytest.mark.parametrize(("users", "snapshots", "rate"), [(60, 1, 0.03), (30, 2, 0.03), (100, 4, 0.01), (100, 4, 0.9)])
def test_an_interval_holds_the_true_rate_as_often_as_it_says(users: int, snapshots: int, rate: float) -> None:
    random, of_row = np.random.default_rng(17), np.repeat(np.arange(users), snapshots)
    drawn = [clustered(random, users, snapshots, rate) for _ in range(1_000)]
    intervals_of = [wilson_interval(labels.mean(), effective_rows(of_row, labels)) for labels in drawn]
    held = np.mean([low <= rate <= high for low, high in intervals_of])
    assert 0.93 <= held <= 0.985


def test_a_bin_without_positives_is_no_surer_than_one_with_a_few() -> None:
    users, few = np.repeat(np.arange(30), 4), np.repeat([1.0, 1.0, *[0.0] * 28], 4)
    (none,), (some,) = (reliability(users, labels, np.full(120, 0.1)) for labels in (np.zeros(120), few))
    assert (none.low, none.high) == pytest.approx(wilson_interval(0.0, 30))
    assert none.high > 0.1
    assert none.high < some.high


def test_rows_of_a_user_that_say_nothing_of_each_other_all_count() -> None:
    labels, _ = simulated(20_000, seed=3)
    assert effective_rows(np.repeat(np.arange(10_000), 2), labels) == pytest.approx(20_000, rel=0.03)


def test_bins_hold_equally_many_rows_lowest_predictions_first() -> None:
    labels, probabilities = np.tile([0.0, 1.0], 10), np.linspace(0.05, 1, 20)
    bins = reliability(np.arange(20), labels, probabilities)
    assert [one.rows for one in bins] == [2] * 10
    assert [one.observed_rate for one in bins] == [0.5] * 10
    assert [one.mean_prediction for one in bins] == pytest.approx([0.075 + 0.1 * number for number in range(10)])


def test_rows_of_one_probability_stay_in_one_bin() -> None:
    (only,) = reliability(np.arange(4), np.array([1.0, 0, 0, 0]), np.full(4, 0.25))
    assert (only.rows, only.mean_prediction, only.observed_rate) == (4, 0.25, 0.25)
    uneven = reliability(np.arange(10), np.tile([0.0, 1], 5), np.repeat([0.1, 0.2], [3, 7]))
    assert [one.rows for one in uneven] == [3, 7]


def off_bins(labels: Numbers, probabilities: Numbers, snapshots: int = 1) -> int:
    """The bins that are off, where each user has the same outcome on so many snapshots."""
    users = np.repeat(np.arange(len(labels)), snapshots)
    bins = reliability(users, np.repeat(labels, snapshots), np.repeat(probabilities, snapshots))
    return sum(not one.low <= one.mean_prediction <= one.high for one in bins)


def test_true_probabilities_lie_in_the_interval_of_each_decile() -> None:
    assert off_bins(*simulated(20_000, seed=2)) == 0
    # By chance one decile in twenty is off, whatever the seed: here of 200.
    assert 2 <= sum(off_bins(*simulated(20_000, seed=seed)) for seed in range(20)) <= 18


def test_outcomes_counted_on_two_snapshots_make_no_interval_shorter() -> None:
    assert 2 <= sum(off_bins(*simulated(10_000, seed=seed), snapshots=2) for seed in range(20)) <= 18


@pytest.mark.parametrize("odds_factor", [0.7, 1.4])
def test_misjudged_odds_do_not_pass(odds_factor: float) -> None:
    labels, probabilities = simulated(20_000, seed=2)
    odds = odds_factor * probabilities / (1 - probabilities)
    assert off_bins(labels, odds / (1 + odds)) >= 8

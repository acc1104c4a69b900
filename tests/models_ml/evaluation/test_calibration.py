"""From scores to probabilities, how sure these are, and at which churn is predicted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from models_ml.evaluation.calibration import (
    FITS,
    LEAST_POSITIVES,
    best_f1_threshold,
    calibrated,
    isotonic_calibration,
    platt_scaling,
)
from models_ml.evaluation.calibration_band import calibration_band
from models_ml.evaluation.metrics import metrics
from models_ml.portable.calibration import (
    Calibration,
    IsotonicCalibration,
    PlattScaling,
    band_from_json,
    calibration_from_json,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models_ml.portable.arrays import Floats

EVERYWHERE = np.array([-1e9, -40, -3, -1, -0.2, 0, 0.1, 1, 2.5, 40, 1e9])


def straight(margins: Floats) -> Floats:
    """Churn whose log odds rise evenly with the margin, as Platt scaling takes it."""
    return 1 / (1 + np.exp(2 - margins))


def bent(margins: Floats) -> Floats:
    """Churn that rises to the middle, then no more, which no line in log odds follows."""
    return np.where(margins < 0, 0.05, 0.5)


def drawn(rates: Floats, seed: int) -> Floats:
    return (np.random.default_rng(seed).random(len(rates)) < rates).astype(float)


def margins_of(rows: int, seed: int) -> Floats:
    return np.random.default_rng(seed).normal(size=rows)


# Both calibrations


def test_platt_scaling_finds_the_line_that_the_outcomes_were_drawn_from() -> None:
    margins = margins_of(50_000, seed=1)
    fitted = platt_scaling(drawn(straight(margins), seed=2), 10 * margins + 3)
    assert fitted.slope == pytest.approx(0.1, rel=0.05)
    assert fitted.probability(np.array([3.0, 23.0])) == pytest.approx(straight(np.array([0.0, 2.0])), abs=0.01)


def test_platt_scaling_of_scores_that_rank_the_wrong_way_round_is_flat() -> None:
    labels = np.array([1.0, 0, 0, 0, 0, 1, 0, 0])
    fitted = platt_scaling(labels, np.array([0.0, 5, 6, 7, 8, 1, 9, 10]))
    assert fitted.slope == 0
    assert fitted.probability(np.array([3.0]))[0] == pytest.approx(0.28, abs=0.01)


def test_isotonic_calibration_is_linear_between_its_knots_and_flat_outside() -> None:
    calibration = IsotonicCalibration((0.0, 1.0, 3.0), (0.1, 0.2, 0.6))
    assert calibration.probability(np.array([-5.0, 0, 0.5, 2, 3, 99])) == pytest.approx([0.1, 0.1, 0.15, 0.4, 0.6, 0.6])


def test_isotonic_calibration_of_four_rows_is_the_one_computed_by_hand() -> None:
    # The base rate is 3 in 6; such a row at either end makes the lowest step 1/2 of 2, the highest 3/2 of 2.
    fitted = isotonic_calibration(np.array([0.0, 1, 0, 1]), np.array([1.0, 2, 3, 4]))
    assert fitted.probability(np.array([1.0, 2, 3, 4])) == pytest.approx([0.25, 0.5, 0.5, 0.75])


def test_isotonic_calibration_of_many_rows_is_that_of_scikit_learn() -> None:
    margins = margins_of(5_000, seed=3)
    labels = drawn(bent(margins), seed=4)
    fitted, expected = isotonic_calibration(labels, margins), IsotonicRegression().fit(margins, labels)
    inside = np.linspace(-2, 2, 50)
    assert fitted.probability(inside) == pytest.approx(expected.predict(inside), abs=1e-9)


def test_few_churners_at_the_top_are_less_sure_than_many() -> None:
    few, many = (
        isotonic_calibration(np.repeat([0.0, 1.0], [100, churners]), np.arange(100.0 + churners)).probabilities[-1]
        for churners in (2, 50)
    )
    assert 0.5 < few < 0.7
    assert 0.95 < many < 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.integers(-20, 20)), min_size=2, max_size=40),
    st.sampled_from(sorted(FITS)),
)
def test_a_probability_never_falls_with_the_score_and_is_never_0_or_1(
    rows: list[tuple[float, int]], method: str
) -> None:
    labels, scores = np.array(rows, dtype=float).T
    probabilities = FITS[method](labels, scores).probability(EVERYWHERE)
    assert (np.diff(probabilities) >= 0).all()
    assert (probabilities > 0).all()
    assert (probabilities < 1).all()


@pytest.mark.parametrize(
    "calibration", [PlattScaling(0.25, -1.5), IsotonicCalibration((0.0, 1.0, 3.0), (0.1, 0.2, 0.6))]
)
def test_a_calibration_read_back_from_json_is_the_same(calibration: Calibration) -> None:
    assert calibration_from_json(calibration.to_json()) == calibration


def test_the_json_names_the_method() -> None:
    expected = {"method": "platt", "slope": 0.25, "intercept": -1.5}
    assert json.loads(PlattScaling(0.25, -1.5).to_json()) == expected


# Which of the two


def folds_of(rows: int) -> NDArray[np.int64]:
    return np.arange(rows) % 3


def test_churn_that_rises_evenly_is_calibrated_by_platt_scaling() -> None:
    margins = margins_of(6_000, seed=5)
    labels = drawn(straight(margins), seed=6)
    assert labels.sum() > LEAST_POSITIVES
    assert calibrated(labels, margins, folds_of(6_000)) == platt_scaling(labels, margins)


def test_churn_that_jumps_is_calibrated_by_isotonic_regression() -> None:
    margins = margins_of(6_000, seed=7)
    labels = drawn(bent(margins), seed=8)
    assert calibrated(labels, margins, folds_of(6_000)) == isotonic_calibration(labels, margins)


def test_few_churners_are_left_to_platt_scaling_even_where_churn_jumps() -> None:
    margins = margins_of(800, seed=9)
    labels = drawn(bent(margins), seed=10)
    assert 100 < labels.sum() < LEAST_POSITIVES
    assert calibrated(labels, margins, folds_of(800)).method == "platt"


def test_a_tie_goes_to_platt_scaling() -> None:
    labels = np.tile([1.0, 0.0], 600)
    assert calibrated(labels, np.zeros(1_200), np.repeat([0, 1, 2], 400)).method == "platt"


@pytest.mark.parametrize("method", sorted(FITS))
def test_a_calibration_makes_probabilities_of_margins(method: str) -> None:
    margins = margins_of(10_000, seed=11)
    rates = straight(2 * margins)
    fitted = FITS[method](drawn(rates, seed=12), margins)
    error = metrics(drawn(rates, seed=13), fitted.probability(margins), 0.5)["calibration_error"]
    assert error < 0.015
    raw = metrics(drawn(rates, seed=13), 1 / (1 + np.exp(-margins)), 0.5)["calibration_error"]
    assert raw > 0.2


# How sure a probability is


@pytest.mark.parametrize("method", sorted(FITS))
def test_the_interval_holds_the_probability_and_narrows_with_users(method: str) -> None:
    widths = []
    for rows in (1_000, 8_000):
        margins = margins_of(rows, seed=14)
        labels = drawn(straight(margins), seed=15)
        calibration = FITS[method](labels, margins)
        low, high = calibration_band(calibration, np.arange(rows) // 2, labels, margins, 100).interval(EVERYWHERE)
        probabilities = calibration.probability(EVERYWHERE)
        assert (low <= probabilities + 1e-12).all()
        assert (probabilities <= high + 1e-12).all()
        assert ((low > 0) & (high < 1)).all()
        widths.append((high - low)[4:8].mean())
    assert widths[1] < 0.6 * widths[0]


def test_the_interval_covers_the_true_probability_in_most_samples() -> None:
    at = np.array([-1.0, 0.0, 1.0])
    covered = []
    for seed in range(20):
        margins = margins_of(600, seed=100 + seed)
        labels = drawn(straight(margins), seed=200 + seed)
        fitted = platt_scaling(labels, margins)
        low, high = calibration_band(fitted, np.arange(600), labels, margins, replicates=60).interval(at)
        covered.append((low <= straight(at)) & (straight(at) <= high))
    assert 0.85 <= np.mean(covered) <= 0.99


def test_rows_of_one_user_count_as_one_when_it_comes_to_how_sure() -> None:
    margins = np.repeat(margins_of(300, seed=16), 10)
    labels = np.repeat(drawn(straight(margins[::10]), seed=17), 10)
    fitted = platt_scaling(labels, margins)
    of_many, of_few = (
        np.subtract(*calibration_band(fitted, users, labels, margins).interval(np.zeros(1))[::-1])[0]
        for users in (np.arange(3_000), np.arange(3_000) // 10)
    )
    assert of_few > 2 * of_many


@pytest.mark.parametrize("method", sorted(FITS))
def test_a_band_read_back_from_json_is_the_same_and_the_json_is_short(method: str) -> None:
    margins = margins_of(4_000, seed=18)
    labels = drawn(straight(margins), seed=19)
    band = calibration_band(FITS[method](labels, margins), np.arange(4_000), labels, margins, replicates=20)
    assert band_from_json(band.to_json()) == band
    assert len(band.to_json()) < 5_000


# The decision


def test_the_threshold_of_the_best_f1_is_one_of_the_probabilities() -> None:
    # From 0.4 on: two hits, one false alarm, no miss, F1 = 4/5; from 0.9 on 2/3.
    assert best_f1_threshold(np.array([1.0, 0, 1, 0, 0]), np.array([0.9, 0.8, 0.4, 0.2, 0.1])) == 0.4

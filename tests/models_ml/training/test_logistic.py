"""Logistic regression in NumPy: the same scores as MLlib's fit of the same point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from pyspark.ml.functions import vector_to_array
from pyspark.ml.linalg import Vectors
from pyspark.sql import functions as F

from models_ml.dataset.vectors import ALL, input_column
from models_ml.spec.grids import Point, algorithms
from models_ml.spec.training_spec import METHODS, TrainingSpec
from models_ml.training.classifiers import fit
from models_ml.training.logistic import logistic_scorer
from models_ml.training.resampling import Sample, sampled

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame, SparkSession

WIDTH = 5
PENALTY = 0.003
# In log-odds: MLlib stops some steps above the least loss.
ALLOWED = 1e-3


@pytest.fixture(scope="module")
def elements() -> NDArray[np.float64]:
    """Of unlike scales; the fourth goes with the first, and the last never varies."""
    spread, centre = np.array([1.0, 100.0, 0.01, 1.0, 0.0]), np.array([0.0, 50.0, 1.0, 0.0, np.log1p(1.3)])
    made: NDArray[np.float64] = np.random.default_rng(1).normal(centre, spread, (600, WIDTH))
    made[:, 3] += made[:, 0]
    return made


@pytest.fixture(scope="module")
def labels(elements: NDArray[np.float64]) -> NDArray[np.float64]:
    """One row in nine has the outcome."""
    odds = elements[:, 0] - elements[:, 1] / 100 - 2
    drawn = np.random.default_rng(2).random(len(odds))
    return (drawn < 1 / (1 + np.exp(-odds))).astype(float)


def as_frame(spark: SparkSession, sample: Sample) -> DataFrame:
    rows = zip(*(values.tolist() for values in sample), strict=True)
    made = [(Vectors.dense(elements), label, weight) for elements, label, weight in rows]
    return spark.createDataFrame(made, [input_column(ALL), "label", "weight"]).coalesce(1).localCheckpoint()


def log_odds_by_mllib(spark: SparkSession, sample: Sample, spec: TrainingSpec) -> NDArray[np.float64]:
    """What MLlib's fit on the sample, with the settings of grids.yml, says of the sample."""
    frame, point = as_frame(spark, sample), Point(ALL, (("regParam", PENALTY),))
    said = fit(algorithms()["logistic_regression"], point, frame, WIDTH, spec).transform(frame)
    return np.array([row.raw[1] for row in said.select(vector_to_array(F.col("rawPrediction")).alias("raw")).collect()])


@pytest.mark.parametrize("imbalance", METHODS)
def test_mllib_gives_the_same_scores(
    spark: SparkSession, elements: NDArray[np.float64], labels: NDArray[np.float64], imbalance: str
) -> None:
    sample = sampled(elements, labels, imbalance, seed=1)
    by_mllib = log_odds_by_mllib(spark, sample, TrainingSpec(imbalance=imbalance))
    scores = logistic_scorer(sample, PENALTY).score(sample.elements)
    assert scores.std() > 0.5
    np.testing.assert_allclose(by_mllib, scores, rtol=0, atol=ALLOWED)


@pytest.mark.parametrize("components", [1, 2, 9])
def test_so_it_does_on_principal_components(
    spark: SparkSession, elements: NDArray[np.float64], labels: NDArray[np.float64], components: int
) -> None:
    sample = sampled(elements, labels, "weights", seed=1)
    by_mllib = log_odds_by_mllib(spark, sample, TrainingSpec(components=components))
    scores = logistic_scorer(sample, PENALTY, components).score(sample.elements)
    np.testing.assert_allclose(by_mllib, scores, rtol=0, atol=ALLOWED)


def test_an_element_that_never_varies_has_no_part(elements: NDArray[np.float64], labels: NDArray[np.float64]) -> None:
    scorer = logistic_scorer(sampled(elements, labels, "weights", seed=1), PENALTY)
    assert scorer.coefficients[-1] == 0.0
    assert (scorer.coefficients[:-1] != 0.0).all()


def test_the_scores_have_the_odds_of_the_weighted_rows(
    elements: NDArray[np.float64], labels: NDArray[np.float64]
) -> None:
    """No penalty is on the intercept, so the mean probability is the share of the outcome: half, with weights."""
    sample = sampled(elements, labels, "weights", seed=1)
    probabilities = 1 / (1 + np.exp(-logistic_scorer(sample, PENALTY).score(elements)))
    assert np.average(probabilities, weights=sample.weights) == pytest.approx(0.5, abs=1e-6)

"""What is done about the few who leave: to the rows that train, never to those that are scored."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from pyspark.ml.functions import array_to_vector
from pyspark.sql import functions as F

from models_ml.dataset.vectors import WEIGHT, input_column
from models_ml.spec.training_spec import NONE, OVER, SMOTE, UNDER, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import DataFrame

    from models_ml.portable.arrays import Floats

# Of SMOTE, as its authors have it.
MOST_NEIGHBOURS = 5


class Sample(NamedTuple):
    """Rows that train, with the imbalance dealt with: elements [rows, elements], labels and weights [rows]."""

    elements: Floats
    labels: Floats
    weights: Floats


def sampled(elements: Floats, labels: Floats, method: str, seed: int) -> Sample:
    """Return the rows as they are, with their weights, or resampled, which then all weigh 1."""
    if method not in {NONE, WEIGHTS}:
        elements, labels = resampled(elements, labels, method, seed)
        return Sample(elements, labels, np.ones(len(labels)))
    positive, negative = class_weights(labels, method)
    return Sample(elements, labels, np.where(labels == 1.0, positive, negative))


def class_weights(labels: Floats, method: str) -> tuple[float, float]:
    """Return what a row with the outcome weighs, and one without: the classes alike in total; 1 unless `weights`."""
    if method != WEIGHTS:
        return 1.0, 1.0
    positives = labels.sum()
    return float(len(labels) / (2 * positives)), float(len(labels) / (2 * (len(labels) - positives)))


def weighted(rows: DataFrame, labels: Floats, method: str) -> DataFrame:
    """Add the weight of each row, by its class; `labels` are those of the rows."""
    positive, negative = class_weights(labels, method)
    return rows.withColumn(WEIGHT, F.when(F.col("label") == 1.0, positive).otherwise(negative))


def resampled(elements: Floats, labels: Floats, method: str, seed: int) -> tuple[Floats, Floats]:
    """Return rows [rows, elements] and labels with as many of one class as of the other.

    `under` leaves out rows without the outcome at random, `over` repeats rows with it; `smote` makes new ones between
    five neighbours, or as many as there are, in standardised elements: of a row without neighbours it is `over`.
    Source: N. Chawla et al. (2002), SMOTE: synthetic minority over-sampling technique.
    """
    from imblearn import over_sampling, under_sampling

    neighbours = int(min(labels.sum(), len(labels) - labels.sum())) - 1
    if method == UNDER:
        sampler = under_sampling.RandomUnderSampler(random_state=seed)
    elif method == OVER or neighbours < 1:
        sampler = over_sampling.RandomOverSampler(random_state=seed)
    else:
        sampler = over_sampling.SMOTE(k_neighbors=min(MOST_NEIGHBOURS, neighbours), random_state=seed)
    # The standard deviation of equal numbers is not always 0, their range is. Drawn rows stay as they are, to the bit.
    is_scaled = (np.ptp(elements, axis=0) > 0) & (method == SMOTE)
    scale = np.where(is_scaled, elements.std(axis=0), 1.0)
    drawn, outcomes = sampler.fit_resample(elements / scale, labels)
    return drawn * scale, outcomes


def as_rows(like: DataFrame, sample: Sample, feature_sets: Mapping[str, list[int]]) -> DataFrame:
    """Return a sample as a DataFrame that trains as `like` does: label, weight, vectors of each feature set."""
    vectors = {input_column(name): sample.elements[:, indices].tolist() for name, indices in feature_sets.items()}
    schema = ", ".join(["label double", f"{WEIGHT} double", *(f"{name} array<double>" for name in vectors)])
    rows = zip(sample.labels.tolist(), sample.weights.tolist(), *vectors.values(), strict=True)
    made = like.sparkSession.createDataFrame(list(rows), schema)
    return made.select("label", WEIGHT, *(array_to_vector(F.col(name)).alias(name) for name in vectors))

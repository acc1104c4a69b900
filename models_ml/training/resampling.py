"""What is done about the few who leave: to the rows that train, never to those that are scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pyspark.ml.functions import array_to_vector
from pyspark.sql import functions as F

from models_ml.dataset.vectors import WEIGHT, input_column
from models_ml.spec.training_spec import OVER, SMOTE, UNDER, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import DataFrame

    from models_ml.portable.arrays import Floats


def weighted(rows: DataFrame, labels: Floats, method: str) -> DataFrame:
    """Add the weight that gives both classes the same total; 1 for all unless the method is `weights`.

    `labels` are those of the rows.
    """
    if method != WEIGHTS:
        return rows.withColumn(WEIGHT, F.lit(1.0))
    positive, negative = (len(labels) / (2 * (labels == label).sum()) for label in (1.0, 0.0))
    return rows.withColumn(WEIGHT, F.when(F.col("label") == 1.0, float(positive)).otherwise(float(negative)))


def resampled(elements: Floats, labels: Floats, method: str, seed: int) -> tuple[Floats, Floats]:
    """Return rows [rows, elements] and labels with as many of one class as of the other.

    `under` leaves out rows without the outcome at random, `over` repeats rows with it; `smote` makes new ones between
    neighbours, in standardised elements.
    Source: N. Chawla et al. (2002), SMOTE: synthetic minority over-sampling technique.
    """
    from imblearn import over_sampling, under_sampling

    samplers = {
        UNDER: under_sampling.RandomUnderSampler,
        OVER: over_sampling.RandomOverSampler,
        SMOTE: over_sampling.SMOTE,
    }
    # The standard deviation of equal numbers is not always 0, their range is. Drawn rows stay as they are, to the bit.
    is_scaled = (np.ptp(elements, axis=0) > 0) & (method == SMOTE)
    scale = np.where(is_scaled, elements.std(axis=0), 1.0)
    drawn, outcomes = samplers[method](random_state=seed).fit_resample(elements / scale, labels)
    return drawn * scale, outcomes


def as_rows(like: DataFrame, elements: Floats, labels: Floats, feature_sets: Mapping[str, list[int]]) -> DataFrame:
    """Return resampled rows as a DataFrame that trains as `like` does: label, weight, vectors of each feature set."""
    vectors = {input_column(name): elements[:, indices].tolist() for name, indices in feature_sets.items()}
    schema = ", ".join(["label double", f"{WEIGHT} double", *(f"{name} array<double>" for name in vectors)])
    rows = zip(labels.tolist(), [1.0] * len(labels), *vectors.values(), strict=True)
    made = like.sparkSession.createDataFrame(list(rows), schema)
    return made.select("label", WEIGHT, *(array_to_vector(F.col(name)).alias(name) for name in vectors))

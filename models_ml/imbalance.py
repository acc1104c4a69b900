"""What is done about the few who leave: to the rows that train, never to those that are scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pyspark.ml.functions import array_to_vector
from pyspark.sql import functions as F

from models_ml.algorithms import WEIGHT, input_column

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import DataFrame

    from models_ml.portable.arrays import Floats

NONE, WEIGHTS, UNDER, OVER, SMOTE = "none", "weights", "under", "over", "smote"
METHODS = (NONE, WEIGHTS, UNDER, OVER, SMOTE)


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
    scale = np.where(elements.std(axis=0) > 0, elements.std(axis=0), 1.0)
    drawn, outcomes = samplers[method](random_state=seed).fit_resample(elements / scale, labels)
    return drawn * scale, outcomes


def as_rows(like: DataFrame, elements: Floats, labels: Floats, feature_sets: Mapping[str, list[int]]) -> DataFrame:
    """Return resampled rows as a DataFrame that trains as `like` does: label, weight, vectors of each feature set."""
    columns = {"label": labels, WEIGHT: np.ones(len(labels))}
    arrays = {input_column(name): list(elements[:, places]) for name, places in feature_sets.items()}
    import pandas as pd

    types = dict.fromkeys(columns, "double") | dict.fromkeys(arrays, "array<double>")
    schema = ", ".join(f"{name} {kind}" for name, kind in types.items())
    made = like.sparkSession.createDataFrame(pd.DataFrame(columns | arrays), schema)
    vectors = [array_to_vector(F.col(name)).alias(name) for name in arrays]
    return made.select(*columns, *vectors)

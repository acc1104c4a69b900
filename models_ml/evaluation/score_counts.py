"""How often each probability was given on the test rows, and how often the outcome came: all curves are made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from models_ml.portable.arrays import Floats

DIGITS = 3


class ScoreCount(NamedTuple):
    """Rows with a probability, to three digits, and those of them with the outcome."""

    churn_probability: float
    row_count: int
    positive_count: int


def score_counts(probabilities: Floats, labels: Floats) -> tuple[ScoreCount, ...]:
    """Count rows and outcomes (labels, 0 or 1) by probability, the lowest first."""
    values, places = np.unique(np.round(probabilities, DIGITS), return_inverse=True)
    rows, positives = np.bincount(places), np.bincount(places, weights=labels)
    return tuple(
        ScoreCount(float(value), int(count), int(positive))
        for value, count, positive in zip(values, rows, positives, strict=True)
    )

"""Whether predicted probabilities come true: mean prediction against observed rate, bin by bin."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from models_ml.weighted_metrics import CALIBRATION_BINS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

# Of the normal distribution: 95 % lie within so many standard deviations.
CONFIDENCE_95 = 1.959964


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows of neighbouring predictions: their mean, and the share of churners among them with its 95 % interval."""

    mean_prediction: float
    observed_rate: float
    low: float
    high: float
    rows: int


def reliability(labels: Numbers, probabilities: Numbers) -> tuple[ReliabilityBin, ...]:
    """Return ten bins of equally many rows, lowest predictions first.

    Rows of one probability stay together, in the bin of their middle rank: so there may be fewer bins, and uneven ones.
    """
    _, run, lengths = np.unique(probabilities, return_inverse=True, return_counts=True)
    middles = (np.cumsum(lengths) - lengths / 2)[run]
    bin_of_row = (middles * CALIBRATION_BINS / len(labels)).astype(int)
    return tuple(_bin(labels[bin_of_row == one], probabilities[bin_of_row == one]) for one in np.unique(bin_of_row))


def wilson_interval(positives: float, rows: int) -> tuple[float, float]:
    """Return the 95 % interval of a share. Source: E. Wilson (1927), Probable Inference, J. Am. Stat. Assoc. 22."""
    share, z = positives / rows, CONFIDENCE_95
    center = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    reach = z / (1 + z**2 / rows) * sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2))
    return max(center - reach, 0.0), min(center + reach, 1.0)


def _bin(labels: Numbers, probabilities: Numbers) -> ReliabilityBin:
    low, high = wilson_interval(float(labels.sum()), len(labels))
    return ReliabilityBin(float(probabilities.mean()), float(labels.mean()), low, high, len(labels))

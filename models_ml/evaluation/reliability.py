"""Whether predicted probabilities come true: mean prediction against observed rate, bin by bin."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from models_ml.evaluation.weighted_metrics import CALIBRATION_BINS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models_ml.portable.arrays import Floats

# Of the normal distribution: 95 % lie within so many standard deviations.
CONFIDENCE_95 = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows of neighbouring predictions: their mean, and the share of churners among them with its 95 % interval."""

    mean_prediction: float
    observed_rate: float
    low: float
    high: float
    rows: int


def reliability(users: NDArray[np.generic], labels: Floats, probabilities: Floats) -> tuple[ReliabilityBin, ...]:
    """Return ten bins of equally many rows, lowest predictions first.

    A user may have rows of several snapshots, whose horizons overlap: the intervals allow for it. Rows of one
    probability stay together, in the bin of their middle rank: so there may be fewer bins, and uneven ones.
    """
    _, run, lengths = np.unique(probabilities, return_inverse=True, return_counts=True)
    middles = (np.cumsum(lengths) - lengths / 2)[run]
    bin_of_row = (middles * CALIBRATION_BINS / len(labels)).astype(int)
    bins = (bin_of_row == number for number in np.unique(bin_of_row))
    return tuple(_bin(users[each], labels[each], probabilities[each]) for each in bins)


def effective_rows(users: NDArray[np.generic], labels: Floats) -> float:
    """Return how many independent rows would tell the share of positives as well as these rows of users do.

    These are the rows over the design effect: the variance of the share over users as a multiple of the binomial one,
    at least 1. Source: E. Korn and B. Graubard (1998), Confidence intervals for proportions with small expected number
    of positive counts estimated from survey data, Survey Methodology 24, p. 193-201.

    Rows that all agree, or are of one user, have no variance that would tell it. Then it is the largest that there can
    be, of users whose rows always agree: the mean number of rows of a row's user. Source: L. Kish (1965), Survey
    Sampling, section 5.4, 1 + roh * (rows of a cluster - 1) at roh = 1.
    """
    rows, share = len(labels), float(labels.mean())
    _, user_of_row, rows_of_user = np.unique(users, return_inverse=True, return_counts=True)
    if share in {0.0, 1.0} or len(rows_of_user) == 1:
        return rows**2 / float(np.square(rows_of_user).sum())
    residuals = np.bincount(user_of_row, weights=labels - share)
    over_users = float(np.square(residuals).sum()) * len(residuals) / (len(residuals) - 1)
    return rows / max(1.0, over_users / (rows * share * (1 - share)))


def wilson_interval(share: float, rows: float) -> tuple[float, float]:
    """Return the 95 % interval of a share. Source: E. Wilson (1927), Probable Inference, J. Am. Stat. Assoc. 22."""
    z = CONFIDENCE_95
    center = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    reach = z / (1 + z**2 / rows) * sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2))
    return max(center - reach, 0.0), min(center + reach, 1.0)


def _bin(users: NDArray[np.generic], labels: Floats, probabilities: Floats) -> ReliabilityBin:
    share = float(labels.mean())
    low, high = wilson_interval(share, effective_rows(users, labels))
    return ReliabilityBin(float(probabilities.mean()), share, low, high, len(labels))

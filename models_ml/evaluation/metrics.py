"""What a model's probabilities are worth on rows of known outcome, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from models_ml.errors import OneClassOnly
from models_ml.evaluation.weighted_metrics import Scored, weighted_metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from models_ml.portable.arrays import Floats

REPLICATES, MOST_REPLICATES = 500, 2_000
SEED = 20181001

# Weights handled at once: few enough to stay in the cache.
_BATCH_CELLS = 400_000


@dataclass(frozen=True)
class Interval:
    """A number and its interval, of 95 % unless another is asked for; it holds the number."""

    value: float
    low: float
    high: float


def metrics(labels: Floats, probabilities: Floats, threshold: float, scores: Floats | None = None) -> dict[str, float]:
    """Return the metrics of a model by name; labels are 0 or 1.

    auc, average_precision, lift_top_k and capture_top_k judge the ranking, f1, weighted_f1 (of both classes, by their
    rows), accuracy, precision and recall the calls at the threshold, brier, brier_skill and calibration_error the
    probabilities. The top k % of the rows may end within rows of one score: these count by their share, so that a
    constant score has a lift of 1. brier_skill is 1 - brier / brier of always saying the base rate of these rows.
    calibration_error is the expected calibration error over ten bins of equally many rows: the mean distance of the
    mean prediction from the observed rate (Naeini et al. 2015, Obtaining Well Calibrated Probabilities Using Bayesian
    Binning); rows of one probability are shared out evenly between the bins they reach into.

    Raises:
        OneClassOnly: there is nothing to tell apart.
    """
    _check_classes(labels)
    measured = weighted_metrics(labels, Scored(probabilities, threshold, scores), np.ones((1, len(labels))))
    return {name: float(values[0]) for name, values in measured.items()}


def intervals(
    users: NDArray[np.generic], labels: Floats, scored: Scored, replicates: int = REPLICATES, seed: int = SEED
) -> dict[str, Interval]:
    """Return the metrics with their 95 % percentile intervals, over resamples of users.

    The snapshots of a user depend on one another, so all rows of a drawn user come along. Sources: B. Efron and
    R. Tibshirani (1993), An Introduction to the Bootstrap, chapter 13 (percentile interval); C. Field and A. Welsh
    (2007), Bootstrapping clustered data, J. R. Statist. Soc. B 69, p. 369-390 (whole clusters are drawn).
    calibration_error is a mean of distances, which resampling lengthens: of a good model, its interval lies above the
    value, and is widened to hold it.

    Raises:
        OneClassOnly: there is nothing to tell apart.
    """
    values = metrics(labels, scored.probabilities, scored.threshold, scored.scores)
    resampled = _replicates(users, labels, (scored,), replicates, seed)
    return {name: percentile_interval(value, resampled[name][0]) for name, value in values.items()}


def difference(  # noqa: PLR0913 - two models on the same rows
    users: NDArray[np.generic], labels: Floats, a: Scored, b: Scored, metric: str, *, confidence: float = 0.95
) -> Interval:
    """Return metric(b) - metric(a) with its interval, both measured on the same resamples of users.

    A challenger b beats the champion a beyond chance where the interval lies above 0; brier and calibration_error are
    the better the smaller, so below 0 for these. The surer the interval has to be, the more resamples there are, up to
    a limit, where it holds them all.
    """
    value_a, value_b = (metrics(labels, s.probabilities, s.threshold, s.scores)[metric] for s in (a, b))
    replicates = min(ceil(REPLICATES * (1 - 0.95) / (1 - confidence)), MOST_REPLICATES)
    resampled_a, resampled_b = _replicates(users, labels, (a, b), replicates, SEED)[metric]
    return percentile_interval(value_b - value_a, resampled_b - resampled_a, confidence)


def user_resamples(
    users: NDArray[np.generic], labels: Floats, replicates: int = REPLICATES, seed: int = SEED
) -> Iterator[NDArray[np.int64]]:
    """Yield resamples of users: how often each row comes. Those with one class only are drawn again.

    Raises:
        OneClassOnly: no resample would do.
    """
    _check_classes(labels)
    names, user_of_row = np.unique(users, return_inverse=True)
    rng = np.random.default_rng(seed)
    yielded = 0
    while yielded < replicates:
        times = np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names))[user_of_row]
        if 0 < times @ labels < times.sum():
            yielded += 1
            yield times


def _check_classes(labels: Floats) -> None:
    if len(np.unique(labels)) < 2:  # noqa: PLR2004 - the outcome and its absence
        msg = "all rows have the same outcome, so no model can be judged on them: measure on more snapshots"
        raise OneClassOnly(msg)


def _replicates(
    users: NDArray[np.generic], labels: Floats, models: tuple[Scored, ...], replicates: int, seed: int
) -> dict[str, Floats]:
    """Return each metric by model and resample."""
    resamples = user_resamples(users, labels, replicates, seed)
    batches = []
    while batch := list(islice(resamples, max(1, _BATCH_CELLS // len(labels)))):
        weights = np.array(batch, dtype=np.float64)
        batches.append([weighted_metrics(labels, model, weights) for model in models])
    names = batches[0][0]
    return {
        name: np.concatenate([[measured[name] for measured in batch] for batch in batches], axis=1) for name in names
    }


def percentile_interval(value: float, resampled: Floats, confidence: float = 0.95) -> Interval:
    """Return the value with the percentile interval of its resamples, widened to hold it."""
    low, high = np.quantile(resampled, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(value), float(min(low, value)), float(max(high, value)))

"""From a ranking score to a probability, and from a probability to a decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_curve

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Calibration:
    """Platt scaling: probability = 1 / (1 + exp(-(slope * score + intercept))), rising with the score or flat."""

    slope: float
    intercept: float

    def probability(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        probabilities: NDArray[np.float64] = 1 / (1 + np.exp(-(self.slope * scores + self.intercept)))
        return probabilities


def platt_scaling(labels: NDArray[np.float64], scores: NDArray[np.float64]) -> Calibration:
    """Fit Platt scaling on out-of-fold scores.

    With class weights, or as margins, a model's own outputs are no probabilities; these are, near the base rate on
    average. Source: J. Platt (1999), Probabilistic outputs for support vector machines, with his smoothed targets;
    on scores of the cross-validation, as scikit-learn's CalibratedClassifierCV(ensemble=False) does it.
    Where the slope would be negative the scores hold no signal, and the probability is the base rate for all.
    """
    positives = labels.sum()
    negatives = len(labels) - positives
    targets = np.where(labels == 1.0, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    center, scale = scores.mean(), scores.std() or 1.0
    standard = np.tile((scores - center) / scale, 2).reshape(-1, 1)
    outcomes, shares = np.repeat([1, 0], len(labels)), np.concatenate([targets, 1 - targets])
    fitted: Any = LogisticRegression(C=1e6).fit(standard, outcomes, sample_weight=shares)
    slope = float(fitted.coef_[0, 0]) / scale
    if slope <= 0:
        return Calibration(0.0, float(np.log(targets.mean() / (1 - targets.mean()))))
    return Calibration(float(slope), float(fitted.intercept_[0] - slope * center))


def best_f1_threshold(labels: NDArray[np.float64], probabilities: NDArray[np.float64]) -> float:
    """Return the probability at or above which calling a user a churner gives the highest F1."""
    precision, recall, thresholds = precision_recall_curve(labels, probabilities)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(thresholds[np.argmax(f1[:-1])])

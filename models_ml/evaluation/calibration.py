"""From a ranking score to a probability, and from a probability to a decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_curve

from models_ml.portable.calibration import IsotonicCalibration, PlattScaling, log_odds

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from models_ml.portable.arrays import Floats
    from models_ml.portable.calibration import Calibration

# Isotonic regression fits a free value per step of the score and follows chance where outcomes are few: with less than
# some 1,000 cases Platt scaling wins for every kind of model, say A. Niculescu-Mizil and R. Caruana (2005), Predicting
# Good Probabilities with Supervised Learning. At a base rate of a third or less, 300 positives are about as many.
LEAST_POSITIVES = 300


def platt_scaling(labels: Floats, scores: Floats) -> PlattScaling:
    """Fit Platt scaling on out-of-fold scores.

    With class weights, or as margins, a model's own outputs are no probabilities; these are, near the base rate on
    average. Source: J. Platt (1999), Probabilistic outputs for support vector machines, with his smoothed targets;
    on scores of the cross-validation, as scikit-learn's CalibratedClassifierCV(ensemble=False) does it.
    Where the slope would be negative the scores hold no signal, and the probability is the base rate for all.
    """
    positives = labels.sum()
    negatives = len(labels) - positives
    targets = np.where(labels == 1.0, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    flat = PlattScaling(0.0, float(log_odds(targets.mean())))
    if scores.min() == scores.max():
        return flat
    center, scale = float(scores.mean()), float(scores.std())
    standard = np.tile((scores - center) / scale, 2).reshape(-1, 1)
    outcomes, shares = np.repeat([1, 0], len(labels)), np.concatenate([targets, 1 - targets])
    fitted: Any = LogisticRegression(C=1e6, solver="newton-cholesky").fit(standard, outcomes, sample_weight=shares)
    slope = float(fitted.coef_[0, 0]) / scale
    return PlattScaling(slope, float(fitted.intercept_[0]) - slope * center) if slope > 0 else flat


def isotonic_calibration(labels: Floats, scores: Floats) -> IsotonicCalibration:
    """Fit the never falling steps closest to the outcomes, on out-of-fold scores.

    Source: B. Zadrozny and C. Elkan (2002), Transforming classifier scores into accurate multiclass probability
    estimates. One more row of the base rate at either end keeps a step of churners only off 1, and one without off 0,
    the farther the fewer rows it has; the base rate is smoothed as by Laplace, with one more row of either outcome.
    """
    base_rate = (labels.sum() + 1) / (len(labels) + 2)
    ends = [scores.min(), scores.max()]
    fitted: Any = IsotonicRegression().fit(np.append(scores, ends), np.append(labels, [base_rate, base_rate]))
    return IsotonicCalibration(tuple(fitted.X_thresholds_.tolist()), tuple(fitted.y_thresholds_.tolist()))


FITS: dict[str, Callable[[Floats, Floats], Calibration]] = {"platt": platt_scaling, "isotonic": isotonic_calibration}


def calibrated(labels: Floats, scores: Floats, folds: NDArray[np.generic]) -> Calibration:
    """Fit the better calibration on out-of-fold scores: the one with the smaller Brier score on the folds held out.

    `folds` gives for each row the fold whose model did not see it; a user's rows share one. With few positives, and
    where neither is better, it is Platt scaling.
    """
    if labels.sum() < LEAST_POSITIVES:
        return platt_scaling(labels, scores)
    brier = {method: _held_out_brier(method, labels, scores, folds) for method in FITS}
    return FITS[min(FITS, key=lambda method: brier[method])](labels, scores)


def best_f1_threshold(labels: Floats, probabilities: Floats) -> float:
    """Return the probability at or above which calling a user a churner gives the highest F1."""
    precision, recall, thresholds = precision_recall_curve(labels, probabilities)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(thresholds[np.argmax(f1[:-1])])


def _held_out_brier(method: str, labels: Floats, scores: Floats, folds: NDArray[np.generic]) -> float:
    held_out = [folds == fold for fold in np.unique(folds)]
    errors = [FITS[method](labels[~out], scores[~out]).probability(scores[out]) - labels[out] for out in held_out]
    return float(np.square(np.concatenate(errors)).mean())

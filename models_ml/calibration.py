"""From a ranking score to a probability, and from a probability to a decision."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_curve

from models_ml.errors import ModelJobError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

# Isotonic regression fits a free value per step of the score and follows chance where outcomes are few: with less than
# some 1,000 cases Platt scaling wins for every kind of model, say A. Niculescu-Mizil and R. Caruana (2005), Predicting
# Good Probabilities with Supervised Learning. At a base rate of a third or less, 300 positives are about as many.
LEAST_POSITIVES = 300


class ImpossibleOffer(ModelJobError):
    """The price or the worth of an offer is no amount, or its chance no probability."""


class Calibration(Protocol):
    """A map from score to probability that never falls and never reaches 0 or 1."""

    @property
    def method(self) -> str: ...

    def probability(self, scores: Numbers) -> Numbers: ...

    def to_json(self) -> str: ...


def logistic(log_odds: Numbers) -> Numbers:
    """Return the probability, some 1e-13 off 0 or 1 at least, however far a score lies outside of what was fitted."""
    probability: Numbers = 1 / (1 + np.exp(-np.clip(log_odds, -30, 30)))
    return probability


def log_odds(probability: Numbers) -> Numbers:
    odds: Numbers = np.log(probability / (1 - probability))
    return odds


@dataclass(frozen=True)
class PlattScaling:
    """probability = 1 / (1 + exp(-(slope * score + intercept))), rising with the score or flat."""

    slope: float
    intercept: float
    method: ClassVar[str] = "platt"

    def probability(self, scores: Numbers) -> Numbers:
        return logistic(self.slope * scores + self.intercept)

    def to_json(self) -> str:
        return json.dumps({"method": self.method} | asdict(self))


@dataclass(frozen=True)
class IsotonicCalibration:
    """Probabilities at rising scores, linear in between, and beyond the first and the last as at these."""

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]
    method: ClassVar[str] = "isotonic"

    def probability(self, scores: Numbers) -> Numbers:
        return np.interp(scores, self.scores, self.probabilities)

    def to_json(self) -> str:
        return json.dumps({"method": self.method} | asdict(self))


def calibration_from_json(text: str) -> Calibration:
    """Read what `to_json` of either calibration wrote."""
    fields = json.loads(text)
    if fields["method"] == PlattScaling.method:
        return PlattScaling(fields["slope"], fields["intercept"])
    return IsotonicCalibration(tuple(fields["scores"]), tuple(fields["probabilities"]))


def platt_scaling(labels: Numbers, scores: Numbers) -> PlattScaling:
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


def isotonic_calibration(labels: Numbers, scores: Numbers) -> IsotonicCalibration:
    """Fit the never falling steps closest to the outcomes, on out-of-fold scores.

    Source: B. Zadrozny and C. Elkan (2002), Transforming classifier scores into accurate multiclass probability
    estimates. One more row of the base rate at either end keeps a step of churners only off 1, and one without off 0,
    the farther the fewer rows it has; the base rate is smoothed as by Laplace, with one more row of either outcome.
    """
    base_rate = (labels.sum() + 1) / (len(labels) + 2)
    ends = [scores.min(), scores.max()]
    fitted: Any = IsotonicRegression().fit(np.append(scores, ends), np.append(labels, [base_rate, base_rate]))
    return IsotonicCalibration(tuple(fitted.X_thresholds_.tolist()), tuple(fitted.y_thresholds_.tolist()))


FITS: dict[str, Callable[[Numbers, Numbers], Calibration]] = {"platt": platt_scaling, "isotonic": isotonic_calibration}


def calibrated(labels: Numbers, scores: Numbers, folds: NDArray[np.generic]) -> Calibration:
    """Fit the better calibration on out-of-fold scores: the one with the smaller Brier score on the folds held out.

    `folds` gives for each row the fold whose model did not see it; a user's rows share one. With few positives, and
    where neither is better, it is Platt scaling.
    """
    if labels.sum() < LEAST_POSITIVES:
        return platt_scaling(labels, scores)
    brier = {method: _held_out_brier(method, labels, scores, folds) for method in FITS}
    return FITS[min(FITS, key=lambda method: brier[method])](labels, scores)


def best_f1_threshold(labels: Numbers, probabilities: Numbers) -> float:
    """Return the probability at or above which calling a user a churner gives the highest F1."""
    precision, recall, thresholds = precision_recall_curve(labels, probabilities)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(thresholds[np.argmax(f1[:-1])])


def value_threshold(offer_cost: float, save_rate: float, customer_value: float) -> float:
    """Return the probability at or above which an offer pays: its cost over what it saves from a sure churner.

    `save_rate` is the share of churners who stay for the offer, `customer_value` what one who stays is worth, in the
    currency of `offer_cost`. Above 1 the offer pays for nobody. It holds for calibrated probabilities. Source: C. Elkan
    (2001), The Foundations of Cost-Sensitive Learning, section 2.

    Raises:
        ImpossibleOffer: an amount is not above 0, or the rate not within 0 to 1.
    """
    if not (offer_cost > 0 and customer_value > 0 and 0 < save_rate <= 1):
        msg = (
            f"an offer of {offer_cost} that keeps {save_rate} of the churners, each worth {customer_value}: "
            "give amounts above 0 and a rate above 0, at most 1"
        )
        raise ImpossibleOffer(msg)
    return offer_cost / (save_rate * customer_value)


def _held_out_brier(method: str, labels: Numbers, scores: Numbers, folds: NDArray[np.generic]) -> float:
    held_out = [folds == fold for fold in np.unique(folds)]
    errors = [FITS[method](labels[~out], scores[~out]).probability(scores[out]) - labels[out] for out in held_out]
    return float(np.square(np.concatenate(errors)).mean())

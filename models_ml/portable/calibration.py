"""From a score to a calibrated probability, and how sure that is: maps that were fitted, as NumPy applies them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np

if TYPE_CHECKING:
    from models_ml.portable.arrays import Floats


class Calibration(Protocol):
    """A map from score to probability that never falls and never reaches 0 or 1."""

    @property
    def method(self) -> str: ...

    def probability(self, scores: Floats) -> Floats: ...

    def to_json(self) -> str: ...


def logistic(log_odds: Floats) -> Floats:
    """Return the probability, some 1e-13 off 0 or 1 at least, however far a score lies outside of what was fitted."""
    probability: Floats = 1 / (1 + np.exp(-np.clip(log_odds, -30, 30)))
    return probability


def log_odds(probability: Floats) -> Floats:
    odds: Floats = np.log(probability / (1 - probability))
    return odds


@dataclass(frozen=True)
class PlattScaling:
    """probability = 1 / (1 + exp(-(slope * score + intercept))), rising with the score or flat."""

    slope: float
    intercept: float
    method: ClassVar[str] = "platt"

    def probability(self, scores: Floats) -> Floats:
        return logistic(self.slope * scores + self.intercept)

    def to_json(self) -> str:
        return json.dumps({"method": self.method} | asdict(self))


@dataclass(frozen=True)
class IsotonicCalibration:
    """Probabilities at rising scores, linear in between, and beyond the first and the last as at these."""

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]
    method: ClassVar[str] = "isotonic"

    def probability(self, scores: Floats) -> Floats:
        return np.interp(scores, self.scores, self.probabilities)

    def to_json(self) -> str:
        return json.dumps({"method": self.method} | asdict(self))


def calibration_from_json(text: str) -> Calibration:
    """Read what `to_json` of either calibration wrote."""
    fields = json.loads(text)
    if fields["method"] == PlattScaling.method:
        return PlattScaling(fields["slope"], fields["intercept"])
    return IsotonicCalibration(tuple(fields["scores"]), tuple(fields["probabilities"]))


@dataclass(frozen=True)
class CalibrationBand:
    """How far, in log odds, the 95 % interval of a probability reaches to either side, at some scores.

    It is linear in between, and beyond the first and the last score as wide as there. The interval says how unsure the
    map from score to probability is, on so many users: not how unsure the outcome of one user is, and not how much
    another model's score would differ.
    """

    calibration: Calibration
    scores: tuple[float, ...]
    below: tuple[float, ...]
    above: tuple[float, ...]

    def interval(self, scores: Floats) -> tuple[Floats, Floats]:
        """Return the lower and the upper end for each score; the probability lies in between."""
        center = log_odds(self.calibration.probability(scores))
        below, above = (np.interp(scores, self.scores, reach) for reach in (self.below, self.above))
        return logistic(center - below), logistic(center + above)

    def to_json(self) -> str:
        reach = {"scores": self.scores, "below": self.below, "above": self.above}
        return json.dumps({"calibration": json.loads(self.calibration.to_json())} | reach)


def band_from_json(text: str) -> CalibrationBand:
    """Read what `CalibrationBand.to_json` wrote."""
    fields = json.loads(text)
    reach = {name: tuple(fields[name]) for name in ("scores", "below", "above")}
    return CalibrationBand(calibration_from_json(json.dumps(fields["calibration"])), **reach)

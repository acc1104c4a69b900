"""How sure a calibrated probability is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models_ml.calibration import FITS, Calibration, calibration_from_json, log_odds, logistic
from models_ml.metrics import SEED, user_resamples

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

REPLICATES = 200
POINTS = 41


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

    def interval(self, scores: Numbers) -> tuple[Numbers, Numbers]:
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


def calibration_band(
    calibration: Calibration,
    users: NDArray[np.generic],
    labels: Numbers,
    scores: Numbers,
    replicates: int = REPLICATES,
) -> CalibrationBand:
    """Fit the calibration again on resamples of users and return how far its probabilities move.

    They are told at quantiles of the scores, so that the JSON stays small however many rows there are.

    Raises:
        OneClassOnly: there is nothing to fit.
    """
    fit, points = FITS[calibration.method], np.unique(np.quantile(scores, np.linspace(0, 1, POINTS)))
    resamples = user_resamples(users, labels, replicates, SEED)
    refitted = [fit(np.repeat(labels, times), np.repeat(scores, times)) for times in resamples]
    refitted_odds = log_odds(np.array([replicate.probability(points) for replicate in refitted]))
    low, high = np.quantile(refitted_odds, [0.025, 0.975], axis=0)
    center = log_odds(calibration.probability(points))
    below, above = np.maximum(center - low, 0).round(4), np.maximum(high - center, 0).round(4)
    return CalibrationBand(calibration, tuple(points.tolist()), tuple(below.tolist()), tuple(above.tolist()))

"""How sure a calibrated probability is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models_ml.evaluation.calibration import FITS
from models_ml.evaluation.metrics import SEED, user_resamples
from models_ml.portable.calibration import CalibrationBand, log_odds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models_ml.portable.arrays import Floats
    from models_ml.portable.calibration import Calibration

REPLICATES = 200
POINTS = 41


def calibration_band(
    calibration: Calibration,
    users: NDArray[np.generic],
    labels: Floats,
    scores: Floats,
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

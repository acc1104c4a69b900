"""What a fitted model and two baselines are worth on the test rows: calibrated, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import roc_auc_score

from models_ml.evaluation.calibration import best_f1_threshold, calibrated
from models_ml.evaluation.calibration_band import calibration_band
from models_ml.evaluation.metrics import intervals
from models_ml.evaluation.weighted_metrics import Scored

if TYPE_CHECKING:
    from models_ml.dataset.matrix import Matrix
    from models_ml.evaluation.metrics import Interval
    from models_ml.portable.arrays import Floats
    from models_ml.portable.calibration import Calibration, CalibrationBand

SINGLE_FEATURE, NO_SKILL = "best_single_feature", "no_skill"


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Calibration and threshold, from the scores of the folds held out, and what they are worth on the test rows.

    `held_out` are the scores of the training rows by fits that did not see them, `scores` those of the test rows.
    """

    held_out: Floats
    scores: Floats
    calibration: Calibration
    threshold: float
    metrics: dict[str, Interval]

    @property
    def scored(self) -> Scored:
        return Scored(self.calibration.probability(self.scores), self.threshold, self.scores)

    def band(self, train: Matrix) -> CalibrationBand:
        """Return how sure the probabilities are: from the same scores as they."""
        return calibration_band(self.calibration, train.users, train.labels, self.held_out)


def evaluate(held_out: Floats, scores: Floats, train: Matrix, test: Matrix) -> Evaluation:
    """Calibrate and choose the threshold on the training rows, each scored by a fit that did not see its user.

    Then measure both on the test rows.
    """
    calibration = calibrated(train.labels, held_out, train.folds)
    threshold = best_f1_threshold(train.labels, calibration.probability(held_out))
    scored = Scored(calibration.probability(scores), threshold, scores)
    return Evaluation(held_out, scores, calibration, threshold, intervals(test.users, test.labels, scored))


def baselines(train: Matrix, test: Matrix) -> dict[str, Evaluation]:
    """Return what the best single element is worth, and what no skill is."""
    element, sign = _best_single_element(train)
    single = evaluate(sign * train.elements[:, element], sign * test.elements[:, element], train, test)
    none = evaluate(np.zeros(len(train)), np.zeros(len(test)), train, test)
    return {SINGLE_FEATURE: single, NO_SKILL: none}


def _best_single_element(train: Matrix) -> tuple[int, float]:
    """Return the element that alone ranks the training rows best, and 1.0 or, where less means more, -1.0."""
    aucs = np.array([roc_auc_score(train.labels, element) for element in train.elements.T])
    best = int(np.argmax(np.abs(aucs - 0.5)))
    return best, 1.0 if aucs[best] >= 0.5 else -1.0  # noqa: PLR2004 - the AUC of chance

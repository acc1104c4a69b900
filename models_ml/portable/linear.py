"""Logistic regression and linear SVM: a weighted sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models_ml.portable.arrays import floats, shares, unscaled

if TYPE_CHECKING:
    from models_ml.portable.arrays import Floats


@dataclass(frozen=True, eq=False)
class LinearScorer:
    """Coefficients, mean and (where known) standard deviation of the training rows, each [elements].

    The score is MLlib's margin, rawPrediction[1]: for logistic regression the log-odds.
    """

    coefficients: Floats
    intercept: float
    reference: Floats
    spread: Floats | None = None

    def score(self, rows: Floats) -> Floats:
        scores: Floats = rows @ self.coefficients + self.intercept
        return scores

    def contributions(self, rows: Floats) -> tuple[float, Floats]:
        """Return the score of the reference, and coefficient * (row - reference): Shapley values, exactly.

        Source: S. Lundberg and S.-I. Lee (2017), A unified approach to interpreting model predictions, corollary 1.
        """
        base = float(self.reference @ self.coefficients + self.intercept)
        return base, (rows - self.reference) * self.coefficients

    def importance(self) -> Floats | None:
        """Return |coefficient| * standard deviation, as shares; None where the deviations are not known."""
        return None if self.spread is None else shares(np.abs(self.coefficients) * self.spread)

    def unscaled(self, mean: Floats, scale: Floats) -> LinearScorer:
        """Return the scorer of rows as they are, where this one was fitted on (row - mean) / scale."""
        coefficients, intercept = unscaled(self.coefficients, floats(self.intercept), mean, scale)
        spread = None if self.spread is None else self.spread * scale
        return LinearScorer(coefficients, float(intercept), self.reference * scale + mean, spread)

    def unprojected(self, components: Floats, reference: Floats, spread: Floats | None = None) -> LinearScorer:
        """Return the scorer of rows as they are, where this one was fitted on rows @ components [elements, k].

        Reference and spread are those of the rows: the projected ones do not tell them.
        """
        return LinearScorer(components @ self.coefficients, self.intercept, reference, spread)

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "linear",
            "coefficients": self.coefficients.tolist(),
            "intercept": self.intercept,
            "reference": self.reference.tolist(),
            "spread": None if self.spread is None else self.spread.tolist(),
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> LinearScorer:
        spread = None if stored["spread"] is None else floats(stored["spread"])
        return cls(floats(stored["coefficients"]), stored["intercept"], floats(stored["reference"]), spread)

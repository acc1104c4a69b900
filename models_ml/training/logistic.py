"""Logistic regression in NumPy: the optimum that MLlib approaches, without a Spark job for each step on the way.

MLlib minimises the weighted mean of the log loss + regParam / 2 * |coefficients|^2, on standardised elements and with
no penalty on the intercept. That has one optimum, without kinks, so where each solver stops hardly matters: scores are
the same to 1e-3. Of a linear SVM they are not, nor of a network: these MLlib fits itself on every fold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from models_ml.portable.linear import LinearScorer

if TYPE_CHECKING:
    from models_ml.portable.arrays import Floats
    from models_ml.training.resampling import Sample

LOGISTIC = "LogisticRegression"


def logistic_scorer(sample: Sample, penalty: float, components: int | None = None) -> LinearScorer:
    """Return the scorer that `classifiers.fit` comes to with regParam = penalty, on the elements of the sample.

    Where the training asks for components, it is fitted on that many principal components of standardised elements.
    """
    if components is None:
        return _optimum(sample, penalty)
    mean, scale = _moments(sample.elements, np.ones(len(sample.labels)))
    standard = _standardised(sample.elements, mean, scale)
    parts = _principal(standard, components)
    projected = _optimum(sample._replace(elements=standard @ parts), penalty)
    return projected.unprojected(parts, np.zeros(len(mean))).unscaled(mean, scale)


def _optimum(sample: Sample, penalty: float) -> LinearScorer:
    """Return the scorer of least loss: scikit-learn's C weighs the sum of losses, MLlib's regParam the coefficients."""
    mean, scale = _moments(sample.elements, sample.weights)
    strength = 1 / (penalty * sample.weights.sum())
    newton: Any = LogisticRegression(C=strength, solver="newton-cholesky", tol=1e-8)
    # Threads of BLAS cost more than they save on some hundred elements, and round differently on other machines.
    with threadpool_limits(1, "blas"):
        newton.fit(_standardised(sample.elements, mean, scale), sample.labels, sample_weight=sample.weights)
    scorer = LinearScorer(newton.coef_[0], float(newton.intercept_[0]), np.zeros(len(mean)))
    return scorer.unscaled(mean, scale)


def _moments(elements: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation [elements] as MLlib's Summarizer has them; of equal numbers exactly 0."""
    total = weights.sum()
    mean: Floats = weights @ elements / total
    variance = weights @ np.square(elements - mean) / (total - np.square(weights).sum() / total)
    return mean, np.where(np.ptp(elements, axis=0) > 0, np.sqrt(variance), 0.0)


def _standardised(elements: Floats, mean: Floats, scale: Floats) -> Floats:
    """Return (element - mean) / scale; 0 where the scale is 0."""
    return np.divide(elements - mean, scale, out=np.zeros_like(elements), where=scale > 0)


def _principal(standard: Floats, count: int) -> Floats:
    """Return the principal components [elements, count]; all of them where there are fewer elements."""
    _, vectors = np.linalg.eigh(np.atleast_2d(np.cov(standard, rowvar=False)))
    components: Floats = vectors[:, ::-1][:, :count]
    return components

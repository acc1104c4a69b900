"""Fits and their scores: on the folds of the training rows, and on the test rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from multiprocessing.pool import ThreadPool
from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark import inheritable_thread_target
from pyspark.ml.functions import vector_to_array
from pyspark.sql import functions as F
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score, roc_auc_score

from models_ml.algorithms import ALGORITHMS
from models_ml.calibration import Calibration, best_f1_threshold, platt_scaling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pyspark.ml.base import Transformer
    from pyspark.sql import Column, DataFrame

    from models_ml.training_spec import TrainingSpec

# A fit waits for the scheduler more than it computes, so more fits than cores pay.
PARALLEL_FITS = 4


@dataclass(frozen=True)
class HeldOut:
    """Label (0 or 1) and ranking score of each row that a fit did not see."""

    labels: NDArray[np.float64]
    scores: NDArray[np.float64]


@dataclass(frozen=True)
class Evaluation:
    """Calibration and threshold from the out-of-fold scores, and metrics of these and of the test rows."""

    calibration: Calibration
    threshold: float
    metrics: dict[str, float]


@dataclass(frozen=True)
class Candidate:
    """One algorithm, fitted on all training rows."""

    algorithm: str
    model: Transformer
    evaluation: Evaluation


@dataclass(frozen=True)
class Comparison:
    """The candidates, best cross-validated average precision first, and the baseline that scores everybody alike."""

    candidates: tuple[Candidate, ...]
    no_skill: Evaluation

    @property
    def metrics(self) -> dict[str, dict[str, float]]:
        """Metrics by algorithm, the chosen one first, `no_skill` last."""
        by_algorithm = {candidate.algorithm: candidate.evaluation.metrics for candidate in self.candidates}
        return by_algorithm | {"no_skill": self.no_skill.metrics}


def score_column() -> Column:
    """The ranking score of all four classifiers: log odds, votes, boosted margin or margin of the outcome."""
    return vector_to_array(F.col("rawPrediction"))[1]


def compare(rows: DataFrame, spec: TrainingSpec) -> Comparison:
    """Fit each algorithm without one fold at a time, and on all training rows; several at once, on checkpointed rows.

    The order of the candidates is that of the training rows' folds: the test rows have no part in it.
    """
    tasks = [(name, held_out) for held_out in range(spec.folds, -1, -1) for name in spec.algorithms]

    # Wrapped one by one: each wrapping copies Spark's local properties, and threads that share a copy break each other.
    fits = [inheritable_thread_target(partial(_fit_and_score, rows, name, held_out, spec)) for name, held_out in tasks]
    with ThreadPool(PARALLEL_FITS) as pool:
        fitted = dict(zip(tasks, pool.map(lambda fit: fit(), fits, chunksize=1), strict=True))
    candidates = []
    for name in spec.algorithms:
        model, test = fitted[name, spec.folds]
        folds = [fitted[name, fold][1] for fold in range(spec.folds)]
        candidates.append(Candidate(name, model, evaluate(folds, test)))
    candidates.sort(key=lambda candidate: -candidate.evaluation.metrics["cv_average_precision"])
    return Comparison(tuple(candidates), evaluate([_flat(fold) for fold in folds], _flat(test)))


def evaluate(folds: Sequence[HeldOut], test: HeldOut) -> Evaluation:
    """Calibrate and choose the threshold on the folds, then measure both on the test rows."""
    labels, scores = np.concatenate([f.labels for f in folds]), np.concatenate([f.scores for f in folds])
    calibration = platt_scaling(labels, scores)
    threshold = best_f1_threshold(labels, calibration.probability(scores))
    probabilities = calibration.probability(test.scores)
    metrics = {
        "cv_average_precision": np.mean([average_precision_score(f.labels, f.scores) for f in folds]),
        "test_auc": roc_auc_score(test.labels, test.scores),
        "test_average_precision": average_precision_score(test.labels, test.scores),
        "test_brier": brier_score_loss(test.labels, probabilities),
        "test_f1": f1_score(test.labels, probabilities >= threshold),
    }
    return Evaluation(calibration, threshold, {name: float(value) for name, value in metrics.items()})


def _flat(held_out: HeldOut) -> HeldOut:
    return HeldOut(held_out.labels, np.zeros_like(held_out.scores))


def _fit_and_score(rows: DataFrame, name: str, held_out: int, spec: TrainingSpec) -> tuple[Any, HeldOut]:
    """Fit on the training folds but the one held out, and score that; the test rows are the fold after the last."""
    training = rows.where(~F.col("fold").isin(held_out, spec.folds))
    model = ALGORITHMS[name](spec.seed).fit(training)
    scored = model.transform(rows.where(F.col("fold") == held_out)).select("label", score_column()).collect()
    labels, scores = np.array(scored, dtype=np.float64).T
    return model, HeldOut(labels, scores)

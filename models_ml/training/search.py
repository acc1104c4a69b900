"""The search: every algorithm at every point of its grid, on folds of the training users; the best point of each.

Spark takes some 30 ms for a job, however few the rows, and MLlib a job for each step of a fit. So logistic regression
is searched in NumPy, and MLlib fits it once, at the best point; the other algorithms MLlib fits on every fold.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from pyspark.sql import functions as F

from models_ml.computed_once import computed_once
from models_ml.evaluation.weighted_metrics import average_precision
from models_ml.spec.grids import algorithms
from models_ml.spec.training_spec import NONE, WEIGHTS
from models_ml.training.classifiers import fit
from models_ml.training.fitting import scorer_of
from models_ml.training.logistic import LOGISTIC, logistic_scorer
from models_ml.training.resampling import as_rows, sampled, weighted
from warehouse.contract.parallel import in_parallel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.ml import PipelineModel
    from pyspark.sql import DataFrame

    from models_ml.dataset.matrix import Matrix
    from models_ml.portable.arrays import Floats
    from models_ml.portable.scorers import Scorer
    from models_ml.spec.grids import Algorithm, Point, Setting
    from models_ml.spec.training_spec import TrainingSpec
    from models_ml.training.resampling import Sample


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """The same training rows twice: in Spark to fit on, with a vector column for each set, and here to score."""

    frame: DataFrame
    rows: Matrix
    feature_sets: Mapping[str, list[int]]


@dataclass(frozen=True, eq=False)
class Fold:
    """A fold held out, and the rows of all others twice: for Spark to fit on, and here."""

    training: TrainingRows
    number: int
    others: DataFrame
    sample: Sample


@dataclass(frozen=True, eq=False)
class BestPoint:
    """The best point of an algorithm: `held_out` are the scores of the training rows by fits that did not see them."""

    algorithm: Algorithm
    point: Point
    held_out: Floats
    average_precision: float


@dataclass(frozen=True, eq=False)
class FittedModel:
    """An algorithm at its best point, fitted on all training rows; the scorer takes the elements of its set."""

    chosen: BestPoint
    model: PipelineModel
    scorer: Scorer


def search(training: TrainingRows, spec: TrainingSpec) -> list[BestPoint]:
    """Return the best point of each algorithm, the one with the best mean average precision over the folds first."""
    folds = [_fold(training, number, spec) for number in range(spec.folds)]
    tasks = [(name, largest) for name in spec.algorithms for largest in algorithms()[name].fits]
    fits = [partial(_held_out, fold, algorithms()[name], largest, spec) for name, largest in tasks for fold in folds]
    scores = iter(in_parallel(fits))
    points = [
        BestPoint(algorithms()[name], point, held_out, _mean_precision(training.rows, held_out))
        for name, largest in tasks
        for point, held_out in _joined(training.rows, {fold.number: next(scores) for fold in folds}).items()
    ]
    best = {each.algorithm.name: each for each in sorted(points, key=lambda each: each.average_precision)}
    return sorted(best.values(), key=lambda each: -each.average_precision)


def fit_best(training: TrainingRows, points: list[BestPoint], spec: TrainingSpec) -> list[FittedModel]:
    """Fit each algorithm at its best point on all training rows."""
    frame, _ = _prepared(training, training.rows, spec)
    models = in_parallel([partial(_fit, training, frame, each.algorithm, each.point, spec) for each in points])
    return [FittedModel(each, *fitted) for each, fitted in zip(points, models, strict=True)]


def _fold(training: TrainingRows, number: int, spec: TrainingSpec) -> Fold:
    return Fold(training, number, *_prepared(training, training.rows.where(training.rows.folds != number), spec))


def _prepared(training: TrainingRows, rows: Matrix, spec: TrainingSpec) -> tuple[DataFrame, Sample]:
    """Return the rows, which are those of whole folds, with the imbalance dealt with, twice: in Spark and here."""
    sample = sampled(rows.elements, rows.labels, spec.imbalance, spec.seed)
    if spec.imbalance in {NONE, WEIGHTS}:
        of_folds = F.col("fold").isin([int(fold) for fold in np.unique(rows.folds)])
        return weighted(training.frame.where(of_folds), rows.labels, spec.imbalance), sample
    return computed_once(as_rows(training.frame, sample, training.feature_sets)), sample


def _fit(
    training: TrainingRows, frame: DataFrame, algorithm: Algorithm, point: Point, spec: TrainingSpec
) -> tuple[PipelineModel, Scorer]:
    indices = training.feature_sets[point.features]
    model = fit(algorithm, point, frame, len(indices), spec)
    return model, scorer_of(model, training.rows.elements[:, indices])


def _held_out(fold: Fold, algorithm: Algorithm, largest: Point, spec: TrainingSpec) -> dict[Point, Floats]:
    """Return the scores of the fold held out, by each of the points that one fit gives."""
    rows, indices = fold.training.rows, fold.training.feature_sets[largest.features]
    scorer: Scorer
    if algorithm.estimator == LOGISTIC:
        sample = fold.sample._replace(elements=fold.sample.elements[:, indices])
        scorer = logistic_scorer(sample, dict(largest.parameters)["regParam"], spec.components)
    else:
        _, scorer = _fit(fold.training, fold.others, algorithm, largest, spec)
    elements = rows.elements[rows.folds == fold.number][:, indices]
    return {point: _cut(scorer, cut).score(elements) for point, cut in algorithm.fits[largest].items()}


def _cut(scorer: Scorer, cut: Setting) -> Scorer:
    if not cut:
        return scorer
    trees = cut.get("numTrees", cut.get("maxIter"))
    smaller: Scorer = scorer.cut(trees, cut.get("maxDepth"))  # type: ignore[attr-defined]  # grids.yml cuts trees only
    return smaller


def _joined(rows: Matrix, by_fold: Mapping[int, Mapping[Point, Floats]]) -> dict[Point, Floats]:
    """Put the scores of the folds in the order of the rows."""
    joined = {point: np.empty(len(rows)) for point in by_fold[0]}
    for fold, of_points in by_fold.items():
        for point, scores in of_points.items():
            joined[point][rows.folds == fold] = scores
    return joined


def _mean_precision(rows: Matrix, scores: Floats) -> float:
    folds = [rows.folds == fold for fold in np.unique(rows.folds)]
    return float(np.mean([average_precision(rows.labels[fold], scores[fold]) for fold in folds]))

"""What the probabilities of several classes are worth on rows of known class, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from models_ml.evaluation.metrics import Interval, percentile_interval, user_resamples
from models_ml.evaluation.weighted_metrics import average_precision

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from models_ml.portable.arrays import Floats

    Labels = NDArray[np.int64]


@dataclass(frozen=True)
class ClassScore:
    """How well the probability of one class ranks its rows before all others; nan where it has none or all."""

    rows: int
    auc: float
    average_precision: float


@dataclass(frozen=True)
class OutcomeScore:
    """What one model is worth on the test rows.

    `loss_difference` is its log loss minus that of the reference, on the same resamples: better beyond chance where the
    interval lies below 0. accuracy, macro_f1 and weighted_f1 are those of calling the most probable class;
    `lifted_macro_f1` is that of calling the class with the largest probability times its call weight.
    """

    log_loss: Interval
    loss_difference: Interval
    accuracy: float
    macro_f1: Interval
    weighted_f1: float
    lifted_macro_f1: Interval
    by_class: Mapping[str, ClassScore]


@dataclass(frozen=True, eq=False)
class ScoringTask:
    """Rows of the class `classes[label]`, the weights of its calls by class, and the name of the reference model."""

    users: NDArray[np.generic]
    labels: Labels
    classes: Sequence[str]
    call_weights: Floats
    reference: str


def outcome_scores(task: ScoringTask, probabilities: Mapping[str, Floats]) -> dict[str, OutcomeScore]:
    """Measure each model by its probabilities [rows, classes].

    A class that has no row and is never called has an F1 of 0. The 95 % intervals are over resamples of users, as in
    `models_ml.evaluation.metrics.intervals`.

    Raises:
        OneClassOnly: all rows are of one class.
    """
    means = _means(task, {name: _terms(task, each) for name, each in probabilities.items()})
    reference_loss = means[task.reference][:, 0]
    return {name: _score(task, each, means[name], reference_loss) for name, each in probabilities.items()}


def macro_f1(labels: Labels, calls: Labels, classes: int) -> float:
    """Return the mean F1 of all classes; of one that has no row and is never called it is 0."""
    return float(_macro_f1(_f1_terms(labels, calls, classes).mean(axis=0, keepdims=True))[0])


def _means(task: ScoringTask, terms: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return the means of each model's terms: over all rows, then by resample."""
    all_rows = np.ones(len(task.labels), dtype=np.int64)
    # A resample of one class only is drawn again: so one that lacks rows of all but the most common class.
    is_less_common = (task.labels != np.bincount(task.labels).argmax()).astype(np.float64)
    columns = np.column_stack([all_rows, *terms.values()])
    sums = np.array([times @ columns for times in chain([all_rows], user_resamples(task.users, is_less_common))])
    return dict(zip(terms, np.split(sums[:, 1:] / sums[:, :1], len(terms), axis=1), strict=True))


def _terms(task: ScoringTask, probabilities: Floats) -> Floats:
    """Return the log loss of each row, and what the two macro F1 are made of."""
    labels, classes = task.labels, len(task.classes)
    loss = -np.log(probabilities[np.arange(len(labels)), labels])
    calls = probabilities.argmax(axis=1), (probabilities * task.call_weights).argmax(axis=1)
    return np.column_stack([loss, *(_f1_terms(labels, each, classes) for each in calls)])


def _f1_terms(labels: Labels, calls: Labels, classes: int) -> Floats:
    """Return, for each row and class, whether it is hit, and whether it is the label plus whether it is called."""
    is_label, is_called = (each[:, None] == np.arange(classes) for each in (labels, calls))
    return np.column_stack([is_label & is_called, is_label.astype(np.float64) + is_called])


def _macro_f1(means: Floats) -> Floats:
    hits, labels_and_calls = np.split(means, 2, axis=1)
    f1: Floats = (2 * hits / np.where(labels_and_calls > 0, labels_and_calls, 1.0)).mean(axis=1)
    return f1


def _score(task: ScoringTask, probabilities: Floats, means: Floats, reference_loss: Floats) -> OutcomeScore:
    plain, lifted = np.split(means[:, 1:], 2, axis=1)
    calls = probabilities.argmax(axis=1)
    return OutcomeScore(
        log_loss=_interval(means[:, 0]),
        loss_difference=_interval(means[:, 0] - reference_loss),
        accuracy=float(accuracy_score(task.labels, calls)),
        macro_f1=_interval(_macro_f1(plain)),
        weighted_f1=float(f1_score(task.labels, calls, average="weighted", zero_division=0)),
        lifted_macro_f1=_interval(_macro_f1(lifted)),
        by_class={
            name: _class_score(task.labels == place, probabilities[:, place]) for place, name in enumerate(task.classes)
        },
    )


def _class_score(is_class: NDArray[np.bool_], probability: Floats) -> ClassScore:
    rows = int(is_class.sum())
    if rows in {0, len(is_class)}:
        return ClassScore(rows, float("nan"), float("nan"))
    precision = average_precision(is_class.astype(np.float64), probability)
    return ClassScore(rows, float(roc_auc_score(is_class, probability)), precision)


def _interval(values: Floats) -> Interval:
    """Return the first value with the interval of the others, its resamples."""
    return percentile_interval(values[0], values[1:])

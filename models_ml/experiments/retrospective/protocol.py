"""The protocol of the public Sparkify notebooks, on our tables: to stand beside the honest numbers, not to score by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark.ml.classification import GBTClassifier, LogisticRegression, RandomForestClassifier
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import functions as F
from sklearn.metrics import roc_auc_score

from models_ml.computed_once import computed_once
from models_ml.errors import TooFewUsers
from models_ml.evaluation.metrics import metrics
from models_ml.experiments.retrospective.features import (
    LEAKING_COLUMNS,
    LIFETIME_COLUMNS,
    snapshot,
    user_rows,
    whole_lives,
)
from models_ml.experiments.retrospective.texts import (
    AS_OF_ONE_DATE,
    LEAKING,
    NOBODY,
    WITHOUT_CANCEL,
    retrospective_text,
)
from warehouse.contract.parallel import in_parallel

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from pyspark.ml.base import Estimator
    from pyspark.sql import DataFrame, SparkSession

    from models_ml.experiments.retrospective.features import UserRows
    from models_ml.portable.arrays import Floats

MIN_USERS, MIN_CHURNERS = 30, 5


@dataclass(frozen=True)
class RetrospectiveRow:
    """What one model of one variant is worth on the test users, of whom `churners` churned.

    Calls are made at a probability of 0.5, MLlib's default. `weighted_f1` is the metric "f1" of its
    MulticlassClassificationEvaluator: F1 of both classes, weighted by their users; `f1` is that of the churners.
    """

    variant: str
    model: str
    users: int
    churners: int
    weighted_f1: float
    f1: float
    accuracy: float
    auc: float
    average_precision: float


@dataclass(frozen=True)
class RetrospectiveReport:
    """Per variant the three models, the best column alone, and nobody churns; and what they say, in words.

    `as_of` is the snapshot of the third variant.
    On a small log too few users churn within the horizon of one date: the text then says so, and has no third variant.
    """

    rows: tuple[RetrospectiveRow, ...]
    text: str
    as_of: date


def retrospective(spark: SparkSession, feature_names: Sequence[str], seed: int = 42) -> RetrospectiveReport:
    """Evaluate the notebooks' way, with and without the leaking columns, and on the named features as of one date.

    Source of the protocol: the public notebooks on the Sparkify log, which split users at random, 80 to 20, fit MLlib
    with its defaults and judge by weighted F1. Nothing is written.

    Raises:
        MissingTable, MissingFeatures, NoKnownSnapshot: the warehouse has not what this reads.
        TooFewUsers: a part of the split of whole lives has too few users or churners.
    """
    middle = snapshot(spark, feature_names)
    lives = computed_once(whole_lives(spark))
    variants = {
        LEAKING: user_rows(lives, (*LEAKING_COLUMNS, *LIFETIME_COLUMNS), seed),
        WITHOUT_CANCEL: user_rows(lives, LIFETIME_COLUMNS, seed),
        AS_OF_ONE_DATE: user_rows(middle.users, feature_names, seed),
    }
    too_few = {variant: reason for variant, users in variants.items() if (reason := _too_few(variant, users))}
    if too_few.keys() - {AS_OF_ONE_DATE}:
        raise TooFewUsers(next(iter(too_few.values())))
    rows = tuple(row for name, users in variants.items() if name not in too_few for row in _judged(name, users, seed))
    text = retrospective_text(rows, middle.as_of, middle.horizon_days, too_few.get(AS_OF_ONE_DATE))
    return RetrospectiveReport(rows, text, middle.as_of)


def _judged(variant: str, users: UserRows, seed: int) -> list[RetrospectiveRow]:
    """Fit the three models and the best column alone, all at once, and measure them and nobody churns."""
    best = _best_element(users)
    alone = users.rows.withColumn("features", array_to_vector(F.array(F.col("elements")[best])))
    tasks: dict[str, tuple[Estimator[Any], DataFrame]] = {
        "logistic_regression": (LogisticRegression(), users.rows),
        "random_forest": (RandomForestClassifier(seed=seed), users.rows),
        "gradient_boosted_trees": (GBTClassifier(seed=seed), users.rows),
        f"{users.elements[best]} alone": (LogisticRegression(), alone),
    }
    scored = in_parallel([partial(_fit_and_score, *task) for task in tasks.values()])
    tested = users.labels[users.is_test]
    nothing = np.zeros_like(tested)
    rows = [_row(variant, model, *result) for model, result in zip(tasks, scored, strict=True)]
    return [*rows, _row(variant, NOBODY, tested, nothing, nothing)]


def _too_few(variant: str, users: UserRows) -> str | None:
    """Return why the variant cannot be judged, or None if it can."""
    for part, of_part in (("training", ~users.is_test), ("test", users.is_test)):
        count, churners = int(of_part.sum()), int(users.labels[of_part].sum())
        if count < MIN_USERS or min(churners, count - churners) < MIN_CHURNERS:
            return (
                f"{variant}: {count} {part} users, {churners} of them churners; at least {MIN_USERS} users, "
                f"{MIN_CHURNERS} churners and {MIN_CHURNERS} others are needed: build the warehouse on more users"
            )
    return None


def _best_element(users: UserRows) -> int:
    """Return the place of the element that ranks the training users best, from whichever end."""
    labels, values = users.labels[~users.is_test], users.values[~users.is_test]
    return int(np.argmax([abs(roc_auc_score(labels, column) - 0.5) for column in values.T]))


def _fit_and_score(estimator: Estimator[Any], rows: DataFrame) -> tuple[Floats, Floats, Floats]:
    """Return label, call (0 or 1) and ranking score of each test user."""
    model = estimator.fit(rows.where(~F.col("is_test")))
    score = vector_to_array(F.col("rawPrediction"))[1]
    scored = model.transform(rows.where("is_test")).select("label", "prediction", score).collect()
    labels, calls, scores = np.array(scored, dtype=np.float64).T
    return labels, calls, scores


def _row(variant: str, model: str, labels: Floats, calls: Floats, scores: Floats) -> RetrospectiveRow:
    measured = metrics(labels, calls, 0.5, scores)
    names = ("weighted_f1", "f1", "accuracy", "auc", "average_precision")
    return RetrospectiveRow(variant, model, len(labels), int(labels.sum()), *(measured[name] for name in names))

"""Walking forward over past dates: what would have been predicted then, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from models_ml import tables
from models_ml.dataset.training_set import known_snapshots, training_set
from models_ml.errors import TooFewSnapshots
from models_ml.monitoring.prediction_outcomes import record_backtest
from models_ml.training.trained_models import TrainedModels, trained_models
from warehouse.contract.labels import label_named

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from pyspark.sql import DataFrame, SparkSession

    from models_ml.dataset.training_set import TrainingSet
    from models_ml.evaluation.metrics import Interval
    from models_ml.spec.training_spec import TrainingSpec

ROWS = """label string, model_version string, as_of_date date, user_id string, churn_probability double,
    predicted_churn boolean, outcome boolean, outcome_known_at date"""


@dataclass(frozen=True)
class BacktestDate:
    """One past date: what was trained with what was known by then, and its metrics on the users of that date."""

    as_of: date
    algorithm: str
    train_snapshots: int
    train_rows: int
    rows: int
    positives: int
    metrics: dict[str, Interval]


def backtest(spark: SparkSession, spec: TrainingSpec, features: Sequence[str], dates: int) -> list[BacktestDate]:
    """Train at each of the last `dates` snapshots with a known outcome, on what was known by then, and score it.

    The whole training is run each time, search and calibration too. Rows go to monitoring.prediction_outcomes.

    Raises:
        MissingTable, MissingFeatures, TooFewSnapshots, TooFewUsers, OneClassOnly: dates before stay written.
    """
    known, labels = (tables.table_state(spark, name).rows for name in (tables.FEATURES, tables.LABELS))
    days, horizon_days = known_snapshots(labels, spec.label)
    embargo = timedelta(days=horizon_days * label_named(spec.label).horizons_ahead)
    testable = [day for day in sorted(days) if min(days) + embargo <= day]
    if not testable:
        msg = f"no snapshot with a known {spec.label} has one {embargo.days} days before it: build on a longer log"
        raise TooFewSnapshots(msg)
    specs = [replace(spec, test_from=day, test_snapshots=1) for day in testable[-dates:]]
    return [_backtest_date(spark, training_set(known, labels, each, features), each) for each in specs]


def _backtest_date(spark: SparkSession, dataset: TrainingSet, spec: TrainingSpec) -> BacktestDate:
    try:
        models = trained_models(dataset, spec)
    finally:
        dataset.rows.unpersist()
    [as_of] = dataset.split.test
    record_backtest(spark, _rows(spark, models, as_of))
    return BacktestDate(
        as_of=as_of,
        algorithm=models.algorithm,
        train_snapshots=len(dataset.split.train),
        train_rows=dataset.train.rows,
        rows=dataset.test.rows,
        positives=dataset.test.positives,
        metrics=models.evaluation.metrics,
    )


def _rows(spark: SparkSession, models: TrainedModels, as_of: date) -> DataFrame:
    """What the best model of then said of each user, and what came of it."""
    scored, test = models.evaluation.scored, models.test
    calls = scored.probabilities >= scored.threshold
    known_at = as_of + timedelta(days=models.dataset.horizon_days * label_named(models.spec.label).horizons_ahead)
    shared = (models.spec.label, f"backtest-{as_of}", as_of)
    rows = [
        (*shared, str(user), float(probability), bool(call), bool(label), known_at)
        for user, probability, call, label in zip(test.users, scored.probabilities, calls, test.labels, strict=True)
    ]
    return spark.createDataFrame(rows, ROWS)

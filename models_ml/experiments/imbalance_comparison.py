"""What each way to deal with imbalance is worth, measured once, on the same folds and the same test rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from models_ml import tables
from models_ml.dataset.training_set import training_set
from models_ml.spec.training_spec import METHODS
from models_ml.training.trained_models import trained_models
from warehouse.contract.tables import append_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import SparkSession

    from models_ml.spec.training_spec import TrainingSpec
    from models_ml.training.trained_models import TrainedModels

COMPARISONS = "monitoring.imbalance_comparisons"
METRICS = ("average_precision", "auc", "brier_skill", "calibration_error", "f1")


@dataclass(frozen=True)
class ComparedModel:
    """One algorithm under one way to deal with imbalance: metrics on the test rows."""

    imbalance: str
    algorithm: str
    is_best: bool
    fold_average_precision: float
    metrics: dict[str, float]


def compare_imbalance(
    spark: SparkSession, spec: TrainingSpec, features: Sequence[str], run_id: str
) -> list[ComparedModel]:
    """Train with each way to deal with imbalance, and keep the table in monitoring.imbalance_comparisons.

    Raises:
        MissingTable, MissingFeatures, TooFewSnapshots, TooFewUsers, OneClassOnly: nothing is written.
    """
    known, labels = (tables.table_state(spark, name).rows for name in (tables.FEATURES, tables.LABELS))
    dataset = training_set(known, labels, spec, features)
    try:
        compared = [
            each for method in METHODS for each in _compared(trained_models(dataset, replace(spec, imbalance=method)))
        ]
    finally:
        dataset.rows.unpersist()
    _record(spark, spec, compared, run_id)
    return compared


def _compared(models: TrainedModels) -> list[ComparedModel]:
    return [
        ComparedModel(
            imbalance=models.spec.imbalance,
            algorithm=name,
            is_best=name == models.algorithm,
            fold_average_precision=on_folds,
            metrics={metric: models.evaluations[name].metrics[metric].value for metric in METRICS},
        )
        for name, on_folds in models.folds.items()
    ]


def _record(spark: SparkSession, spec: TrainingSpec, compared: list[ComparedModel], run_id: str) -> None:
    shared = {"run_id": run_id, "label": spec.label, "compared_at": datetime.now(timezone.utc)}
    append_rows(spark, COMPARISONS, [shared | vars(each) | each.metrics for each in compared])

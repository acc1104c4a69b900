"""ml.model_versions: one row per model version, written by a training, read by a prediction."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from models_ml import tables
from models_ml.errors import NoModelYet, UnknownModelVersion

if TYPE_CHECKING:
    from pyspark.sql import Row, SparkSession

    from models_ml.training_report import TrainingReport


def record_model_version(spark: SparkSession, report: TrainingReport) -> None:
    """Append the row of a training; from then on predictions use it."""
    tables.create_ml_tables(spark)
    row = _row(report) | {"trained_at": datetime.now(timezone.utc), "spark_version": spark.version}
    schema = spark.table(tables.MODEL_VERSIONS).schema
    frame = spark.createDataFrame([tuple(row[name] for name in schema.names)], schema)
    frame.coalesce(1).writeTo(tables.MODEL_VERSIONS).append()


def find_model_version(spark: SparkSession, label: str, wanted: str | None) -> Row:
    """Return the row of the wanted version of a label, else of its newest chosen one.

    Raises:
        NoModelYet, UnknownModelVersion: the message lists what there is.
    """
    if not spark.catalog.tableExists(tables.MODEL_VERSIONS):
        msg = f"no model has been trained yet: run sparkhouse train --label {label}"
        raise NoModelYet(msg)
    versions = spark.table(tables.MODEL_VERSIONS).orderBy(F.desc("trained_at")).drop("feature_names").collect()
    of_label = [version for version in versions if version.label == label]
    if not of_label:
        others = ", ".join(sorted({version.label for version in versions})) or "no label"
        msg = f"no model for {label} yet, only for {others}: run sparkhouse train --label {label}"
        raise NoModelYet(msg)
    found = [v for v in of_label if (v.is_chosen if wanted is None else v.model_version == wanted)]
    if not found:
        there = ", ".join(version.model_version for version in of_label)
        msg = f"label {label} has no model version {wanted or 'that is chosen'}: name one of {there}"
        raise UnknownModelVersion(msg)
    return found[0]


def _row(report: TrainingReport) -> dict[str, Any]:
    calibration, split = report.evaluation.calibration, report.split
    return {
        "model_version": report.model_version,
        "label": report.label,
        "algorithm": report.algorithm,
        "is_chosen": True,
        "horizon_days": report.horizon_days,
        "train_from": split.train[0],
        "train_to": split.train[-1],
        "test_from": split.test[0],
        "test_to": split.test[-1],
        **{f"train_{name}": count for name, count in vars(report.train).items()},
        **{f"test_{name}": count for name, count in vars(report.test).items()},
        "threshold": report.evaluation.threshold,
        "calibration_slope": calibration.slope,
        "calibration_intercept": calibration.intercept,
        "metrics": report.evaluation.metrics | by_algorithm(report.metrics),
        "parameters": report.parameters,
        "feature_names": list(report.feature_names),
        **vars(report.published),
        "table_snapshot_ids": report.table_snapshot_ids,
        "seed": report.seed,
    }


def by_algorithm(metrics: dict[str, dict[str, float]]) -> dict[str, float]:
    """Return the metrics of all algorithms as metric.algorithm."""
    return {f"{metric}.{name}": value for name, values in metrics.items() for metric, value in values.items()}

"""Prediction: score one snapshot with one model version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from models_ml import tables
from models_ml.errors import NoSuchSnapshot
from models_ml.evaluation import score_column
from models_ml.model_versions import find_model_version
from models_ml.tracking import load_model
from models_ml.training_spec import check_label

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from pyspark.sql import DataFrame, Row, SparkSession

TOP = 10


@dataclass(frozen=True)
class UserAtRisk:
    user_id: str
    churn_probability: float
    risk_decile: int
    predicted_churn: bool


@dataclass(frozen=True)
class PredictionReport:
    """What was scored, with the users most at risk first (ten at most)."""

    label: str
    model_version: str
    as_of: date
    users: int
    most_at_risk: tuple[UserAtRisk, ...]


def predict(
    spark: SparkSession, label: str, as_of: date | None, model_version: str | None, mlflow_dir: Path
) -> PredictionReport:
    """Score a snapshot (the newest, unless one is named) and replace its rows of this version in ml.churn_predictions.

    Without a version the newest chosen one of the label scores.

    Raises:
        UnknownLabel, MissingTable, NoSuchSnapshot, NoModelYet, UnknownModelVersion, ModelNotStored: nothing is written.
    """
    check_label(label)
    version = find_model_version(spark, label, model_version)
    features = tables.source_table(spark, tables.FEATURES).rows
    day, users = _snapshot(features, as_of)
    model = load_model(version.model_uri, mlflow_dir)
    scored = _scored(model.transform(features.where(F.col("as_of_date") == F.lit(day))), version).persist()
    try:
        replaced = (F.col("as_of_date") == F.lit(day)) & (F.col("label") == label)
        tables.create_ml_tables(spark)
        scored.writeTo(tables.PREDICTIONS).overwrite(replaced & (F.col("model_version") == version.model_version))
        top = scored.orderBy(F.desc("churn_probability"), "risk_decile", "user_id").limit(TOP).collect()
    finally:
        scored.unpersist()
    at_risk = tuple(UserAtRisk(r.user_id, r.churn_probability, r.risk_decile, r.predicted_churn) for r in top)
    return PredictionReport(label, version.model_version, day, users, at_risk)


def _snapshot(features: DataFrame, as_of: date | None) -> tuple[date, int]:
    """Return the date to score and its number of users."""
    counted = features.groupBy("as_of_date").count().collect()
    users: dict[date, int] = {row.as_of_date: row["count"] for row in counted}
    day = as_of or max(users, default=None)
    if day is None or day not in users:
        there = ", ".join(str(known) for known in sorted(users)) or "none: build the warehouse first"
        msg = f"{tables.FEATURES} has no snapshot {day or ''}; there are {there}"
        raise NoSuchSnapshot(msg)
    return day, users[day]


def _scored(transformed: DataFrame, version: Row) -> DataFrame:
    """Rows of ml.churn_predictions. The decile follows the score, so it ranks also where the calibration is flat."""
    probability = 1 / (1 + F.exp(-(version.calibration_slope * F.col("score") + version.calibration_intercept)))
    ranked = Window.partitionBy("as_of_date").orderBy(F.desc("score"), "user_id")
    scored = transformed.withColumn("score", score_column()).withColumn("churn_probability", probability)
    return scored.select(
        "user_id",
        "as_of_date",
        F.lit(version.label).alias("label"),
        F.lit(version.model_version).alias("model_version"),
        "churn_probability",
        F.ntile(10).over(ranked).alias("risk_decile"),
        (F.col("churn_probability") >= version.threshold).alias("predicted_churn"),
        F.current_timestamp().alias("scored_at"),
    )

"""Prediction: score one snapshot with one model version, and say why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql import Window
from pyspark.sql import functions as F

from models_ml import tables
from models_ml.dataset.arrow import arrow_tables, columns_of
from models_ml.dataset.vectors import KEYS
from models_ml.errors import NoSuchSnapshot
from models_ml.monitoring.drift import SCORE, TrainingProfile
from models_ml.monitoring.tables import record_drift
from models_ml.portable.model import PortableModel
from models_ml.registry.model_versions import find_model_version
from models_ml.registry.tracking import PROFILE, load_text
from models_ml.scoring.reasons import reasons
from models_ml.spec.training_spec import check_label
from warehouse.contract.tables import create_or_widen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date
    from pathlib import Path

    from pyspark.sql import DataFrame, Row, SparkSession

    from models_ml.monitoring.drift import Drift

TOP = 10
SCORED = """user_id string, as_of_date date, score double, churn_probability double, churn_probability_low double,
    churn_probability_high double, predicted_churn boolean, reasons array<string>"""


@dataclass(frozen=True)
class UserAtRisk:
    user_id: str
    churn_probability: float
    risk_decile: int
    predicted_churn: bool
    reasons: tuple[str, ...]


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

    Without a version the champion of the label scores. How far the snapshot has drifted from what the version was
    trained on goes to monitoring.feature_drift.

    Raises:
        UnknownLabel, MissingTable, NoSuchSnapshot, NoModelYet, UnknownModelVersion, ModelNotStored: nothing is written.
    """
    check_label(label)
    version = find_model_version(spark, label, model_version)
    features = tables.table_state(spark, tables.FEATURES).rows
    day, users = _snapshot(features, as_of)
    stored = load_text(version.portable_uri, mlflow_dir)
    profile = TrainingProfile.from_json(load_text(f"{version.portable_uri.rpartition('/')[0]}/{PROFILE}", mlflow_dir))
    snapshot = features.where(F.col("as_of_date") == F.lit(day))
    scored = _predictions(scored_rows(snapshot, stored), version).persist()
    try:
        replaced = (F.col("as_of_date") == F.lit(day)) & (F.col("label") == label)
        create_or_widen(spark, tables.PREDICTIONS)
        written = scored.drop("score").select(spark.table(tables.PREDICTIONS).columns)
        written.writeTo(tables.PREDICTIONS).overwrite(replaced & (F.col("model_version") == version.model_version))
        top = scored.orderBy(F.desc("churn_probability"), "risk_decile", "user_id").limit(TOP).collect()
    finally:
        scored.unpersist()
    drifts = _drifts(profile, PortableModel.from_json(stored), snapshot)
    record_drift(spark, label, version.model_version, day, drifts)
    at_risk = tuple(
        UserAtRisk(r.user_id, r.churn_probability, r.risk_decile, r.predicted_churn, tuple(r.reasons)) for r in top
    )
    return PredictionReport(label, version.model_version, day, users, at_risk)


def scored_rows(features: DataFrame, stored: str) -> DataFrame:
    """Return score, probability with its interval, decision and reasons of each row, by the model that is `stored`."""

    def scored(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        model = PortableModel.from_json(stored)
        for batch in batches:
            if batch.num_rows:
                yield _scored(model, batch)

    inputs = PortableModel.from_json(stored).encoder.inputs
    return features.select(*KEYS, *inputs).mapInArrow(scored, SCORED)


def _scored(model: PortableModel, batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = columns_of(pa.Table.from_batches([batch]))
    scores = model.score(columns)
    low, high = model.band.interval(scores)
    return pa.record_batch(
        {
            **{key: batch[key] for key in KEYS},
            "score": scores,
            "churn_probability": model.probability(scores),
            "churn_probability_low": low,
            "churn_probability_high": high,
            "predicted_churn": model.decision(scores),
            "reasons": pa.array(reasons(model, columns), pa.list_(pa.string())),
        }
    )


def _snapshot(features: DataFrame, as_of: date | None) -> tuple[date, int]:
    """Return the date to score and its number of users."""
    counted = features.groupBy("as_of_date").count().collect()
    users: dict[date, int] = {row.as_of_date: row["count"] for row in counted}
    day = as_of or max(users, default=None)
    if day is None or day not in users:
        existing = ", ".join(str(known) for known in sorted(users)) or "none: build the warehouse first"
        msg = f"{tables.FEATURES} has no snapshot {day or ''}; there are {existing}"
        raise NoSuchSnapshot(msg)
    return day, users[day]


def _predictions(scored: DataFrame, version: Row) -> DataFrame:
    """Rows of ml.churn_predictions. The decile follows the score, so it ranks also where the calibration is flat."""
    ranked = Window.partitionBy("as_of_date").orderBy(F.desc("score"), "user_id")
    return scored.withColumns(
        {
            "label": F.lit(version.label),
            "model_version": F.lit(version.model_version),
            "risk_decile": F.ntile(10).over(ranked),
            "scored_at": F.current_timestamp(),
        }
    )


def _drifts(profile: TrainingProfile, model: PortableModel, snapshot: DataFrame) -> Sequence[Drift]:
    columns = columns_of(pa.concat_tables(arrow_tables(snapshot)))
    return profile.drift(model.monitored(columns) | {SCORE: model.score(columns)})

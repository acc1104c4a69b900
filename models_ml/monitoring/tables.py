"""The tables that models are watched by: how far their features have moved, and how their predictions came out."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from warehouse.contract.tables import create_or_widen, in_columns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from pyspark.sql import SparkSession

    from models_ml.monitoring.drift import Drift

FEATURE_DRIFT = "monitoring.feature_drift"
OUTCOMES = "monitoring.prediction_outcomes"
PERFORMANCE = "monitoring.model_performance"


def record_drift(spark: SparkSession, label: str, model_version: str, as_of: date, drifts: Sequence[Drift]) -> None:
    """Write what was measured of a scored snapshot in place of what was measured before, in one commit."""
    create_or_widen(spark, FEATURE_DRIFT)
    shared = {
        "label": label,
        "model_version": model_version,
        "as_of_date": as_of,
        "measured_at": datetime.now(timezone.utc),
    }
    frame = in_columns(spark, FEATURE_DRIFT, [vars(drift) | shared for drift in drifts])
    of_model = (F.col("label") == label) & (F.col("model_version") == model_version)
    frame.coalesce(1).writeTo(FEATURE_DRIFT).overwrite(of_model & (F.col("as_of_date") == F.lit(as_of)))

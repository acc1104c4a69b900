"""How predictions came out: monitoring.prediction_outcomes, and what they were worth: monitoring.model_performance."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as F

from models_ml import tables
from models_ml.dataset.arrow import arrow_tables
from models_ml.dataset.training_set import known_snapshots
from models_ml.errors import OneClassOnly
from models_ml.evaluation.metrics import metrics
from models_ml.monitoring.tables import OUTCOMES, PERFORMANCE
from warehouse.contract.labels import label_named, label_names
from warehouse.contract.tables import create_or_widen, in_columns

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from models_ml.portable.arrays import Floats

PUBLISHED, BACKTEST = "published", "backtest"
_SNAPSHOT = ("label", "model_version", "origin", "as_of_date")
_OF_TWO_CLASSES = ("auc", "average_precision", "brier", "brier_skill", "calibration_error", "lift_top_10")


def record_outcomes(spark: SparkSession) -> int:
    """Record how the published predictions came out; return how many rows that are.

    Of a snapshot only the whole counts: as long as it is censored, known are those who left (see known_snapshots). All
    `published` rows are replaced, so that none stays of predictions or labels that are gone; backtests stay. What was
    foretold for another horizon than that of the labels is not judged by them. Reads what the session sees: call it
    once the predictions are published.

    Raises:
        MissingTable: the warehouse was not built.
    """
    labels = tables.table_state(spark, tables.LABELS).rows
    if not spark.catalog.tableExists(tables.PREDICTIONS):
        return 0
    predictions = spark.table(tables.PREDICTIONS)
    known = _known(predictions, labels)
    keys = ("user_id", "as_of_date", "known_days")
    labelled = labels.withColumnRenamed("horizon_days", "known_days")
    outcomes = labelled.unpivot(keys, [*label_names()], "label", "outcome")
    rows = predictions.join(outcomes, ["user_id", "as_of_date", "label"]).join(known, ["label", "as_of_date"])
    if spark.catalog.tableExists(tables.MODEL_VERSIONS):
        horizons = spark.table(tables.MODEL_VERSIONS).select("model_version", "horizon_days").distinct()
        rows = rows.join(horizons, "model_version", "left").where("coalesce(horizon_days, known_days) = known_days")
    return _replace(spark, rows, PUBLISHED, F.col("origin") == PUBLISHED)


def record_backtest(spark: SparkSession, rows: DataFrame) -> int:
    """Record how predictions of a backtest came out, in place of earlier ones of the same labels and model versions.

    `rows` has the columns of monitoring.prediction_outcomes, but for origin and recorded_at. Returns how many they are.
    """
    versions = rows.select("label", "model_version").distinct().collect()
    of_versions = [(F.col("label") == row.label) & (F.col("model_version") == row.model_version) for row in versions]
    return _replace(spark, rows, BACKTEST, (F.col("origin") == BACKTEST) & reduce(or_, of_versions)) if versions else 0


def _known(predictions: DataFrame, labels: DataFrame) -> DataFrame:
    """Return label, as_of_date and outcome_known_at of the snapshots whose labels are all known."""
    known = []
    for row in predictions.select("label").distinct().collect():
        days, horizon_days = known_snapshots(labels, row.label)
        horizon = timedelta(days=horizon_days * label_named(row.label).horizons_ahead)
        known += [(row.label, day, day + horizon) for day in days]
    return labels.sparkSession.createDataFrame(known, "label string, as_of_date date, outcome_known_at date")


def _replace(spark: SparkSession, rows: DataFrame, origin: str, is_replaced: Column) -> int:
    """Write outcomes, and the performance that follows from them; return the number of outcomes."""
    create_or_widen(spark, OUTCOMES, PERFORMANCE)
    recorded_at = datetime.now(timezone.utc)
    added = {"origin": F.lit(origin), "recorded_at": F.lit(recorded_at)}
    _overwrite(rows.withColumns(added), OUTCOMES, is_replaced)
    measured = _performance(spark.table(OUTCOMES).where(is_replaced))
    written = in_columns(spark, PERFORMANCE, [row | {"recorded_at": recorded_at} for row in measured])
    _overwrite(written, PERFORMANCE, is_replaced)
    return sum(row["rows"] for row in measured)


def _overwrite(rows: DataFrame, table: str, is_replaced: Column) -> None:
    rows.select(rows.sparkSession.table(table).columns).coalesce(1).writeTo(table).overwrite(is_replaced)


def _performance(outcomes: DataFrame) -> list[dict[str, Any]]:
    read = list(arrow_tables(outcomes.select(*_SNAPSHOT, "churn_probability", "outcome")))
    if not read:
        return []
    columns = [("churn_probability", "list"), ("outcome", "list")]
    snapshots = pa.concat_tables(read).group_by(list(_SNAPSHOT), use_threads=False).aggregate(columns).to_pylist()
    return [
        {name: snapshot[name] for name in _SNAPSHOT}
        | performance(np.array(snapshot["churn_probability_list"]), np.array(snapshot["outcome_list"], dtype=float))
        for snapshot in snapshots
    ]


def performance(probabilities: Floats, outcomes: Floats) -> dict[str, Any]:
    """Return what the predictions of a snapshot were worth; None are metrics that take users of both outcomes."""
    rows, positives = len(outcomes), int(outcomes.sum())
    mean, rate = float(probabilities.mean()), positives / rows
    counted = {"rows": rows, "positives": positives, "mean_probability": mean, "observed_rate": rate}
    try:
        measured = metrics(outcomes, probabilities, threshold=0.5)
    except OneClassOnly:
        brier = float(((probabilities - outcomes) ** 2).mean())
        # All probabilities err to one side, so each bin's distance adds to that of all rows.
        return dict.fromkeys(_OF_TWO_CLASSES) | counted | {"brier": brier, "calibration_error": abs(mean - rate)}
    return counted | {name: measured[name] for name in _OF_TWO_CLASSES}

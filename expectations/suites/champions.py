"""The champions of `ml.model_versions`: a version that was replaced or retired is judged no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

TABLE = "ml.model_versions"
KNOWN = ("model_version", "train_to", "test_to", "horizon_days", "metrics")


def champions(spark: SparkSession) -> DataFrame | None:
    """One row per label that has a champion: its version, and what it was trained and tested on."""
    if not spark.catalog.tableExists(TABLE):
        return None
    chosen = spark.table(TABLE).where("is_chosen").groupBy("label")
    return chosen.agg(F.max_by(F.struct(*KNOWN), "trained_at").alias("champion")).select("label", "champion.*")

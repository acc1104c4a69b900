"""`monitoring.validation_results`: every rule of every run, for SQL."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import SparkSession

    from expectations.report import RuleResult

TABLE = "monitoring.validation_results"
COLUMNS = (
    "run_id string, suite string, table_name string, rule string, column_name string, success boolean, "
    "is_error boolean, observed_value string, element_count bigint, unexpected_count bigint, "
    "examples array<string>, message string, validated_at timestamp"
)


def append(spark: SparkSession, run_id: str, results: Sequence[RuleResult]) -> None:
    """Append one row per rule, in one commit; make the table first where it is missing."""
    spark.sql("create namespace if not exists monitoring")
    spark.sql(f"create table if not exists {TABLE} ({COLUMNS}) using iceberg")
    validated_at = datetime.now(timezone.utc)
    rows = [(run_id, *asdict(result).values(), validated_at) for result in results]
    spark.createDataFrame(rows, COLUMNS).coalesce(1).writeTo(TABLE).append()

"""The tables of the gate in `monitoring`: what it found, for SQL."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

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


@dataclass(frozen=True)
class Record:
    """Rows of a table of their own, which a suite leaves behind; `run_id` comes first in each."""

    table: str
    columns: str
    rows: tuple[tuple[Any, ...], ...]


def append(spark: SparkSession, run_id: str, results: Sequence[RuleResult]) -> None:
    """Append one row per rule."""
    validated_at = datetime.now(timezone.utc)
    append_record(spark, run_id, Record(TABLE, COLUMNS, tuple((*asdict(r).values(), validated_at) for r in results)))


def append_record(spark: SparkSession, run_id: str, record: Record) -> None:
    """Append the rows in one commit; make the table first where it is missing."""
    spark.sql("create namespace if not exists monitoring")
    # Not on the branch of a run: what stopped it has to be seen, too.
    spark.sql(
        f"create table if not exists {record.table} ({record.columns}) using iceberg "
        "tblproperties ('write.wap.enabled' = 'false')"
    )
    rows = [(run_id, *row) for row in record.rows]
    spark.createDataFrame(rows, record.columns).coalesce(1).writeTo(record.table).append()

"""The tables of the gate in `monitoring`: what it found, for SQL."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from warehouse.contract.tables import append_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import SparkSession

    from expectations.report import RuleResult

TABLE = "monitoring.validation_results"


@dataclass(frozen=True)
class Record:
    """Rows of a table of their own, by column name, which a suite leaves behind."""

    table: str
    rows: tuple[dict[str, Any], ...]


def append(spark: SparkSession, run_id: str, results: Sequence[RuleResult]) -> None:
    """Append one row per rule."""
    validated_at = datetime.now(timezone.utc)
    append_record(spark, run_id, Record(TABLE, tuple(asdict(r) | {"validated_at": validated_at} for r in results)))


def append_record(spark: SparkSession, run_id: str, record: Record) -> None:
    """Append the rows in one commit; not on the branch of a run, for what stopped it has to be seen, too."""
    append_rows(spark, record.table, [{"run_id": run_id} | row for row in record.rows])

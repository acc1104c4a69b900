"""The tables of the gate in `monitoring`: what it found, for SQL."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from expectations.suite import Record
from warehouse.contract.tables import append_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import SparkSession

    from expectations.report import RuleResult

TABLE = "monitoring.validation_results"


def append(spark: SparkSession, run_id: str, results: Sequence[RuleResult]) -> None:
    """Append one row per rule."""
    validated_at = datetime.now(timezone.utc)
    append_record(spark, run_id, Record(TABLE, tuple(asdict(r) | {"validated_at": validated_at} for r in results)))


def append_record(spark: SparkSession, run_id: str, record: Record) -> None:
    """Append the rows in one commit; not on the branch of a run, for what stopped it has to be seen, too."""
    append_rows(spark, record.table, [{"run_id": run_id} | row for row in record.rows])

"""The tables of the gate in `monitoring`: what it found, and what people accepted of it, for SQL."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from expectations.report import RESULTS
from warehouse.contract.tables import append_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import SparkSession

    from expectations.report import RuleResult


def append(spark: SparkSession, run_id: str, results: Sequence[RuleResult]) -> None:
    """Append one row per result in one commit; not on the branch of a run: what stopped it has to be seen, too."""
    validated_at = datetime.now(timezone.utc)
    append_rows(spark, RESULTS, [asdict(each) | {"run_id": run_id, "validated_at": validated_at} for each in results])

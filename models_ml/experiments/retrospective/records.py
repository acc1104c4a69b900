"""What the retrospective protocol found, kept to be shown beside the honest numbers."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from models_ml.experiments.retrospective.texts import AS_OF_ONE_DATE
from warehouse.contract.tables import append_rows

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import SparkSession

    from models_ml.experiments.retrospective.protocol import RetrospectiveReport, RetrospectiveRow

EVALUATIONS = "monitoring.retrospective_evaluations"


def record_evaluation(spark: SparkSession, report: RetrospectiveReport, run_id: str) -> None:
    """Append an evaluation to monitoring.retrospective_evaluations, in one commit."""
    shared = {"run_id": run_id, "evaluated_at": datetime.now(timezone.utc)}
    append_rows(spark, EVALUATIONS, [shared | _columns(row, report.as_of) for row in report.rows])


def _columns(row: RetrospectiveRow, as_of: date) -> dict[str, Any]:
    """Return a row by the names of the table; lives that end on days of their own have no date."""
    counts = {"user_count": row.users, "churner_count": row.churners}
    return vars(row) | counts | {"as_of_date": as_of if row.variant == AS_OF_ONE_DATE else None}

"""What an ingest brings of dates that the log had left behind, and what is made anew because of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from cli.jobs.limits import limits_of
from warehouse.landing.raw_tables import TOUCHED_DATES

if TYPE_CHECKING:
    from datetime import datetime

    from cli.jobs.workspace import Workspace

RULE = "raw.late_events"
SPINE = "intermediate.int_user_snapshots_spined"


@dataclass(frozen=True)
class LateEvents:
    """Events of users more than `days` before the newest date that was known: how many, of how many dates.

    `snapshot_count` published snapshots lie after the `oldest` date.
    """

    count: int
    date_count: int
    oldest: date
    days: int
    snapshot_count: int

    @property
    def said(self) -> str:
        """The warning of an ingest."""
        return (
            f"Warning: {self.count:,} late events of {self.date_count:,} dates, the oldest {self.oldest}, more than "
            f"{self.days} days before the newest date that was known: {self.snapshot_count:,} published snapshots will "
            f"be made anew. The rule {RULE} can refuse such events"
        )


def late_events(workspace: Workspace, ingested_at: datetime) -> LateEvents | None:
    """Return what came late with an ingest, by the rule of the gate; None where nothing did."""
    days = int(limits_of(workspace.home)[RULE]["days"])
    dates = workspace.spark.table(TOUCHED_DATES)
    known_until = dates.where(F.col("ingested_at") < F.lit(ingested_at)).agg(F.max("event_date")).collect()[0][0]
    if known_until is None:
        return None
    is_late = (F.col("ingested_at") >= F.lit(ingested_at)) & (F.col("event_date") < known_until - timedelta(days=days))
    late = dates.where(is_late)
    count, date_count, oldest = late.agg(
        F.sum("event_count"), F.countDistinct("event_date"), F.min("event_date")
    ).collect()[0]
    return LateEvents(count, date_count, oldest, days, _snapshots_after(workspace, oldest)) if count else None


def _snapshots_after(workspace: Workspace, day: date) -> int:
    if not workspace.spark.catalog.tableExists(SPINE):
        return 0
    later = workspace.spark.table(SPINE).where(F.col("as_of_date") > F.lit(day))
    return later.select("as_of_date").distinct().count()

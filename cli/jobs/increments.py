"""What a build adds to the published tables where new lines of the log are all that is new."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import yaml
from pyspark.sql import functions as F

from cli.jobs import build_inputs
from cli.machine.environment import DBT_PROJECT
from warehouse.publishing.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cli.jobs.workspace import Workspace

VARIABLE = "SPARKHOUSE_INCREMENT"
EVENTS, WINDOWS = "raw.events", "intermediate.int_user_windows"
OBSERVED = "intermediate.int_observation_window"
LONGEST_WINDOW = timedelta(days=28)
# Before all snapshots.
NEVER = date(1, 1, 1)


class Touched(NamedTuple):
    """The first date that new lines touch, how many they are, and the newest line before them."""

    first: date
    events: int
    ingested_at: datetime


@contextmanager
def told_to_dbt(increment: Mapping[str, str] | None) -> Iterator[None]:
    """Let dbt's models make anew what an increment touches, and nothing else; all where it is None."""
    if increment is None:
        yield
        return
    os.environ[VARIABLE] = json.dumps(increment)
    try:
        yield
    finally:
        del os.environ[VARIABLE]


def increment(workspace: Workspace) -> dict[str, str] | None:
    """Return the first date of each kind of rows that new lines touch; None where all is to be built.

    The published tables have to be those of a build by the rules of today, and the log that it was made of may only
    have grown: then a snapshot before the new lines cannot change, for no feature knows what comes after it.
    """
    base = build_inputs.published_base(workspace)
    if base is None or not _only_grew(workspace, base.events):
        return None
    touched = _touched(workspace, base.newest_ingested_at)
    if touched is None:
        return None
    observed_until = _observed_until(workspace, touched.first)
    if observed_until is None:
        return None
    snapshots = min(touched.first, observed_until) + timedelta(days=1)
    return {
        "dates": str(touched.first),
        "snapshots": str(snapshots),
        "labels": str(snapshots - timedelta(days=2 * _horizon_days())),
        "base": str(_base(workspace, snapshots)),
        "ingested_at": f"{touched.ingested_at:%Y-%m-%d %H:%M:%S.%f}",
    }


def _only_grew(workspace: Workspace, then: int) -> bool:
    """Whether lines were added to the raw events since a snapshot of them, and none was changed or taken away."""
    table = Table(EVENTS, workspace.spark)
    now = table.head(workspace.steps.run_id) or table.head()
    return now is not None and table.only_had({"append", *build_inputs.MOVED}, now, then)


def _touched(workspace: Workspace, newest: datetime) -> Touched | None:
    """What lines of known users came after a moment; None where there is none."""
    is_known = (F.col("user_id") != "") & F.col("registration").isNotNull()
    new = workspace.spark.table(EVENTS).where((F.col("ingested_at") > F.lit(newest)) & is_known)
    first, count = new.agg(F.min(F.timestamp_millis("ts").cast("date")), F.count("*")).collect()[0]
    return None if first is None else Touched(first, count, newest)


def _observed_until(workspace: Workspace, first: date) -> date | None:
    """Until when the log was observed in the stretch that a date is in or follows; None where it is before all."""
    before = workspace.spark.table(OBSERVED).where(F.col("observed_from").cast("date") <= F.lit(first))
    observed: date | None = before.agg(F.max(F.col("observed_until").cast("date"))).collect()[0][0]
    return observed


def _base(workspace: Workspace, snapshots: date) -> date:
    """The newest snapshot that stands before all windows of those from a date on."""
    earlier = workspace.spark.table(WINDOWS).where(F.col("as_of_date") <= F.lit(snapshots - LONGEST_WINDOW))
    return earlier.agg(F.max("as_of_date")).collect()[0][0] or NEVER


def _horizon_days() -> int:
    project = yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    return int(project["vars"]["horizon_days"])

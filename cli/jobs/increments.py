"""What a build adds to the published tables where new lines of the log are all that is new."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING

import yaml
from pyspark.sql import functions as F

from cli.jobs import build_inputs
from cli.machine.environment import DBT_PROJECT
from warehouse.landing.land import OF_USERS
from warehouse.publishing.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from cli.jobs.workspace import Workspace

VARIABLE = "SPARKHOUSE_INCREMENT"
EVENTS, WINDOWS = "raw.events", "intermediate.int_user_windows"
OBSERVED = "intermediate.int_observation_window"
# Before all snapshots.
NEVER = date(1, 1, 1)


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
    if base is None or not _only_grew(workspace, base.tables[EVENTS]):
        return None
    touched = _first_touched(workspace, base.newest_ingested_at)
    observed_until = _observed_until(workspace, touched) if touched else None
    if touched is None or observed_until is None:
        return None
    days = yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
    snapshots = min(touched, observed_until) + timedelta(days=1)
    return {
        "dates": str(touched),
        "snapshots": str(snapshots),
        "labels": str(snapshots - timedelta(days=2 * days["horizon_days"])),
        # No window reaches further back than a log may be silent.
        "base": str(_newest_snapshot(workspace, snapshots - timedelta(days=days["stretch_gap_days"]))),
        "ingested_at": f"{base.newest_ingested_at:%Y-%m-%d %H:%M:%S.%f}",
    }


def _only_grew(workspace: Workspace, then: int) -> bool:
    """Whether lines were added to the raw events since a snapshot of them, and none was changed or taken away."""
    now = build_inputs.raw_tables(workspace).get(EVENTS)
    return now is not None and Table(EVENTS, workspace.spark).only_had({"append", *build_inputs.MOVED}, now, then)


def _first_touched(workspace: Workspace, newest: datetime) -> date | None:
    """The first date of the lines of users that came after a moment; None where there is none."""
    new = workspace.spark.table(EVENTS).where((F.col("ingested_at") > F.lit(newest)) & F.expr(OF_USERS))
    first: date | None = new.agg(F.min(F.timestamp_millis("ts").cast("date"))).collect()[0][0]
    return first


def _observed_until(workspace: Workspace, first: date) -> date | None:
    """Until when the log was observed in the stretch that a date is in or follows; None where it is before all."""
    before = workspace.spark.table(OBSERVED).where(F.col("observed_from").cast("date") <= F.lit(first))
    observed: date | None = before.agg(F.max(F.col("observed_until").cast("date"))).collect()[0][0]
    return observed


def _newest_snapshot(workspace: Workspace, until: date) -> date:
    """The newest snapshot until a date; a date before all where there is none."""
    earlier = workspace.spark.table(WINDOWS).where(F.col("as_of_date") <= F.lit(until))
    return earlier.agg(F.max("as_of_date")).collect()[0][0] or NEVER

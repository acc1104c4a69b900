"""What a build makes anew: all, or what new lines of the log touch, and the models that have changed."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from cli.jobs import build_inputs
from cli.jobs.build_inputs import rules
from cli.jobs.dbt import parsed
from cli.jobs.model_hashes import model_hashes, project_vars, with_dependents
from warehouse.landing.raw_tables import TOUCHED_DATES
from warehouse.publishing.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from dbt.contracts.graph.manifest import Manifest

    from cli.jobs.build_inputs import Base
    from cli.jobs.workspace import Workspace

VARIABLE = "SPARKHOUSE_INCREMENT"
EVENTS, WINDOWS = "raw.events", "intermediate.int_user_windows"
OBSERVED = "intermediate.int_observation_window"
# Before all snapshots.
NEVER = date(1, 1, 1)


@dataclass(frozen=True)
class Plan:
    """What a build makes anew: all rows of some models, and of the others what new lines touch.

    `whole` are the models that have changed since the `base`, the build that is published, and those that go with them;
    None are all. `touched` has the first date of each kind of rows that new lines touch; None leaves the other models
    as they are. `model_hashes` are those of today; `manifest` was parsed for them, if they were not known.
    """

    model_hashes: Mapping[str, str]
    changed: tuple[str, ...] = ()
    whole: frozenset[str] | None = None
    touched: Mapping[str, str] | None = None
    base: Base | None = None
    manifest: Manifest | None = None

    @property
    def only_judges(self) -> bool:
        """Whether no model runs: tests and rules judge once more what is published."""
        return self.whole == frozenset() and self.touched is None

    @property
    def options(self) -> list[str]:
        """Which models dbt is to run, and the tests with them: all where there are new lines."""
        if self.only_judges:
            return ["--exclude-resource-type", "model"]
        return ["--select", *sorted(self.whole)] if self.whole and self.touched is None else []

    @property
    def said(self) -> str:
        """What is made anew, in words; nothing where all is."""
        if self.only_judges:
            return "; neither the log nor a model has changed, but a rule"
        others = len(self.whole or ()) - len(self.changed)
        models = f"; whole: {', '.join(self.changed)}{f' and {others} more with them' if others else ''}"
        dates = f"; from {self.touched['dates']} on, snapshots from {self.touched['snapshots']}" if self.touched else ""
        return (models if self.changed else "") + dates


@contextmanager
def told_to_dbt(plan: Plan) -> Iterator[None]:
    """Let dbt's models make anew what new lines touch, and nothing else; all where a plan knows of none."""
    if plan.touched is None:
        yield
        return
    os.environ[VARIABLE] = json.dumps({**plan.touched, "whole": sorted(plan.whole or ())})
    try:
        yield
    finally:
        del os.environ[VARIABLE]


def whole() -> Plan:
    """Return the plan of a build that makes all rows anew."""
    manifest = parsed()
    return Plan(model_hashes(manifest, project_vars()), manifest=manifest)


def plan(workspace: Workspace) -> Plan:
    """Return what is to be made anew, so that all tables are those of a whole build.

    The published tables have to be those of a build, and the log that it was made of may only have grown: then a
    snapshot before the new lines cannot change, for no feature knows what comes after it. Where there is nothing new at
    all, somebody asks for the whole.
    """
    base = build_inputs.published_base(workspace)
    if base is None or not base.model_hashes:
        return whole()
    has_new_lines, has_new_rules = base.tables != build_inputs.raw_tables(workspace), base.rules != rules(workspace)
    touched = _touched(workspace, base) if has_new_lines else None
    if not touched and (has_new_lines or not has_new_rules):
        return whole()
    found = _changed(base) if has_new_rules else Plan(base.model_hashes, whole=frozenset(), base=base)
    return replace(found, touched=touched) if found.whole is not None else found


def _changed(base: Base) -> Plan:
    """The plan for the models that are not those of a build, and what goes with them."""
    manifest = parsed()
    hashes = model_hashes(manifest, project_vars())
    changed = tuple(sorted(name for name, hashed in hashes.items() if base.model_hashes.get(name) != hashed))
    made_whole = with_dependents(manifest, changed)
    if made_whole == hashes.keys():
        return Plan(hashes, manifest=manifest)
    return Plan(hashes, changed, made_whole, base=base, manifest=manifest)


def _touched(workspace: Workspace, base: Base) -> dict[str, str] | None:
    """The first date of each kind of rows that new lines touch; None where that may be any."""
    if not _only_grew(workspace, base.tables[EVENTS]):
        return None
    touched = _first_touched(workspace, base.newest_ingested_at)
    observed_until = _observed_until(workspace, touched) if touched else None
    if touched is None or observed_until is None:
        return None
    days = project_vars()
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
    """The first date that ingests after a moment touch; None where one of them has told of none.

    An ingest of guests alone tells of none, and neither did earlier versions.
    """
    if TOUCHED_DATES not in build_inputs.raw_tables(workspace):
        return None
    is_new = F.col("ingested_at") > F.lit(newest)
    told = workspace.spark.table(TOUCHED_DATES).where(is_new)
    files = workspace.spark.table("raw.ingested_files").where("accepted_count > 0")
    times = files.select(F.explode(F.array("ingested_at", "replayed_at")).alias("ingested_at")).where(is_new)
    if not times.join(told, "ingested_at", "left_anti").isEmpty():
        return None
    first: date | None = told.agg(F.min("event_date")).collect()[0][0]
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

"""`sparkhouse prove-point-in-time`: rebuild snapshots from a log that ends at one, and see that nothing changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from textwrap import wrap
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from cli.jobs.checks import CheckFailed
from cli.proof.differences import NEW_ROW, NO_ROW, differences
from cli.proof.scratch import EVENTS, FEATURES, Scratch, scratch_schemas
from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from cli.jobs.workspace import Workspace
    from cli.runs.steps import Step

KEYS = ("user_id", "as_of_date")
LABEL = "will_upgrade"
AN_INSTANT = timedelta(milliseconds=1)
WIDTH = 100


class UnknownSnapshot(SparkhouseError, ValueError):
    """The feature table has no snapshot of that date."""


class NothingToProve(SparkhouseError, RuntimeError):
    """The feature table is missing, or is not what the log and the models of today give."""


@dataclass(frozen=True)
class Check:
    """A claim, the columns that break it, and what was found."""

    claim: str
    broken_by: tuple[str, ...]
    found: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.broken_by

    def __str__(self) -> str:
        found = [line for finding in self.found for line in wrap(finding, WIDTH)]
        return "\n            ".join([f"  {'ok    ' if self.ok else 'FAILED'}    {self.claim}", *found])


@dataclass(frozen=True)
class Proof:
    """What was deleted, what was compared, and each check."""

    as_of: date
    events: int
    deleted: int
    snapshots: int
    rows: int
    columns: int
    checks: tuple[Check, ...]

    def __str__(self) -> str:
        head = (
            f"Point in time, as of {self.as_of}",
            f"  deleted   {self.deleted:,} of {self.events:,} events: all from {self.as_of} 00:00 UTC on",
            f"  compared  {self.snapshots} snapshots, {self.rows:,} rows, {self.columns} columns",
        )
        return "\n".join([*head, *(str(check) for check in self.checks)])

    def require(self) -> None:
        """Raise CheckFailed, with the columns that leak, unless all checks are ok."""
        failed = [f"not true: {check.claim}: {', '.join(check.broken_by)}" for check in self.checks if not check.ok]
        if failed:
            raise CheckFailed("\n".join([f"{self.as_of} is not point in time.", *failed]))


def prove_point_in_time(workspace: Workspace, as_of: date | None = None, project: Path | None = None) -> Proof:
    """Rebuild the snapshots up to `as_of`, a middle one if not given, without later events, and compare.

    Then shift one event across the instant: by its side it has to change either the features or the label.
    `project` is the dbt project, if not ours. Raises UnknownSnapshot, NothingToProve and what `Scratch` raises.
    """
    as_of = _chosen(_snapshot_dates(workspace), as_of)
    events = workspace.count(EVENTS) or 0
    with scratch_schemas(workspace) as folder:
        scratch = Scratch(workspace, as_of, folder, project)
        kept, checks = _without_later_events(scratch)
        # Where they differ already, one event more proves nothing.
        if checks[0].ok:
            user_id = scratch.add_upgrade()
            checks += with_event_at_instant(scratch, user_id)
            checks += with_event_just_before(scratch, user_id)
    published = scratch.published_features()
    snapshots, columns = published.select("as_of_date").distinct().count(), len(published.columns) - len(KEYS)
    return Proof(as_of, events, events - kept, snapshots, published.count(), columns, tuple(checks))


def _snapshot_dates(workspace: Workspace) -> list[date]:
    """Dates of the published snapshots; NothingToProve when there are none, or the log is newer than they are."""
    if not workspace.count(FEATURES):
        raise NothingToProve(f"{FEATURES} has no rows: run `sparkhouse build` first.")
    newest = F.max(F.greatest("ingested_at", "replayed_at"))
    ingested = workspace.spark.table("raw.ingested_files").agg(newest.alias("ingested_at"))
    built = workspace.spark.table(f"{FEATURES}.snapshots").agg(F.max("committed_at").alias("built_at"))
    if not ingested.crossJoin(built).where("ingested_at > built_at").isEmpty():
        raise NothingToProve(f"The log is newer than {FEATURES}: run `sparkhouse build` first.")
    dates = workspace.spark.table(FEATURES).select("as_of_date").distinct().orderBy("as_of_date")
    return [row.as_of_date for row in dates.collect()]


def _chosen(dates: list[date], as_of: date | None) -> date:
    if as_of is not None and as_of not in dates:
        raise UnknownSnapshot(f"There is no snapshot of {as_of}; there are {', '.join(str(day) for day in dates)}.")
    return as_of or dates[len(dates) // 2]


def _without_later_events(scratch: Scratch) -> tuple[int, list[Check]]:
    """Return how many events are left, and the check."""
    with scratch.workspace.steps.step("cut") as step:
        kept = step.rows_out = scratch.cut_log()
        step.detail = f"snapshots up to {scratch.as_of} rebuilt from {kept:,} events"
        scratch.build()
        if set(scratch.features().columns) != set(scratch.published_features().columns):
            raise NothingToProve(f"{FEATURES} has not the columns of its model: run `sparkhouse build` first.")
        return kept, _marked(step, [_all_equal(scratch, "without later events, all features are as published")])


def with_event_at_instant(scratch: Scratch, user_id: str) -> list[Check]:
    """Whether an upgrade that the user submits at the snapshot changes the label, and no feature."""
    with scratch.workspace.steps.step("at") as step:
        moment = f"{scratch.instant:%F %T}.000"
        step.detail = f"user {user_id} upgrades at {moment}"
        scratch.build()
        checks = [
            _all_equal(scratch, f"an upgrade of user {user_id} at {moment} changes no feature"),
            Check(f"it makes {LABEL} true", () if scratch.label(user_id, LABEL) else (LABEL,)),
        ]
        return _marked(step, checks)


def with_event_just_before(scratch: Scratch, user_id: str) -> list[Check]:
    """Whether the same upgrade, moved before the snapshot, changes features of this snapshot alone, and no label."""
    with scratch.workspace.steps.step("before") as step:
        scratch.move_upgrade(-AN_INSTANT)
        moment = f"{scratch.instant - AN_INSTANT:%F %T}.999"
        step.detail = f"user {user_id} upgrades at {moment}"
        scratch.build()
        checks = [
            _one_row_differs(scratch, user_id, f"the same at {moment} changes the row of {scratch.as_of} alone"),
            Check(f"it does not make {LABEL} true", (LABEL,) if scratch.label(user_id, LABEL) else ()),
        ]
        return _marked(step, checks)


def _all_equal(scratch: Scratch, claim: str) -> Check:
    found = differences(scratch.published_features(), scratch.features(), KEYS)
    return Check(claim, tuple(each.column for each in found), tuple(str(each) for each in found))


def _one_row_differs(scratch: Scratch, user_id: str, claim: str) -> Check:
    """Whether features of the user at the snapshot differ, and nothing else does."""
    found = differences(scratch.published_features(), scratch.features(), KEYS)
    own = (user_id, scratch.as_of)
    others = [each for each in found if {each.first, each.last} != {own} or each.column in {NO_ROW, NEW_ROW}]
    if others:
        return Check(claim, tuple(each.column for each in others), tuple(str(each) for each in others))
    columns = tuple(each.column for each in found)
    return Check(claim, () if columns else ("no column",), (f"in {len(columns)} columns: {', '.join(columns)}",))


def _marked(step: Step, checks: list[Check]) -> list[Check]:
    """Fail the step with its checks."""
    if not all(check.ok for check in checks):
        step.fail(step.detail)
    return checks

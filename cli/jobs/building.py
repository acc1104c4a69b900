"""Steps that dbt does: build, and its other commands that write."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cli.jobs import dbt_records
from cli.jobs.auditing import faults_of_log
from cli.jobs.checks import CheckFailed, raise_failed
from cli.jobs.dbt import run_dbt
from cli.jobs.snapshots import awaited_snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from cli.jobs.dbt import DbtOutcome
    from cli.jobs.workspace import Workspace
    from cli.machine.home import Home


# dbt's option for values of ours; with them, only some snapshots are built.
VARS = "--vars"
# With these, all rows are made anew.
WHOLE = {VARS, "--full-refresh"}


def build(workspace: Workspace, *extra: str) -> DbtOutcome:
    """Run `dbt build`.

    Raises:
        CheckFailed: a test failed.
        DbtFailed: a model could not be built.
    """
    try:
        outcome = _dbt_build(workspace, *extra)
    except CheckFailed as failed:
        # What is wrong with the log itself says more than the tests of what was made of it.
        raise CheckFailed("\n".join([*faults_of_log(workspace), str(failed)])) from failed
    if VARS not in extra:
        from cli.jobs import build_inputs

        build_inputs.record(workspace)
    return outcome


def is_due(workspace: Workspace) -> bool:
    """Whether a build would be made of anything else than the one that is published; a step says if not."""
    from cli.jobs import build_inputs

    unchanged = build_inputs.unchanged_since(workspace)
    if unchanged:
        with workspace.steps.step("build") as step:
            step.skip(f"nothing new: neither the log nor a model nor a rule has changed since {unchanged:%F %R} UTC")
    return unchanged is None


def dbt(workspace: Workspace, arguments: Sequence[str]) -> None:
    """Run any other dbt command that writes. Raises CheckFailed, DbtFailed."""
    with workspace.steps.step("dbt") as step:
        outcome = run_dbt(arguments)
        dbt_records.record(workspace, outcome)
        step.detail = f"{len(outcome.of('success'))} nodes built, {len(outcome.of('pass'))} tests passed"
        if outcome.exit_code:
            step.fail(step.detail)
            raise_failed(outcome)


def backfill_options(home: Home, first: date | None, last: date | None) -> list[str]:
    """The options of `build` that make the snapshots from `first` to `last` only; none where neither is given.

    With vars other than last time's, dbt parses the project anew: in a folder of its own, a backfill leaves what
    full builds have parsed as it is.
    """
    bounds = {"snapshots_from": first, "snapshots_to": last}
    chosen = {name: day.isoformat() for name, day in bounds.items() if day}
    if not chosen:
        return []
    return [VARS, json.dumps(chosen), "--target-path", str(home.path / "dbt" / "backfill")]


def _dbt_build(workspace: Workspace, *extra: str) -> DbtOutcome:
    from cli.jobs import increments

    with workspace.steps.step("build") as step:
        step.rows_in = workspace.count("raw.events")
        increment = None if set(extra) & WHOLE else increments.increment(workspace)
        with increments.told_to_dbt(increment):
            outcome = run_dbt(["--log-level", "none", "build", *extra], on_start=workspace.steps.progress)
        dbt_records.record(workspace, outcome, is_whole=increment is None)
        models = [node for node in outcome.of("success") if node.kind == "model"]
        step.detail = f"{len(models)} models, {len(outcome.of('pass'))} tests passed"
        if increment:
            step.detail += f"; from {increment['dates']} on, snapshots from {increment['snapshots']}"
        if outcome.exit_code:
            step.fail(step.detail)
            raise_failed(outcome)
        step.rows_out = workspace.count("marts.fct_user_features")
    awaited = awaited_snapshot(workspace.spark, step.rows_out)
    if awaited:
        workspace.steps.tell(awaited)
    return outcome

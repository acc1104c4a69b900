"""Steps that dbt does: build, and its other commands that write."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cli.jobs import auditing, dbt_records, modelling, publishing
from cli.jobs.checks import CheckFailed, raise_failed
from cli.jobs.dbt import run_dbt
from cli.jobs.snapshots import awaited_snapshot
from warehouse.contract.catalogue import MODEL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from cli.jobs.dbt import DbtOutcome
    from cli.jobs.increments import Plan
    from cli.jobs.workspace import Workspace
    from cli.machine.home import Home


# dbt's option for values of ours; with them, only some snapshots are built.
VARS = "--vars"
FULL_REFRESH = "--full-refresh"
# They are about the logic of models, not about the day's data, and take longer than the models do.
WITHOUT_UNIT_TESTS = ("--exclude-resource-type", "unit_test")


def build_and_publish(workspace: Workspace, *extra: str) -> bool:
    """Build, audit and publish the features, and look back at what was predicted of them. Raises as `build`.

    Returns whether a model ran: it does not where only rules have changed.
    """
    from cli.jobs import build_inputs

    plan = build(workspace, *extra)
    auditing.audit(workspace, auditing.WAREHOUSE_SUITES)
    publishing.publish(workspace)
    if plan and plan.base and plan.only_judges:
        build_inputs.record_judged(workspace, plan.base, plan.model_hashes)
        return False
    modelling.record_outcomes(workspace)
    return True


def build(workspace: Workspace, *extra: str) -> Plan | None:
    """Run `dbt build` without unit tests; return what it has made anew, None of a backfill.

    Raises:
        CheckFailed: a test failed.
        DbtFailed: a model could not be built.
    """
    try:
        plan = _build(workspace, *extra)
    except CheckFailed as failed:
        # What is wrong with the log itself says more than the tests of what was made of it.
        raise CheckFailed("\n".join([*auditing.faults_of_log(workspace), str(failed)])) from failed
    if plan and not plan.only_judges:
        from cli.jobs import build_inputs

        build_inputs.record(workspace, plan.model_hashes)
    return plan


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


def _build(workspace: Workspace, *extra: str) -> Plan | None:
    with workspace.steps.step("build") as step:
        step.rows_in = workspace.count("raw.events")
        plan = _plan(workspace, *extra)
        outcome = _dbt_build(workspace, plan, *extra)
        models = [node for node in outcome.of("success") if node.kind == "model"]
        step.detail = f"{len(models)} models, {len(outcome.of('pass'))} tests passed"
        step.detail += plan.said if plan else ""
        if outcome.exit_code:
            step.fail(step.detail)
            raise_failed(outcome)
        step.rows_out = workspace.count("marts.fct_user_features")
    awaited = awaited_snapshot(workspace.spark, step.rows_out)
    if awaited:
        workspace.steps.tell(awaited)
    return plan


def _plan(workspace: Workspace, *extra: str) -> Plan | None:
    from cli.jobs import increments

    if VARS in extra:
        return None
    return increments.whole() if FULL_REFRESH in extra else increments.plan(workspace)


def _dbt_build(workspace: Workspace, plan: Plan | None, *extra: str) -> DbtOutcome:
    from cli.jobs import increments

    arguments = ["--log-level", "none", "build", *WITHOUT_UNIT_TESTS, *extra]
    if plan is None:
        outcome = run_dbt(arguments, on_start=workspace.steps.progress)
        dbt_records.record(workspace, outcome)
        return outcome
    with increments.told_to_dbt(plan):
        outcome = run_dbt([*arguments, *plan.options], on_start=workspace.steps.progress, manifest=plan.manifest)
    dbt_records.record(workspace, outcome, is_whole=plan.whole is None)
    if MODEL in (plan.whole or ()) and not outcome.exit_code:
        # The SQL of an increment reads the tables that it adds to: what features are made of, the whole SQL tells.
        dbt_records.record_lineage(workspace, run_dbt(["--log-level", "none", "compile"]))
    return outcome

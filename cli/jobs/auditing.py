"""The step that Great Expectations does: the audit of what a run has written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.jobs.checks import CheckFailed, summary
from cli.jobs.limits import limits_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.jobs.workspace import Workspace
    from cli.machine.home import Home
    from expectations.report import ValidationReport

RAW_SUITES = ("raw",)
LOG_SUITES = (*RAW_SUITES, "staging")
WAREHOUSE_SUITES = (*LOG_SUITES, "features", "labels", "leaks")
PREDICTION_SUITES = ("predictions", "drift", "performance")


def audit(workspace: Workspace, suites: Sequence[str]) -> ValidationReport:
    """Run the Great Expectations suites.

    Raises:
        CheckFailed: an expectation failed or had an error.
    """
    from warehouse.publishing.branch import written_tables

    report = _validated(workspace, suites)
    if not report.passed:
        can_publish = bool(written_tables(workspace.spark, workspace.steps.run_id))
        raise CheckFailed("\n".join([message_of(report), *(way_on(report, workspace.home) if can_publish else ())]))
    # Why and what to do about it stands in the Data Docs.
    seen = [f"Warning: {warning.brief}" for warning in report.warnings]
    seen += [f"Accepted: {finding.brief} ({finding.accepted})" for finding in report.accepted]
    seen += [f"Accepted: {said}" for said in report.newly_accepted]
    if seen:
        workspace.steps.tell(summary(seen, workspace.steps.run_id))
    return report


def _validated(workspace: Workspace, suites: Sequence[str]) -> ValidationReport:
    from expectations.gate import validate
    from warehouse.contract.catalogue import features

    limits, run_id = limits_of(workspace.home), workspace.steps.run_id
    with workspace.steps.step("validate") as step:
        report = validate(workspace.spark, suites, workspace.home.data_docs, run_id, features(), limits=limits)
        broken = len(report.failures)
        step.rows_in, step.rows_out = len(report.results), broken
        step.detail = (
            f"{len(report.results)} expectations of {', '.join(suites)}, {broken} not met; {report.jobs} Spark jobs"
        )
        if broken:
            step.fail(step.detail)
    return report


def message_of(report: ValidationReport) -> str:
    """What the gate did not let pass."""
    return summary([failure.message for failure in report.failures], report.run_id)


def way_on(report: ValidationReport, home: Home) -> list[str]:
    """How to publish a run all the same that findings stopped; a rule that could not be evaluated, nobody accepts."""
    rules = sorted({failure.rule for failure in report.failures if not failure.is_error})
    accepted = " ".join(f"--accept {rule}" for rule in rules)
    message = (
        f"Where that is as it should be, publish it all the same: sparkhouse publish {report.run_id} {accepted} "
        f'--reason "..."; or give other limits in {home.limits}: sparkhouse gate lists them'
    )
    return [message] if rules else []


def faults_of_log(workspace: Workspace) -> list[str]:
    """What the gate finds in the log itself, whatever was made of it."""
    report = _validated(workspace, LOG_SUITES)
    return [message_of(report)] if report.failures else []

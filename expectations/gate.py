"""The one call: validate the tables of a session, write the results, build the site."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from expectations import limits as limits_in_force
from expectations.report import UnknownSuite, ValidationReport

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyspark.sql import SparkSession

    from expectations.catalogue import FeatureEntry
    from expectations.limits import Limits


def validate(  # noqa: PLR0913 - what to run, and the ways of the caller
    spark: SparkSession,
    suites: Sequence[str],
    docs_dir: Path,
    run_id: str,
    catalogue: Sequence[FeatureEntry],
    *,
    limits: Limits | None = None,
) -> ValidationReport:
    """Run the named suites (raw, staging, features, labels, leaks, predictions, drift, performance) at once.

    `catalogue` tells the rules of the features, `limits` those of all others (ours unless given). Rules about the log's
    own past warn until four weeks of it are published. A suite of what has not been measured yet is left out. Appends
    one row per Expectation to `monitoring.validation_results`, whatever the outcome, and rebuilds the static site in
    `docs_dir` (start at index.html), which shows all calls of this `run_id`. Does not raise on broken rules: read
    `passed` and `failures`. Raises UnknownSuite, MissingTable when a table to validate has not been made,
    CatalogueMismatch, or BrokenNullRule.
    """
    _stay_offline()
    # Great Expectations takes seconds to import, which only those who validate should pay for.
    from expectations.acceptance import acceptances, accepted, newly_accepted
    from expectations.engine import checkpoint, results_table
    from expectations.engine.results import rule_results
    from expectations.past import published_weeks
    from expectations.suite import Audit
    from expectations.suites.layers import builders
    from warehouse.contract.parallel import in_parallel

    known = builders()
    for name in suites:
        if name not in known:
            raise UnknownSuite(name, known)
    jobs_before = _jobs(spark)
    in_force = (limits or limits_in_force.load()).after(published_weeks(spark))
    audit = Audit(spark, run_id, catalogue, in_force)
    before = acceptances(spark)
    newest = newly_accepted(spark, before)
    builds = [partial(build, audit) for name in suites for build in known[name]]
    built = [suite for suite in in_parallel(builds) if suite]
    try:
        results = checkpoint.run(
            built,
            docs_dir,
            run_id,
            judge=lambda suite, outcome: accepted(rule_results(suite, outcome), before),
            accepted=[each.summary for each in before],
        )
    finally:
        for suite in built:
            suite.rows.unpersist()
    jobs = _jobs(spark) - jobs_before
    results_table.append(spark, run_id, results)
    return ValidationReport(run_id, tuple(results), jobs, docs_dir / "index.html", tuple(newest))


def accept_findings(  # noqa: PLR0913 - what, why and by whom
    spark: SparkSession, docs_dir: Path, run_id: str, rules: Sequence[str], reason: str, *, by: str
) -> list[str]:
    """Keep that the findings of rules that stopped a run were accepted, in the table and on the pages of the run.

    Returns what was found. Raises NothingToAccept, StillStopped: nothing is kept.
    """
    _stay_offline()
    from expectations.acceptance import accept, acceptances
    from expectations.engine import checkpoint

    found = accept(spark, run_id, rules, reason, by)
    before = acceptances(spark)
    checkpoint.show_accepted(docs_dir, run_id, rules, before[-1].said, [each.summary for each in before])
    return found


def _stay_offline() -> None:
    """Read when Great Expectations is imported: it would otherwise report usage over the network."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"


def _jobs(spark: SparkSession) -> int:
    """How many jobs this session has run so far."""
    return int(spark.sparkContext._jsc.sc().dagScheduler().numTotalJobs())  # noqa: SLF001 - the scheduler's own count

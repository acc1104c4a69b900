"""The one call: validate the tables of a session, write the results, build the site."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from expectations.report import UnknownSuite, ValidationReport

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyspark.sql import SparkSession

    from expectations.catalogue import FeatureEntry
    from expectations.suite import OnDrift


def validate(  # noqa: PLR0913 - what to run, and the ways of the caller
    spark: SparkSession,
    suites: Sequence[str],
    docs_dir: Path,
    run_id: str,
    catalogue: Sequence[FeatureEntry],
    *,
    on_drift: OnDrift = "warn",
) -> ValidationReport:
    """Run the named suites (raw, staging, features, labels, leaks, predictions, drift, performance) at once.

    `catalogue` tells the rules of the features. Broken rules that only warn, as all of `drift` and `performance` do
    unless told to stop, are stored and shown, but are not among the results of the report. A suite of
    what has not been measured yet is left out. Appends one row per rule to `monitoring.validation_results`, whatever
    the outcome, and rebuilds the static site in `docs_dir` (start at index.html), which shows all calls of this
    `run_id`. Does not raise on broken rules: read `passed` and `failures`. Raises UnknownSuite, MissingTable when a
    table to validate has not been made, CatalogueMismatch, or BrokenNullRule.
    """
    # Read when Great Expectations is imported: it would otherwise report usage over the network.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    # Great Expectations takes seconds to import, which only those who validate should pay for.
    from expectations.engine import checkpoint, findings, results_table
    from expectations.suites.layers import builders

    known = builders(catalogue, on_drift)
    for name in suites:
        if name not in known:
            raise UnknownSuite(name, known)
    built = [build(spark) for name in suites for build in known[name]]
    checked = [suite for suite in built if suite]
    outcomes = checkpoint.run(checked, docs_dir, run_id) if checked else []
    results = [
        (result, result.success or stops)
        for suite, outcome in zip(checked, outcomes, strict=True)
        for result, stops in findings.rule_results(suite, outcome)
    ]
    results_table.append(spark, run_id, [result for result, _ in results])
    for record in (suite.record for suite in checked if suite.record):
        results_table.append_record(spark, run_id, record)
    counted = tuple(result for result, counts in results if counts)
    warnings = tuple(result for result, counts in results if not counts)
    return ValidationReport(run_id, counted, docs_dir / "index.html", warnings)

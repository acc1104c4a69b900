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


def validate(
    spark: SparkSession, suites: Sequence[str], docs_dir: Path, run_id: str, catalogue: Sequence[FeatureEntry]
) -> ValidationReport:
    """Run the named suites (raw, staging, features, labels, leaks, predictions) as one checkpoint, on its tables.

    `catalogue` tells the rules of the features. Appends one row per rule to `monitoring.validation_results`, whatever
    the outcome, and rebuilds the static site in `docs_dir` (start at index.html), which shows all calls of this
    `run_id`. Does not raise on broken rules: read `passed` and `failures`. Raises UnknownSuite, MissingTable when a
    table to validate has not been made, CatalogueMismatch, or BrokenNullRule.
    """
    # Read when Great Expectations is imported: it would otherwise report usage over the network.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    # Great Expectations takes seconds to import, which only those who validate should pay for.
    from expectations import checkpoint, findings, results_table
    from expectations.suites import builders

    known = builders(catalogue)
    for name in suites:
        if name not in known:
            raise UnknownSuite(name, known)
    checked = [build(spark) for name in suites for build in known[name]]
    outcomes = checkpoint.run(checked, docs_dir, run_id)
    results = tuple(
        result
        for suite, outcome in zip(checked, outcomes, strict=True)
        for result in findings.rule_results(suite, outcome)
    )
    results_table.append(spark, run_id, results)
    for record in (suite.record for suite in checked if suite.record):
        results_table.append_record(spark, run_id, record)
    return ValidationReport(run_id, results, docs_dir / "index.html")

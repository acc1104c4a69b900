"""The suite of realised performance: what became of the users is what the champion said, and ranked as in its test.

Judged is the newest snapshot of each label whose outcomes are known, of the version that is champion, and never one
that it was trained on. Both limits are passed by chance once in a thousand times.
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from expectations.measures.single_column_auc import auc_error
from expectations.report import RuleResult
from expectations.suite import Suite
from expectations.suites.rules import no_broken_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import Row, SparkSession

    from expectations.suite import OnDrift

TABLE, VERSIONS = "monitoring.model_performance", "ml.model_versions"
TWO_SIDED, ONE_SIDED = NormalDist().inv_cdf(0.9995), NormalDist().inv_cdf(0.999)
MEANINGS = {
    "mean_probability": "Labels foretold too often or too seldom",
    "auc": "Labels ranked worse than in the test",
}
RETRAIN = ". Look at monitoring.feature_drift for what has changed, and train anew: sparkhouse train --label "


def performance(spark: SparkSession, on_drift: OnDrift) -> Suite | None:
    """Mean probability and AUC of each label's champion; None as long as no outcome of its predictions is known."""
    existing = all(spark.catalog.tableExists(name) for name in (TABLE, VERSIONS))
    measured = _newest(spark) if existing else []
    if not measured:
        return None
    findings = [finding for row in measured for finding in _findings(row)]
    broken = {name: [f.rule for f in findings if f.column_name == name and not f.success] for name in MEANINGS}
    counts = [tuple(len(rules) for rules in broken.values())]
    return Suite(
        name="performance",
        table=TABLE,
        keys=(),
        rows=spark.createDataFrame(counts, ", ".join(f"{name} bigint" for name in broken)),
        expectations=tuple(no_broken_rows(name, MEANINGS[name], rules, on_drift) for name, rules in broken.items()),
        findings=tuple(findings),
    )


def _newest(spark: SparkSession) -> list[Row]:
    """One row per label: how its champion did on the newest snapshot after those that it was trained on."""
    versions = spark.table(VERSIONS).where("is_chosen").groupBy("label")
    champions = versions.agg(F.max_by(F.struct("model_version", "train_to", "metrics"), "trained_at").alias("champion"))
    newest = Window.partitionBy("label").orderBy(F.desc("as_of_date"))
    rows = spark.table(TABLE).where("origin = 'published'").join(champions, "label")
    judged = rows.where("model_version = champion.model_version and as_of_date > champion.train_to")
    tested = judged.withColumn("tested_auc", F.col("champion.metrics")["test_auc_low"])
    return tested.withColumn("place", F.row_number().over(newest)).where("place = 1").orderBy("label").collect()


def _findings(row: Row) -> Iterator[RuleResult]:
    # Of rows of unequal probabilities the variance is smaller: this is the most that it can be (by Jensen).
    foretold = row.rows * row.mean_probability
    chance = TWO_SIDED * sqrt(foretold * (1 - row.mean_probability))
    evidence = f"{row.positives} of {row.rows:,} users, foretold {foretold:.1f} ± {chance:.1f}"
    is_foretold = abs(row.positives - foretold) <= chance
    yield _finding(row, "mean_probability", f"expect_{row.label}_as_often_as_foretold", evidence, success=is_foretold)
    if row.auc is not None and row.tested_auc is not None:
        error = ONE_SIDED * auc_error(row.tested_auc, row.positives, row.rows - row.positives)
        evidence = f"AUC {row.auc:.3f}, in the test at least {row.tested_auc:.3f}, here ± {error:.3f}"
        is_ranked = row.auc >= row.tested_auc - error
        yield _finding(row, "auc", f"expect_{row.label}_ranked_as_in_the_test", evidence, success=is_ranked)


def _finding(row: Row, column: str, rule: str, evidence: str, *, success: bool) -> RuleResult:
    message = f"{TABLE}.{column}: {row.label} as of {row.as_of_date} with {row.model_version}: {evidence}"
    return RuleResult(
        suite="performance",
        table_name=TABLE,
        rule=rule,
        column_name=column,
        success=success,
        observed_value=f"{row[column]:.3f}",
        element_count=row.rows,
        message=message if success else f"{message}{RETRAIN}{row.label}",
    )

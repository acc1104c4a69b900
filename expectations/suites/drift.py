"""The suite of the drift: what a champion scored last looks like what it was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from expectations.custom.drift import ExpectInputsAsInTraining, ExpectScoreAsInTraining
from expectations.suite import Suite
from expectations.suites.champions import champions
from expectations.suites.rules import judged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from great_expectations.expectations.expectation import Expectation
    from pyspark.sql import DataFrame, SparkSession

    from expectations.limits import Limits
    from expectations.suite import Audit

TABLE = "monitoring.feature_drift"


def drift(audit: Audit) -> Suite | None:
    """The score and the inputs of each label's champion, on the newest snapshot that it scored.

    None as long as nothing was measured. Other features may move: `monitoring.feature_drift` has them, no rule.
    """
    newest = _newest(audit.spark)
    labels = [row.label for row in newest.select("label").distinct().sort("label").collect()] if newest else []
    rules = tuple(rule for label in labels for rule in _expectations(label, audit.limits))
    return Suite("drift", TABLE, ("label", "feature"), newest, rules) if newest and rules else None


def _newest(spark: SparkSession) -> DataFrame | None:
    """One row per label and column that counts, with `is_outdated`: whether there are outcomes newer than the version.

    A version knows the outcomes up to the last snapshot of its test; those of the snapshots until a horizon later were
    not known when it was trained.
    """
    of_champions = champions(spark)
    if of_champions is None or not spark.catalog.tableExists(TABLE):
        return None
    newest = Window.partitionBy("label").orderBy(F.desc("as_of_date"))
    rows = spark.table(TABLE).where("is_used").join(of_champions, ["label", "model_version"])
    ranked = rows.withColumn("place", F.rank().over(newest)).where("place = 1")
    is_outdated = F.expr("coalesce(as_of_date > date_add(test_to, horizon_days), true)")
    return ranked.withColumn("is_outdated", is_outdated).orderBy("label", F.desc("psi"), "feature")


def _expectations(label: str, limits: Limits) -> Iterator[Expectation]:
    for name, kind, what in (
        ("drift.score", ExpectScoreAsInTraining, "no score"),
        ("drift.inputs", ExpectInputsAsInTraining, "no input"),
    ):
        rule = limits[name]
        query = f"select feature, psi from {TABLE} where label = '{label}' and is_used order by psi desc"  # noqa: S608
        yield from judged(
            rule,
            kind,
            column=label,
            expected=f"{what} of {label} with a PSI above {rule['psi']:g} and what chance adds",
            unit="columns",
            remedy=f'sparkhouse sql "{query}"; if they are made as in training: sparkhouse train --label {label}',
        )

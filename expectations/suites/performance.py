"""The suite of realised performance: what became of the users is what the champion said, and ranked as in its test.

Judged is the newest snapshot of each label whose outcomes are known, of the version that is champion, and never one
that it was trained on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from expectations.custom.performance import ExpectOutcomesAsForetold, ExpectRankingAsTested
from expectations.suite import Suite
from expectations.suites.champions import champions
from expectations.suites.rules import judged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from great_expectations.expectations.expectation import Expectation
    from pyspark.sql import DataFrame, SparkSession

    from expectations.limits import Limits
    from expectations.suite import Audit

TABLE = "monitoring.model_performance"


def performance(audit: Audit) -> Suite | None:
    """Mean probability and AUC of each label's champion; None as long as no outcome of its predictions is known."""
    newest = _newest(audit.spark)
    labels = [row.label for row in newest.select("label").collect()] if newest else []
    rules = tuple(rule for label in labels for rule in _expectations(label, audit.limits))
    return Suite("performance", TABLE, ("label",), newest, rules) if newest and rules else None


def _newest(spark: SparkSession) -> DataFrame | None:
    """One row per label: how its champion did on the newest snapshot after those that it was trained on."""
    of_champions = champions(spark)
    if of_champions is None or not spark.catalog.tableExists(TABLE):
        return None
    of_champions = of_champions.withColumn("tested_auc", F.col("metrics")["test_auc_low"])
    newest = Window.partitionBy("label").orderBy(F.desc("as_of_date"))
    rows = spark.table(TABLE).where("origin = 'published'").drop("horizon_days")
    judged = rows.join(of_champions, ["label", "model_version"]).where("as_of_date > train_to")
    return judged.withColumn("place", F.row_number().over(newest)).where("place = 1").orderBy("label")


def _expectations(label: str, limits: Limits) -> Iterator[Expectation]:
    remedy = "Look at monitoring.feature_drift for what has changed, and train anew: sparkhouse train --label " + label
    for name, kind, what in (
        ("performance.calibration", ExpectOutcomesAsForetold, "as often as foretold"),
        ("performance.ranking", ExpectRankingAsTested, "ranked as in the test"),
    ):
        rule = limits[name]
        yield from judged(rule, kind, column=label, expected=f"{label} {what}", unit="users", remedy=remedy)

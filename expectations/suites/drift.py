"""The suite of the drift: what a model scored last looks like what it was trained on.

The limit is 0.25, above which a population has changed much (N. Siddiqi 2006, Credit Risk Scorecards, Wiley), and what
chance may add. Of n and m rows of one distribution, the index is about (1 / n + 1 / m) times a chi-square of one degree
of freedom less than bins (B. Yurdakul 2018, Statistical Properties of Population Stability Index, Western Michigan
University): its mean alone would, among some hundred features, be passed by chance at every small snapshot, so that the
limit takes what only one in a thousand passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F
from scipy.stats import chi2  # type: ignore[import-untyped]

from expectations.report import RuleResult
from expectations.suite import Suite
from expectations.suites.rules import no_broken_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyspark.sql import Row, SparkSession

    from expectations.suite import OnDrift

TABLE = "monitoring.feature_drift"
SCORE = "score"
CHANGED_MUCH = 0.25
CHANCE = 0.999


def drift(spark: SparkSession, on_drift: OnDrift) -> Suite | None:
    """The score and the features that the model reads, on the newest snapshot measured of each label.

    None as long as nothing was measured. Other features may move: `monitoring.feature_drift` has them, no rule.
    """
    measured = _newest(spark) if spark.catalog.tableExists(TABLE) else []
    if not measured:
        return None
    labels = sorted({row.label for row in measured})
    moved = [row for row in measured if _has_moved(row)]
    scores = [row for row in moved if row.feature == SCORE]
    features = [row for row in moved if row.feature != SCORE]
    counts = [(label, *(sum(row.label == label for row in rows) for rows in (scores, features))) for label in labels]
    return Suite(
        name="drift",
        table=TABLE,
        keys=("label",),
        rows=spark.createDataFrame(counts, "label string, moved_scores bigint, moved_features bigint"),
        expectations=(
            no_broken_rows("moved_scores", "Labels whose score has moved", [row.label for row in scores], on_drift),
            no_broken_rows("moved_features", "Features that have moved", [_name(row) for row in features], on_drift),
        ),
        findings=tuple(finding for label in labels for finding in _findings(label, measured)),
    )


def psi_limit(bins: int, train_rows: int, scored_rows: int) -> float:
    """Return the population stability index above which a column has changed much, and not by chance."""
    by_chance = (1 / train_rows + 1 / scored_rows) * chi2.ppf(CHANCE, max(1, bins - 1))
    return float(CHANGED_MUCH + by_chance)


def _newest(spark: SparkSession) -> list[Row]:
    """The columns that count, of the snapshot of each label with the newest date, by who scored it last."""
    newest = Window.partitionBy("label").orderBy(F.desc("as_of_date"), F.desc("measured_at"))
    ranked = spark.table(TABLE).withColumn("place", F.rank().over(newest)).where("place = 1 and is_used")
    return ranked.orderBy("label", F.desc("psi"), "feature").collect()


def _findings(label: str, measured: Sequence[Row]) -> Iterator[RuleResult]:
    """Yield the score, and the features that have moved; without one, the one that has moved most."""
    of_label = [row for row in measured if row.label == label]
    features = [row for row in of_label if row.feature != SCORE]
    yield from (_finding(row) for row in of_label if row.feature == SCORE)
    yield from (_finding(row) for row in [row for row in features if _has_moved(row)] or features[:1])


def _finding(row: Row) -> RuleResult:
    success = not _has_moved(row)
    message = f"{TABLE}.{row.feature}: {_evidence(row)}"
    if not success:
        message += (
            ". See whether the column is still made as it was in training: if so, the users are no longer those that "
            f"the model knows: sparkhouse train --label {row.label}"
        )
    return RuleResult(
        suite="drift",
        table_name=TABLE,
        rule=f"expect_psi_for_{row.label}_to_be_small",
        column_name=row.feature,
        success=success,
        observed_value=f"{row.psi:.3f}",
        element_count=row.scored_rows,
        message=message,
    )


def _evidence(row: Row) -> str:
    limit = psi_limit(row.bins, row.train_rows, row.scored_rows)
    ks = "" if row.ks is None else f", KS {row.ks:.2f}"
    return (
        f"PSI {row.psi:.3f} for {row.label} as of {row.as_of_date} with {row.model_version} (limit {limit:.3f}{ks}, "
        f"missing {row.train_missing_share:.1%} of {row.train_rows:,} training rows and "
        f"{row.scored_missing_share:.1%} of {row.scored_rows:,} scored ones)"
    )


def _has_moved(row: Row) -> bool:
    return bool(row.psi > psi_limit(row.bins, row.train_rows, row.scored_rows))


def _name(row: Row) -> str:
    return f"{row.feature} ({row.label})"

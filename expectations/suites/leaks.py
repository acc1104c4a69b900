"""The leak alarm: no column alone ranks a label as well as only a look into the future does, unless it is excused."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.types import BooleanType

from expectations.catalogue import check_complete
from expectations.custom.leaks import ExpectNoColumnToTellLabel
from expectations.measures.single_column_auc import rankings
from expectations.suite import FEATURES, LABELS, SNAPSHOT_KEY, Suite, has_snapshots, read
from expectations.suites.rules import judged
from warehouse.contract.tables import append_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from pyspark.sql import DataFrame

    from expectations.measures.single_column_auc import Ranking
    from expectations.suite import Audit

# Of more, the snapshots of a share of the users are looked at, always of the same users.
MOST_ROWS = 50_000
TABLE = "monitoring.feature_label_auc"
ARROW = "spark.sql.execution.arrow.pyspark.enabled"


def leaks(audit: Audit) -> Suite | None:
    """The AUC of each feature by itself for each label: to be surely above the limit takes a reason in the catalogue.

    Surely means that the lower end of its confidence interval is (see single_column_auc), so that a small log, where
    some column of 190 ranks a handful of users well by chance, raises no alarm; in a big log that end is close to the
    AUC. All of them are kept in `monitoring.feature_label_auc`, and judged there. None while there is no snapshot.
    Raises MissingTable, CatalogueMismatch.
    """
    spark, catalogue, rule = audit.spark, audit.catalogue, audit.limits["leaks.auc"]
    features, known = read(spark, FEATURES), read(spark, LABELS)
    check_complete(features, FEATURES, SNAPSHOT_KEY, catalogue)
    if not has_snapshots(spark):
        return None
    labels = [field.name for field in known.schema if isinstance(field.dataType, BooleanType)]
    names = [entry.name for entry in catalogue]
    found = rankings(_rows(features.select(*SNAPSHOT_KEY, *names), known, labels), names, labels)
    reasons = {(entry.name, label): reason for entry in catalogue for label, reason in entry.alarm.items()}
    append_rows(spark, TABLE, [{"run_id": audit.run_id} | _record(ranking, reasons) for ranking in found])
    expectations = [
        expectation
        for label in labels
        for expectation in judged(
            rule,
            ExpectNoColumnToTellLabel,
            column=label,
            expected=f"no column ranks {label} by itself with an AUC surely above {rule['auc']:g}",
            unit="columns",
            remedy=(
                "Look for events from after the snapshot in its SQL; if there are none, give the reason in the "
                f"catalogue, as its alarm for {label}"
            ),
        )
    ]
    rows = spark.table(TABLE).where(F.col("run_id") == audit.run_id)
    return Suite("leaks", TABLE, ("label", "feature"), rows, tuple(expectations))


def _rows(features: DataFrame, known: DataFrame, labels: Sequence[str]) -> pd.DataFrame:
    """Features beside labels, booleans as numbers, of about so many rows as may be looked at."""
    share = MOST_ROWS / max(1, features.count())
    in_sample = F.pmod(F.xxhash64("user_id"), F.lit(10_000)) < F.lit(share * 10_000)
    of_users, of_labels = (
        _collected(table.where(in_sample)).set_index(list(SNAPSHOT_KEY))
        for table in (features, known.select(*SNAPSHOT_KEY, *labels))
    )
    # Side by side here: for Spark, to join 190 columns is more work than all else.
    return of_users.join(of_labels, how="inner").reset_index()


def _collected(rows: DataFrame) -> pd.DataFrame:
    """The rows by Arrow: value by value, they would take ten times as long."""
    flags = {field.name for field in rows.schema if isinstance(field.dataType, BooleanType)}
    numbers = [F.col(name).cast("double").alias(name) if name in flags else F.col(name) for name in rows.columns]
    settings = rows.sparkSession.conf
    before = settings.get(ARROW) or "false"
    settings.set(ARROW, "true")
    try:
        return rows.select(numbers).toPandas()
    finally:
        settings.set(ARROW, before)


def _record(ranking: Ranking, reasons: Mapping[tuple[str, str], str]) -> dict[str, object]:
    reason = reasons.get((ranking.feature, ranking.label))
    return asdict(ranking) | {"is_excused": reason is not None, "reason": reason}

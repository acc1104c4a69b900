"""The leak alarm: no column alone ranks a label as well as only a look into the future does, unless it is excused."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.types import BooleanType

from expectations.catalogue import check_complete
from expectations.measures.single_column_auc import LEAST_ROWS, LEAST_USERS, rankings
from expectations.report import RuleResult
from expectations.suite import FEATURES, LABELS, SNAPSHOT_KEY, Record, Suite, has_snapshots, read
from expectations.suites.rules import none

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd
    from pyspark.sql import DataFrame, SparkSession

    from expectations.catalogue import FeatureEntry
    from expectations.measures.single_column_auc import Ranking

SUSPICIOUS_AUC = 0.80
# Of more, the snapshots of a share of the users are looked at, always of the same users.
MOST_ROWS = 50_000
TABLE = "monitoring.feature_label_auc"
ARROW = "spark.sql.execution.arrow.pyspark.enabled"


def leaks(spark: SparkSession, catalogue: Sequence[FeatureEntry]) -> Suite | None:
    """The AUC of each feature by itself for each label: to be surely above 0.80 takes a reason in the catalogue.

    Surely means that the lower end of its confidence interval is (see single_column_auc), so that a small log, where
    some column of 190 ranks a handful of users well by chance, raises no alarm; in a big log that end is close to the
    AUC. All of them are kept in `monitoring.feature_label_auc`. None while there is no snapshot. Raises MissingTable,
    CatalogueMismatch.
    """
    features, known = read(spark, FEATURES), read(spark, LABELS)
    check_complete(features, FEATURES, SNAPSHOT_KEY, catalogue)
    if not has_snapshots(spark):
        return None
    labels = [field.name for field in known.schema if isinstance(field.dataType, BooleanType)]
    names = [entry.name for entry in catalogue]
    found = rankings(_rows(features.select(*SNAPSHOT_KEY, *names), known, labels), names, labels)
    reasons = {(entry.name, label): reason for entry in catalogue for label, reason in entry.alarm.items()}
    counts = [(label, len(_leaking(label, found, reasons))) for label in labels]
    findings = tuple(finding for label in labels for finding in _findings(label, found, reasons))
    meaning = f"Features that rank a label with an AUC above {SUSPICIOUS_AUC}"
    return Suite(
        name="leaks",
        table=FEATURES,
        keys=("label",),
        rows=spark.createDataFrame(counts, "label string, leaking_features bigint"),
        expectations=(none("leaking_features", meaning, [str(f.column_name) for f in findings if not f.success]),),
        findings=findings,
        record=Record(TABLE, tuple(_record(ranking, reasons) for ranking in found)),
    )


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


def _leaking(label: str, found: Sequence[Ranking], reasons: Mapping[tuple[str, str], str]) -> list[Ranking]:
    """The rankings of a label that are too good and not excused, the best first."""
    judged = [ranking for ranking in found if ranking.label == label and (ranking.feature, label) not in reasons]
    leaking = [ranking for ranking in judged if (ranking.lower_bound or 0) > SUSPICIOUS_AUC]
    return sorted(leaking, key=lambda ranking: (-(ranking.auc or 0), ranking.feature))


def _findings(label: str, found: Sequence[Ranking], reasons: Mapping[tuple[str, str], str]) -> Iterator[RuleResult]:
    """Yield a broken rule for each leaking feature; without one, a rule kept, by the best of those not excused."""
    leaking = _leaking(label, found, reasons)
    for ranking in leaking:
        yield _finding(ranking, success=False)
    own = [ranking for ranking in found if ranking.label == label and (ranking.feature, label) not in reasons]
    if own and not leaking:
        yield _finding(max(own, key=lambda ranking: (ranking.lower_bound or 0, ranking.auc or 0)), success=True)


def _finding(ranking: Ranking, *, success: bool) -> RuleResult:
    place, auc = f"{FEATURES}.{ranking.feature}", f"{ranking.auc or 0:.3f}"
    message = f"{place}: ranks {ranking.label} with an AUC of {auc} by itself ({_evidence(ranking)})"
    if not success:
        message += (
            f". Above {SUSPICIOUS_AUC:.2f}, look for events from after the snapshot in its SQL; if there are none, "
            f"give the reason in the catalogue, as its alarm for {ranking.label}"
        )
    return RuleResult(
        suite="leaks",
        table_name=FEATURES,
        rule=f"expect_auc_for_{ranking.label}_to_be_plausible",
        column_name=ranking.feature,
        success=success,
        observed_value=auc,
        element_count=ranking.row_count,
        message=message,
    )


def _evidence(ranking: Ranking) -> str:
    rows = f"{ranking.positive_count} of {ranking.row_count} rows, of {ranking.positive_user_count} users, have it"
    if ranking.lower_bound is None:
        return f"too little to judge by: {rows}; it takes {LEAST_ROWS} rows of {LEAST_USERS} users with it and without"
    return f"at least {ranking.lower_bound:.3f} with 99 % confidence, by {ranking.ranked_by}; {rows}"


def _record(ranking: Ranking, reasons: Mapping[tuple[str, str], str]) -> dict[str, object]:
    reason = reasons.get((ranking.feature, ranking.label))
    return asdict(ranking) | {"is_excused": reason is not None, "reason": reason}

"""The suites of the layers: counts, ranges, null shares and distributions.

Keys, relations and logic are dbt's to test. Every rule here is an aggregate, so a suite costs one job; the features
have too many columns for that, the volumes are looked at from too many sides, and both have modules of their own.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import partial, reduce
from operator import and_
from types import MappingProxyType
from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from expectations.past import published_until
from expectations.suite import EVENTS, FEATURES, LABELS, SNAPSHOT_KEY, Audit, Suite, has_snapshots, read
from expectations.suites.drift import drift
from expectations.suites.features import features
from expectations.suites.leaks import leaks
from expectations.suites.performance import performance
from expectations.suites.rules import between, indicator, known, mean, milliseconds, row_count, ruled, varied
from expectations.suites.volumes import volumes
from warehouse.contract.labels import default_label
from warehouse.contract.labels import labels as label_catalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from great_expectations.expectations.expectation import Expectation

    from expectations.limits import Rule

TOUCHED_DATES = "raw.touched_dates"
# The indicators of which the share has a highest limit.
SHARES = MappingProxyType(
    {
        "staging.artists": "song_without_artist",
        "staging.devices": "without_device",
        "staging.http_errors": "is_http_error",
        "staging.registrations": "before_registration",
    }
)


def raw_events(audit: Audit) -> Suite:
    events, limits = read(audit.spark, "raw.events"), audit.limits
    rows = events.select(
        *("record_hash", "ts", "page", "length"),
        indicator(F.col("page") == "NextSong").alias("is_song"),
        indicator(F.col("auth").isin("Logged Out", "Guest")).alias("is_anonymous"),
    )
    moments, count = limits["raw.moments"], events.count()
    first = datetime(int(moments["first_year"]), 1, 1, tzinfo=timezone.utc)
    last = datetime.now(timezone.utc) + timedelta(days=moments["days_ahead"])
    # The first of daily deliveries may hold a dozen events.
    rules = ruled(limits["raw.rows"], row_count(int(limits["raw.rows"]["lowest"])))
    rules += ruled(limits["raw.known"], *(known(name, limits["raw.known"]["share"]) for name in ("ts", "page")))
    rules += ruled(moments, *between("ts", milliseconds(first), milliseconds(last)))
    rules += _of_sample(audit, "raw.songs", count, partial(_mean, "is_song"))
    rules += _of_sample(audit, "raw.guests", count, partial(_at_most, "is_anonymous"))
    rules += _of_sample(audit, "raw.lengths", count, lambda rule: between("length", rule["lowest"], rule["highest"]))
    return Suite("raw", "raw.events", ("record_hash",), rows, tuple(rules))


def raw_files(audit: Audit) -> Suite:
    """Only the newest files count: one bad file must not bar the way for its repaired successor."""
    files, rule = read(audit.spark, "raw.ingested_files"), audit.limits["raw.refused_lines"]
    newest = files.agg(F.max(F.unix_micros("ingested_at"))).collect()[0][0]
    # Of a short file, a few refused lines are not a share.
    refused = F.col("rejected_count") / F.greatest("line_count", F.lit(rule["sample"]))
    rows = files.where(F.unix_micros("ingested_at") == F.lit(newest)).select(
        "checksum", refused.alias("rejected_share")
    )
    rules = ruled(rule, row_count(1), *between("rejected_share", 0, rule["share"]))
    return Suite("raw_files", "raw.ingested_files", ("checksum",), rows, tuple(rules))


def raw_dates(audit: Audit) -> Suite | None:
    """How many days before the newest date that readers know of the dates lie that a run brings."""
    published, rule = published_until(audit.spark, TOUCHED_DATES), audit.limits["raw.late_events"]
    if published is None:
        return None
    dates, is_known = read(audit.spark, TOUCHED_DATES), F.col("ingested_at") <= F.lit(published)
    known_until = dates.where(is_known).agg(F.max("event_date")).collect()[0][0]
    new = dates.where(~is_known)
    if known_until is None or new.isEmpty():
        return None
    days_late = F.greatest(F.datediff(F.lit(known_until), "event_date"), F.lit(0)).alias("days_late")
    return Suite(
        "raw_dates",
        TOUCHED_DATES,
        ("event_date",),
        new.select("event_date", days_late),
        tuple(ruled(rule, *between("days_late", 0, rule["days"]))),
    )


def staging(audit: Audit) -> Suite:
    events, limits = read(audit.spark, EVENTS), audit.limits
    rows = events.select(
        *("event_id", "song_length_seconds"),
        F.when(F.col("page") == "NextSong", indicator(F.col("artist").isNull())).alias("song_without_artist"),
        indicator(F.col("device_family").isNull()).alias("without_device"),
        indicator(F.col("http_status") >= F.lit(400)).alias("is_http_error"),
        indicator(F.col("occurred_at") < F.col("registered_at")).alias("before_registration"),
    )
    of_users = read(audit.spark, "raw.events").where("user_id != '' and registration is not null")
    # 96 bits of each hash, as numbers: they are counted far faster than texts.
    distinct = of_users.select(F.xxhash64("record_hash"), F.hash("record_hash")).distinct().count()
    count = events.count()
    rules = ruled(limits["staging.distinct_lines"], row_count(distinct, distinct))
    rules += _of_sample(audit, "staging.song_lengths", count, partial(_mean, "song_length_seconds"))
    for name, column in SHARES.items():
        rules += _of_sample(audit, name, count, partial(_at_most, column))
    return Suite("staging", EVENTS, ("event_id",), rows, tuple(rules))


def features_snapshots(audit: Audit) -> Suite | None:
    """How many users each snapshot has, beside the one before it."""
    if not has_snapshots(audit.spark):
        return None
    rule = audit.limits["features.users"]
    dates = read(audit.spark, FEATURES).groupBy("as_of_date").agg(F.count("*").alias("user_count"))
    previous = F.lag("user_count").over(Window.orderBy("as_of_date"))
    kept = F.when(previous >= rule["sample"], F.col("user_count") / previous)
    rows = dates.select("as_of_date", F.coalesce(kept, F.lit(1.0)).alias("share_of_previous"))
    rules = ruled(audit.limits["features.rows"], row_count(int(audit.limits["features.rows"]["lowest"])))
    if not dates.isEmpty():
        rules += ruled(rule, *between("share_of_previous", 1 / rule["factor"], rule["factor"]))
    return Suite("features_snapshots", FEATURES, ("as_of_date",), rows, tuple(rules))


def labels(audit: Audit) -> Suite | None:
    table, limits = read(audit.spark, LABELS), audit.limits
    if not has_snapshots(audit.spark):
        return None
    catalogue = label_catalogue()
    span = F.datediff(F.max("as_of_date"), F.min("as_of_date")) > F.max("horizon_days")
    seen = table.agg(
        *(F.count(label.name).alias(label.name) for label in catalogue), span.alias("beyond_horizon")
    ).collect()[0]
    rows = table.select(*SNAPSHOT_KEY, *(indicator(F.col(label.name)).alias(label.name) for label in catalogue))
    rules = ruled(limits["labels.rows"], row_count(int(limits["labels.rows"]["lowest"])))
    # In its first weeks a log is shorter than the horizon; later, no known outcome means that the labels are broken.
    if seen["beyond_horizon"]:
        rules += ruled(limits["labels.known"], known(default_label(), limits["labels.known"]["share"]))
    for label in catalogue:
        if seen[label.name] >= limits["labels.share"]["sample"]:
            rules += ruled(limits["labels.share"], mean(label.name, *label.plausible_share))
    return Suite("labels", LABELS, SNAPSHOT_KEY, rows, tuple(rules))


def predictions(audit: Audit) -> Suite:
    """The predictions of the newest scoring, of its label and by its version: each user of its snapshot has one."""
    table, limits = read(audit.spark, "ml.churn_predictions"), audit.limits
    newest = F.max_by(F.struct("label", "model_version", "as_of_date"), "scored_at")
    scored = table.agg(newest.alias("newest")).select("newest.*").collect()[0]
    users = read(audit.spark, FEATURES).where(F.col("as_of_date") == F.lit(scored.as_of_date)).count()
    of_scoring = reduce(and_, (F.col(name).eqNullSafe(F.lit(scored[name])) for name in scored.asDict()))
    rows = table.where(of_scoring).select(*SNAPSHOT_KEY, "model_version", "churn_probability", "risk_decile")
    rules = ruled(limits["predictions.coverage"], row_count(users, users))
    required = [known(name) for name in ("churn_probability", "risk_decile", "model_version")]
    rules += ruled(limits["predictions.known"], *required)
    for name, column in (("probability", "churn_probability"), ("decile", "risk_decile")):
        rule = limits[f"predictions.{name}"]
        rules += ruled(rule, *between(column, rule["lowest"], rule["highest"]))
    rules += _of_sample(audit, "predictions.mean", users, partial(_mean, "churn_probability"))
    rules += _of_sample(audit, "predictions.varied", users, lambda _: [varied("churn_probability")])
    return Suite("predictions", "ml.churn_predictions", SNAPSHOT_KEY, rows, tuple(rules))


def builders() -> Mapping[str, Sequence[Callable[[Audit], Suite | None]]]:
    """Return, by the name that asks for them, what builds the suites; None is built where nothing was measured yet."""
    return {
        "raw": (raw_events, raw_files, raw_dates),
        "staging": (staging, volumes),
        "features": (features, features_snapshots),
        "labels": (labels,),
        "leaks": (leaks,),
        "predictions": (predictions,),
        "drift": (drift,),
        "performance": (performance,),
    }


def _mean(column: str, rule: Rule) -> list[Expectation]:
    return [mean(column, rule["lowest"], rule["highest"])]


def _at_most(column: str, rule: Rule) -> list[Expectation]:
    return [mean(column, 0, rule["highest"])]


def _of_sample(
    audit: Audit, name: str, count: int, expectations: Callable[[Rule], list[Expectation]]
) -> list[Expectation]:
    """The Expectations of a rule, where there are as many rows as it takes to judge."""
    rule = audit.limits[name]
    return ruled(rule, *expectations(rule)) if count >= rule["sample"] else []

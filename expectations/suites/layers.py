"""The suites, one or two a layer: volumes, ranges, null shares and distributions.

Keys, relations and logic are dbt's to test. Every rule here is an aggregate, so a suite costs one job; the features
have too many for that, the volumes are looked at from too many sides, and both have modules of their own.
Bounds are wide on purpose: they hold for the published logs of 225 to 22,277 users and for a log of a handful, and
break when a delivery, a unit or a join went wrong.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F

from expectations.measures.rhythm import STRAY
from expectations.suite import FEATURES, LABELS, SNAPSHOT_KEY, Suite, has_snapshots, read
from expectations.suites.drift import drift
from expectations.suites.features import features
from expectations.suites.leaks import leaks
from expectations.suites.performance import performance
from expectations.suites.rules import at_least, between, guess, indicator, known, mean, milliseconds, row_count, varied
from expectations.suites.volumes import volumes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyspark.sql import DataFrame

    from expectations.catalogue import FeatureEntry
    from expectations.suite import OnDrift

# Of fewer rows, a share or a mean says nothing.
SAMPLE = 500
SNAPSHOT_SAMPLE = 50
SONG_SHARE = (
    "In the published Sparkify logs four in five events are songs; a service that logs pages of its own, which count "
    "nowhere, has fewer"
)
# The plausible share of snapshots with the outcome, among those where it is known.
LABEL_SHARES = MappingProxyType(
    {
        "churned_in_time_bin": (0.001, 0.5),
        "will_churn_in_next_bin": (0.001, 0.5),
        "will_churn_soon": (0.001, 0.7),
        "will_downgrade": (0, 0.5),
        "will_upgrade": (0, 0.7),
        "will_lapse": (0, 0.9),
    }
)


def raw_events(spark: SparkSession) -> Suite:
    events = read(spark, "raw.events")
    rows = events.select(
        *("record_hash", "ts", "page", "length"),
        indicator(F.col("page") == "NextSong").alias("is_song"),
        indicator(F.col("auth").isin("Logged Out", "Guest")).alias("is_anonymous"),
    )
    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    # The first of daily deliveries may hold a dozen events.
    rules = [row_count(1), known("ts"), known("page")]
    # Seconds taken for milliseconds would be in 1970.
    rules += between("ts", milliseconds(datetime(2000, 1, 1, tzinfo=timezone.utc)), milliseconds(tomorrow))
    if events.count() >= SAMPLE:
        rules += [guess(mean("is_song", 0.6, 0.95), SONG_SHARE), mean("is_anonymous", 0, 0.2)]
        rules += between("length", 0, 86_400)
    return Suite("raw", "raw.events", ("record_hash",), rows, tuple(rules))


def raw_files(spark: SparkSession) -> Suite:
    """Only the newest files count: one bad file must not bar the way for its repaired successor."""
    files = read(spark, "raw.ingested_files")
    newest = files.agg(F.max(F.unix_micros("ingested_at"))).collect()[0][0]
    # Of a short file, a few refused lines are not a share.
    refused = F.col("rejected_count") / F.greatest("line_count", F.lit(100))
    rows = files.where(F.unix_micros("ingested_at") == F.lit(newest)).select(
        "checksum", refused.alias("rejected_share")
    )
    rules = (row_count(1), *between("rejected_share", 0, 0.05))
    return Suite("raw_files", "raw.ingested_files", ("checksum",), rows, rules)


def staging(spark: SparkSession) -> Suite:
    events = read(spark, "staging.stg_sparkify__events")
    rows = events.select(
        *("event_id", "song_length_seconds"),
        F.when(F.col("page") == "NextSong", indicator(F.col("artist").isNull())).alias("song_without_artist"),
        indicator(F.col("device_family").isNull()).alias("without_device"),
        indicator(F.col("http_status") >= F.lit(400)).alias("is_http_error"),
        indicator(F.col("occurred_at") < F.col("registered_at")).alias("before_registration"),
    )
    loaded = read(spark, "raw.events").count()
    # What goes missing are the logged-out, at most a fifth, and what was delivered twice.
    rules = [row_count(max(1, loaded // 3), loaded)]
    if events.count() >= SAMPLE:
        rules += [mean("song_length_seconds", 150, 350), mean("song_without_artist", 0, 0.02)]
        rules += [mean("is_http_error", 0, 0.05), mean("before_registration", 0, 0.05), mean("without_device", 0, 0.2)]
    return Suite("staging", "staging.stg_sparkify__events", ("event_id",), rows, tuple(rules))


def staging_dates(spark: SparkSession) -> Suite:
    """A delivery that never came shows as a hole in the dates; a few stray events before or after the log do not."""
    dates = _without_strays(read(spark, "staging.stg_sparkify__events").groupBy("event_date").count())
    previous = F.lag("event_date").over(Window.orderBy("event_date"))
    gap = F.coalesce(F.datediff("event_date", previous), F.lit(1))
    rows = dates.select("event_date", gap.alias("days_since_previous"))
    # A log of a few users has dates without any of them, but no two weeks.
    rules = (row_count(1), *between("days_since_previous", 1, 14))
    return Suite("staging_dates", "staging.stg_sparkify__events", ("event_date",), rows, rules)


def _without_strays(dates: DataFrame) -> DataFrame:
    """The dates without those before and after which there is next to nothing; `count` holds the events of each."""
    passed = F.sum("count").over(Window.orderBy("event_date"))
    total = F.sum("count").over(Window.partitionBy())
    shares = dates.select(
        "event_date", (passed / total).alias("passed"), ((passed - F.col("count")) / total).alias("before")
    )
    return shares.where((F.col("passed") >= F.lit(STRAY)) & (F.col("before") <= F.lit(1 - STRAY)))


def features_snapshots(spark: SparkSession) -> Suite | None:
    """Users come and go slowly: a snapshot of less than half the users of the one before has lost some on the way."""
    if not has_snapshots(spark):
        return None
    dates = read(spark, FEATURES).groupBy("as_of_date").agg(F.count("*").alias("user_count"))
    previous = F.lag("user_count").over(Window.orderBy("as_of_date"))
    kept = F.when(previous >= SNAPSHOT_SAMPLE, F.col("user_count") / previous)
    rows = dates.select("as_of_date", F.coalesce(kept, F.lit(1.0)).alias("share_of_previous"))
    rules = [row_count(1)] if dates.isEmpty() else [row_count(1), at_least("share_of_previous", 0.5)]
    return Suite("features_snapshots", FEATURES, ("as_of_date",), rows, tuple(rules))


def labels(spark: SparkSession) -> Suite | None:
    table = read(spark, LABELS)
    if not has_snapshots(spark):
        return None
    span = F.datediff(F.max("as_of_date"), F.min("as_of_date")) > F.max("horizon_days")
    seen = table.agg(*(F.count(name).alias(name) for name in LABEL_SHARES), span.alias("beyond_horizon")).collect()[0]
    rows = table.select(*SNAPSHOT_KEY, *(indicator(F.col(name)).alias(name) for name in LABEL_SHARES))
    rules = [row_count(1)]
    # In its first weeks a log is shorter than the horizon; later, no known outcome means that the labels are broken.
    if seen["beyond_horizon"]:
        rules.append(known("churned_in_time_bin", share=0.001))
    rules += [mean(name, *bounds) for name, bounds in LABEL_SHARES.items() if seen[name] >= SAMPLE]
    return Suite("labels", LABELS, SNAPSHOT_KEY, rows, tuple(rules))


def predictions(spark: SparkSession) -> Suite:
    """The predictions for the snapshot that was scored last: each of its users has to have one."""
    table = read(spark, "ml.churn_predictions")
    scored = table.agg(F.max_by("as_of_date", "scored_at")).collect()[0][0]
    in_snapshot = F.col("as_of_date") == F.lit(scored)
    users = read(spark, FEATURES).where(in_snapshot).count()
    rows = table.where(in_snapshot).select(*SNAPSHOT_KEY, "model_version", "churn_probability", "risk_decile")
    rules = [row_count(max(1, users)), known("churn_probability"), known("risk_decile"), known("model_version")]
    rules += [*between("churn_probability", 0, 1), *between("risk_decile", 1, 10)]
    if users >= SNAPSHOT_SAMPLE:
        # A model that gives everybody the same probability ranks nobody.
        rules += [mean("churn_probability", 0.0005, 0.8), varied("churn_probability")]
    return Suite("predictions", "ml.churn_predictions", SNAPSHOT_KEY, rows, tuple(rules))


def builders(
    catalogue: Sequence[FeatureEntry], on_drift: OnDrift
) -> Mapping[str, Sequence[Callable[[SparkSession], Suite | None]]]:
    """Return, by the name that asks for them, what builds the suites; None is built where nothing was measured yet."""
    return {
        "raw": (raw_events, raw_files),
        "staging": (staging, staging_dates, volumes),
        "features": (partial(features, catalogue=catalogue), features_snapshots),
        "labels": (labels,),
        "leaks": (partial(leaks, catalogue=catalogue),),
        "predictions": (predictions,),
        "drift": (partial(drift, on_drift=on_drift),),
        "performance": (partial(performance, on_drift=on_drift),),
    }

"""The events as sessions, hours and user-days: one pass over them, in frames small enough to look at from all sides.

An hour is counted since 1970 UTC. A session counts in the hour it begins in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from pyspark.sql import functions as F

from expectations.measures.rhythm import DAY

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SESSION, USER_DAY = ("user_id", "session_id"), ("user_id", "event_date")
SECONDS_PER_DAY = 86_400


def session_hours(events: DataFrame) -> DataFrame:
    """One row per user, session and hour with an event."""
    hour = F.floor(F.unix_timestamp("occurred_at") / F.lit(3600))
    return events.groupBy(*SESSION, "event_date", hour.alias("hour")).agg(
        F.count("*").alias("event_count"),
        F.count("level").alias("level_count"),
        F.count_if(F.col("page") == "NextSong").alias("song_count"),
        F.sum(F.coalesce("song_length_seconds", F.lit(0)) / F.lit(3600)).alias("song_hours"),
        F.count("item_in_session").alias("item_count"),
        F.min("item_in_session").alias("first_item"),
        F.max("item_in_session").alias("last_item"),
        F.max(F.col("page") == "Cancellation Confirmation").alias("is_cancelled"),
    )


def sessions(hours: DataFrame) -> DataFrame:
    """One row per session of such hours, with its `parts` by hour; told twice if it has more events than items."""
    surplus = F.sum("item_count") - (F.max("last_item") - F.min("first_item") + F.lit(1))
    return hours.groupBy(*SESSION).agg(
        F.min("hour").alias("first_hour"),
        (surplus > F.lit(0)).alias("is_told_twice"),
        F.max("is_cancelled").alias("is_cancelled"),
        F.collect_list(F.struct("hour", "event_count", "level_count")).alias("parts"),
    )


def user_days(hours: DataFrame) -> DataFrame:
    """One row per user and date of such hours."""
    return hours.groupBy(*USER_DAY).agg(*(F.sum(name).alias(name) for name in ("song_count", "song_hours")))


def log_by_hour(of_log: DataFrame) -> pd.DataFrame:
    """One row per hour with an event of such sessions, in order of time."""
    begins = F.col("hour") == F.col("first_hour")
    parts = of_log.select("first_hour", "is_told_twice", "is_cancelled", F.inline("parts"))
    log = parts.groupBy("hour").agg(
        F.sum("event_count").alias("event_count"),
        F.sum("level_count").alias("level_count"),
        F.count_if(begins).alias("session_count"),
        F.count_if(begins & F.col("is_told_twice")).alias("told_twice_count"),
        F.count_if(begins & F.col("is_cancelled")).alias("cancelled_count"),
    )
    return pd.DataFrame(log.collect(), columns=log.columns).sort_values("hour", ignore_index=True)


def end_due(raw_events: DataFrame) -> int | None:
    """The hour that a log has to reach: the end of its newest date, if that came in files of its own after it was over.

    A log in one piece may end at any hour, and so may what there is of today.
    """
    day = F.floor(F.col("ts") / F.lit(1000 * SECONDS_PER_DAY))
    ends = [F.min(day).alias("first"), F.max(day).alias("last"), F.unix_timestamp(F.max("ingested_at")).alias("at")]
    files = raw_events.groupBy("source_file").agg(*ends).collect()
    newest = max((file["last"] for file in files), default=0)
    of_newest = [file for file in files if file["last"] == newest]
    came_by_itself = len(of_newest) < len(files) and all(file["first"] == newest for file in of_newest)
    was_over = all(file["at"] // SECONDS_PER_DAY > newest for file in of_newest)
    return (newest + 1) * DAY if came_by_itself and was_over else None

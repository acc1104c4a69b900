"""The log as it is looked at from many sides: events as sessions, hours, dates and user-days, in one pass over them.

An hour is counted since 1970 UTC, and so is a day. A session counts in the hour it begins in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
from pyspark.sql import functions as F

from expectations.measures.rhythm import DAY
from expectations.past import day_of, published_days
from expectations.suite import EXAMPLES, key_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrame

SESSION, USER_DAY = ("user_id", "session_id"), ("user_id", "event_date")
SECONDS_PER_DAY = 86_400
# Columns that an event has, and those that only a song has.
OF_EVENTS, OF_SONGS = ("level", "gender", "state", "device_family"), ("artist", "song", "song_length_seconds")


@dataclass(frozen=True)
class MeasuredLog:
    """What the rules of the volumes look at; frames are in order of time.

    - `hours`: one row per `hour` with an event: `event_count`, `session_count`, `told_twice_count`, `cancelled_count`.
    - `dates`: one row per `day` with an event: `event_count`, `song_count`, and `<column>_null_count` of each column.
    - `judged`: the days that this run brings or changes; all of them where none was published before, or none is new.
    - `end`: the hour that the log has to reach, if any.
    - `session_hours`: what all of it was made of, for user-days and examples.
    """

    hours: pd.DataFrame
    dates: pd.DataFrame
    judged: frozenset[int]
    has_past: bool
    end: int | None
    session_hours: DataFrame

    def examples(self, rows: DataFrame, keys: Sequence[str]) -> tuple[str, ...]:
        """The keys of some rows, as people read them."""
        return tuple(row[0] for row in rows.select(key_text(keys).alias("key")).sort("key").limit(EXAMPLES).collect())


def measured_log(rows: DataFrame) -> MeasuredLog:
    """Measure a log by its hours of sessions, beside what is published of it."""
    spark = rows.sparkSession
    dates = _dates(rows)
    counts, published = dict(zip(dates.day, dates.event_count, strict=True)), published_days(spark)
    changed = {day for day in counts.keys() | published.keys() if counts.get(day) != published.get(day)}
    has_past = bool(published) and bool(changed)
    return MeasuredLog(
        hours=_hours(sessions(rows)),
        dates=dates,
        judged=frozenset(changed if has_past else counts),
        has_past=has_past,
        end=_end_due(spark.table("raw.events")),
        session_hours=rows,
    )


def session_hours(events: DataFrame) -> DataFrame:
    """One row per user, session and hour with an event."""
    hour = F.floor(F.unix_timestamp("occurred_at") / F.lit(3600))
    is_song = F.col("page") == "NextSong"
    nulls = [F.count_if(F.col(name).isNull()) for name in OF_EVENTS]
    nulls += [F.count_if(is_song & F.col(name).isNull()) for name in OF_SONGS]
    named = [null.alias(f"{name}_null_count") for null, name in zip(nulls, (*OF_EVENTS, *OF_SONGS), strict=True)]
    return events.groupBy(*SESSION, "event_date", hour.alias("hour")).agg(
        F.count("*").alias("event_count"),
        F.count_if(is_song).alias("song_count"),
        F.sum(F.coalesce("song_length_seconds", F.lit(0)) / F.lit(3600)).alias("song_hours"),
        F.count("item_in_session").alias("item_count"),
        F.min("item_in_session").alias("first_item"),
        F.max("item_in_session").alias("last_item"),
        F.max(F.col("page") == "Cancellation Confirmation").alias("is_cancelled"),
        *named,
    )


def sessions(hours: DataFrame) -> DataFrame:
    """One row per session of such hours, with its `parts` by hour; told twice if it has more events than items."""
    surplus = F.sum("item_count") - (F.max("last_item") - F.min("first_item") + F.lit(1))
    return hours.groupBy(*SESSION).agg(
        F.min("hour").alias("first_hour"),
        (surplus > F.lit(0)).alias("is_told_twice"),
        F.max("is_cancelled").alias("is_cancelled"),
        F.collect_list(F.struct("hour", "event_count")).alias("parts"),
    )


def user_days(hours: DataFrame) -> DataFrame:
    """One row per user and date of such hours."""
    return hours.groupBy(*USER_DAY).agg(*(F.sum(name).alias(name) for name in ("song_count", "song_hours")))


def _hours(of_log: DataFrame) -> pd.DataFrame:
    begins = F.col("hour") == F.col("first_hour")
    parts = of_log.select("first_hour", "is_told_twice", "is_cancelled", F.inline("parts"))
    log = parts.groupBy("hour").agg(
        F.sum("event_count").alias("event_count"),
        F.count_if(begins).alias("session_count"),
        F.count_if(begins & F.col("is_told_twice")).alias("told_twice_count"),
        F.count_if(begins & F.col("is_cancelled")).alias("cancelled_count"),
    )
    return _in_order(log, "hour")


def _dates(hours: DataFrame) -> pd.DataFrame:
    counts = ("event_count", "song_count", *(f"{name}_null_count" for name in (*OF_EVENTS, *OF_SONGS)))
    dates = hours.groupBy(day_of("event_date").alias("day")).agg(*(F.sum(name).alias(name) for name in counts))
    return _in_order(dates, "day")


def _in_order(rows: DataFrame, key: str) -> pd.DataFrame:
    return pd.DataFrame(rows.collect(), columns=rows.columns).sort_values(key, ignore_index=True)


def _end_due(raw_events: DataFrame) -> int | None:
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

"""The published past of a log: what a run that stands on its branch is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from expectations.suite import EVENTS
from warehouse.contract.moments import moment
from warehouse.contract.tables import BRANCH_OF_SESSION

if TYPE_CHECKING:
    from datetime import datetime

    from pyspark.sql import Column, DataFrame, SparkSession

DAYS_PER_WEEK = 7


def published_events(spark: SparkSession) -> DataFrame | None:
    """The events that readers see, where the session stands on a branch that has written others; else None."""
    if not _has_own(spark, EVENTS):
        return None
    return spark.sql(f"select event_date from {EVENTS} version as of 'main'")  # noqa: S608 - our table


def published_days(spark: SparkSession) -> dict[int, int]:
    """How many events are published of each day since 1970; none of a session that has nothing new."""
    events = published_events(spark)
    if events is None:
        return {}
    return {row.day: row["count"] for row in events.groupBy(day_of("event_date").alias("day")).count().collect()}


def published_weeks(spark: SparkSession) -> int:
    """Over how many whole weeks the published events reach; 0 of a session that has nothing new."""
    events = published_events(spark)
    if events is None:
        return 0
    first, last = events.agg(F.min(day_of("event_date")), F.max(day_of("event_date"))).collect()[0]
    return 0 if first is None else int(last - first + 1) // DAYS_PER_WEEK


def published_until(spark: SparkSession, table: str) -> datetime | None:
    """The newest `ingested_at` of a raw table that readers see; None of a session that has nothing new there."""
    if not _has_own(spark, table):
        return None
    newest = spark.sql(f"select unix_micros(max(ingested_at)) from {table} version as of 'main'")  # noqa: S608 - our table
    micros = newest.collect()[0][0]
    return None if micros is None else moment(micros)


def _has_own(spark: SparkSession, table: str) -> bool:
    """Whether the session stands on a branch of a table that has others on `main`."""
    branch = spark.conf.get(BRANCH_OF_SESSION, None)
    if branch is None or not spark.catalog.tableExists(table):
        return False
    return {branch, "main"} <= {row.name for row in spark.sql(f"select name from {table}.refs").collect()}  # noqa: S608 - our table


def day_of(date: str) -> Column:
    """The day of a date, since 1970."""
    return F.datediff(F.col(date), F.lit("1970-01-01"))

"""The tables of the `raw` schema: their columns, their upkeep, and what they know of earlier ingests."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from warehouse.contract.moments import moment
from warehouse.contract.tables import create_or_widen, source_table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# The rules by which rows were made; files that were taken in before there was a number have none. See `upgrade`.
RECORD_VERSION = 2
TOUCHED_DATES = "raw.touched_dates"
RAW_TABLES = {
    name: source_table(name).kinds
    for name in ("raw.events", "raw.rejected_events", TOUCHED_DATES, "raw.ingested_files")
}
# Which raw events are of a user, as staging takes them; all others are guests'. `land` counts the same.
OF_USERS = "user_id != '' and registration is not null"


def create_raw_tables(spark: SparkSession) -> None:
    """Create the schema `raw` and those of its tables, and of their columns, that are missing."""
    create_or_widen(spark, *RAW_TABLES)


def columns_ddl(columns: dict[str, str]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in columns.items())


def touched_dates(events: DataFrame) -> DataFrame:
    """Return the rows of `raw.touched_dates` that tell of rows of `raw.events`."""
    event_date = F.timestamp_millis("ts").cast("date").alias("event_date")
    return events.where(OF_USERS).groupBy(event_date, "ingested_at").agg(F.count("*").alias("event_count"))


def append(rows: DataFrame, table: str) -> None:
    """Write rows with the columns of a table, in one commit."""
    rows.select(*RAW_TABLES[table]).writeTo(table).append()


def start_time(spark: SparkSession) -> datetime:
    """Return the `ingested_at` of a new ingest or replay, later than all before, and remove what a broken-off one left.

    Both write `raw.ingested_files` when all their rows are written, in one commit: rows of the other tables that are
    newer than its newest time belong to none that has ended. File statistics find them without reading data; their
    files are dropped whole.
    """
    newest_of_file = F.greatest("ingested_at", "replayed_at")
    finished = spark.table("raw.ingested_files").agg(F.unix_micros(F.max(newest_of_file))).collect()[0][0]
    newest = moment(finished or 0)
    is_left_over = f"ingested_at > timestamp '{newest.isoformat()}'"
    for table in ("raw.events", "raw.rejected_events", TOUCHED_DATES):
        if not spark.table(table).where(is_left_over).isEmpty():
            spark.sql(f"delete from {table} where {is_left_over}")  # noqa: S608 - our own names and times
    return max(datetime.now(timezone.utc), newest + timedelta(microseconds=1))


def known_checksums(spark: SparkSession) -> set[str]:
    """Return the checksums of all files ever ingested."""
    return {checksum for (checksum,) in spark.table("raw.ingested_files").select("checksum").collect()}

"""A log as the two tables that its suites look at: lines as they are ingested, and as the staging model makes them."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from pyarrow import json as arrow_json

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from pyspark.sql import SparkSession

    Log = pd.DataFrame

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
# A Monday, 2018-10-01: the first day of a simulated log.
START = 1_538_352_000_000
RAW, STAGED = "raw.events", "staging.stg_sparkify__events"
# What the suites look at, of the lines as they are ingested and as the staging model makes them.
TABLES = {
    RAW: """
        select string(monotonically_increasing_id()) as record_hash, userId as user_id,
            bigint(registration) as registration, ts, source_file, timestamp '2019-01-01' as ingested_at
        from log""",
    STAGED: """
        select string(monotonically_increasing_id()) as event_id, userId as user_id, sessionId as session_id,
            itemInSession as item_in_session, page, level, artist, song, status as http_status,
            length as song_length_seconds, 'Windows' as device_family, 'F' as gender, 'TX' as state,
            date(timestamp_millis(ts)) as event_date, timestamp_millis(ts) as occurred_at,
            timestamp_millis(bigint(registration)) as registered_at
        from log where registration is not null""",
}
COLUMNS = ["ts", "userId", "sessionId", "itemInSession", "page", "level", "artist", "song", "status", "length"]
COLUMNS += ["registration", "source_file"]


def read_log(lines: bytes) -> Log:
    """The lines of a log as a frame; all came in one file."""
    log: Log = arrow_json.read_json(BytesIO(lines)).to_pandas()
    return log.assign(source_file="log.json")


def write_log(spark: SparkSession, folder: Path, log: Log) -> None:
    """Let the tables hold a log in place of another, where the session stands; the folder takes its rows."""
    file = folder / f"log-{len(list(folder.iterdir()))}.parquet"
    log[COLUMNS].to_parquet(file)
    spark.read.parquet(str(file)).createOrReplaceTempView("log")
    for table, query in TABLES.items():
        if spark.catalog.tableExists(table):
            spark.sql(f"insert overwrite {table} {query}")
        else:
            spark.sql(f"create namespace if not exists {table.partition('.')[0]}")
            spark.sql(f"create table {table} using iceberg as {query}")


def without_hours(log: Log, day: int, first: int, until: int) -> Log:
    """The log without the events of some hours of a day."""
    begin = START + day * DAY_MS
    return log[(log.ts < begin + first * HOUR_MS) | (log.ts >= begin + until * HOUR_MS)]

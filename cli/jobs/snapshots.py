"""What the observation window says of snapshots: which are still to come, and what they wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

WINDOW = "intermediate.int_observation_window"
NEWEST = f"""
    select
        date_format(observed_until, 'yyyy-MM-dd HH:mm') as ends_at,
        cast(next_snapshot_date as string) as next_date,
        observed_until > cast(observed_until as date) and next_snapshot_date = date_add(observed_until, 1) as is_partial
    from {WINDOW}
    order by stretch_number desc
    limit 1
"""  # noqa: S608 - our own table


def awaited_snapshot(spark: SparkSession, snapshots: int | None) -> str | None:
    """Say of the next snapshot what it waits for, if there is none yet or its last day is there in part; else None.

    `snapshots` is the number of rows of the feature table.
    """
    if not spark.catalog.tableExists(WINDOW):
        return None
    newest = spark.sql(NEWEST).collect()
    if not newest:
        return "There is no snapshot yet: the log has no event of a known user on a known page."
    [window] = newest
    if not snapshots:
        return (
            f"There is no snapshot yet: the log is observed until {window.ends_at} UTC, and the first will be made as "
            f"of {window.next_date}, in the run that brings the log up to that date."
        )
    if window.is_partial:
        return (
            f"The log ends at {window.ends_at} UTC: the snapshot as of {window.next_date} will be made when the rest "
            "of the day is there."
        )
    return None

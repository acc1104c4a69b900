"""Refused lines judged once more: what the rules of today take for events leaves `raw.rejected_events`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from warehouse.landing.ingest import DEFAULT_RULES, IngestSummary, LinesUnaccountedFor
from warehouse.landing.raw_tables import TOUCHED_DATES, append, create_raw_tables, start_time, touched_dates
from warehouse.landing.reader.batches import OUTCOME_COLUMNS, BatchReader
from warehouse.landing.reader.reader import SHAPE
from warehouse.landing.upgrade import upgrade

if TYPE_CHECKING:
    from datetime import datetime

    from pyspark.sql import DataFrame, Row, SparkSession

    from warehouse.landing.reader.reader import LineReader
    from warehouse.landing.reader.rules import Rules

# An ingest takes a path once, so its time and the path tell the file that a refused line came from.
_FILE = ("source_file", "ingested_at")
_LINE = (*_FILE, "line_number")


def replay_rejected(spark: SparkSession, rules: Rules = DEFAULT_RULES) -> IngestSummary:
    """Judge the rows of `raw.rejected_events` by the rules of today; events among them become rows of `raw.events`.

    A line of which only the shape was kept stays as it is: `final` of the summary counts them. The others are read by
    the mapping of `rules`, or by the dialect that they show.
    Such an event has the file and the number of its line, a new `ingested_at`, and no names: they were masked. It has
    the `record_hash` that it has in a file that is delivered again. Other rows stay, their reasons brought up to date.
    The counts of `raw.ingested_files` follow, and `replayed_at` there is the `ingested_at` of the file's new events.
    `files` of the summary are those, `lines` all refused lines.

    Three steps, in this order, and what a crash after each leaves:
    1. The events are written, and their dates. They are newer than any time in `raw.ingested_files`: the next ingest or
       replay removes them (`start_time`), and the refused lines are all still there.
    2. Counts and `replayed_at` are set: now the events belong to their files for good.
    3. The refused lines go. If they have not gone, the next replay finds an event with the number of the line and the
       `replayed_at` of its file, and lets the line go before it judges any. Each file has a `replayed_at` of its own,
       so that a path that was taken in twice is not taken for one file.
    """
    create_raw_tables(spark)
    now = start_time(spark)
    # Without a salt: the names in these lines are stars.
    reader = rules.reader(now, salt=None)
    upgrade(spark, reader)
    _let_go_of_replayed(spark)
    judged = _judged(spark, reader).cache()
    try:
        return _replay(judged, now)
    finally:
        judged.unpersist()


def _replay(judged: DataFrame, now: datetime) -> IngestSummary:
    spark = judged.sparkSession
    # Rows of no file that is taken in are not ours to move: their counts stand nowhere.
    refused = judged.join(spark.table("raw.ingested_files").select(*_FILE), [*_FILE], "left_semi")
    file = ("source_file", F.unix_micros("ingested_at").alias("refused_at"))
    groups = refused.groupBy(*file, "old_kept", "old_reasons", "reasons").count().collect()
    accepted = _accepted_by_file(groups)
    if accepted:
        replays = _replays(spark, accepted, now)
        _write_events(refused.where(F.size("reasons") == 0), replays)
        _require_written(spark, now, accepted.total())
        _update_files(replays)
    if any(group.reasons != group.old_reasons for group in groups):
        _update_rejected(refused.where("reasons != old_reasons").select(*_LINE, "reasons"))
    return _summary(groups, len(accepted))


def _judged(spark: SparkSession, reader: LineReader) -> DataFrame:
    """Return the refused lines with the reasons of today, none for an event, and `old_reasons`, those of the table."""
    refused = spark.table("raw.rejected_events").withColumnsRenamed(
        {"raw_line": "line", "reasons": "old_reasons", "kept": "old_kept"}
    )
    no_reason = F.array().cast("array<string>")
    is_final = F.col("old_kept") == SHAPE
    reasons = F.when(is_final, F.col("old_reasons")).otherwise(F.coalesce("reasons", no_reason))
    return _outcomes(refused, reader).withColumn("reasons", reasons)


def _outcomes(lines: DataFrame, reader: LineReader) -> DataFrame:
    """Read the column `line`: one row per line, with its other columns and those of an event or of a refusal."""
    binary = lines.withColumn("line", F.col("line").cast("binary"))
    others = [f"`{field.name}` {field.dataType.simpleString()}" for field in lines.drop("line").schema]
    read = [f"{name} {kind}" for name, kind in OUTCOME_COLUMNS.items()]
    return binary.mapInArrow(BatchReader(reader), ", ".join([*others, *read]))


def _accepted_by_file(groups: list[Row]) -> Counter[tuple[str, int]]:
    """Count the lines that are events now, by source file and `ingested_at` in microseconds."""
    accepted = Counter[tuple[str, int]]()
    for group in groups:
        if not group.reasons:
            accepted[group.source_file, group.refused_at] += group["count"]
    return accepted


def _replays(spark: SparkSession, accepted: Counter[tuple[str, int]], now: datetime) -> DataFrame:
    """Return one row per file with events among its refused lines: its key, its `replayed_at`, their count."""
    rows = [(*file, number, lines) for number, (file, lines) in enumerate(sorted(accepted.items()))]
    files = spark.createDataFrame(rows, "source_file string, refused_at bigint, number bigint, line_count bigint")
    return files.select(
        "source_file",
        F.timestamp_micros("refused_at").alias("ingested_at"),
        F.timestamp_micros(F.unix_micros(F.lit(now)) + F.col("number")).alias("replayed_at"),
        "line_count",
    )


def _write_events(lines: DataFrame, replays: DataFrame) -> None:
    of_files = lines.join(F.broadcast(replays), [*_FILE])
    events = of_files.withColumn("ingested_at", F.col("replayed_at"))
    append(events, "raw.events")
    append(touched_dates(events), TOUCHED_DATES)


def _require_written(spark: SparkSession, now: datetime, expected: int) -> None:
    written = spark.table("raw.events").where(F.col("ingested_at") >= F.lit(now)).count()
    if written != expected:
        raise LinesUnaccountedFor(f"{expected} refused lines are events now, {written} were written: repeat the replay")


def _update_files(replays: DataFrame) -> None:
    replays.sparkSession.sql(
        """
        merge into raw.ingested_files as file using {replays} as replay
        on file.source_file = replay.source_file and file.ingested_at = replay.ingested_at
        when matched then update set
            accepted_count = file.accepted_count + replay.line_count,
            rejected_count = file.rejected_count - replay.line_count,
            replayed_at = replay.replayed_at
        """,
        replays=replays,
    )


def _update_rejected(changes: DataFrame) -> None:
    """Take out the refused lines that have no reasons today, and bring up to date those of the others."""
    changes.sparkSession.sql(
        """
        merge into raw.rejected_events as refused using {changes} as changed
        on refused.source_file = changed.source_file
            and refused.ingested_at = changed.ingested_at
            and refused.line_number = changed.line_number
        when matched and size(changed.reasons) = 0 then delete
        when matched then update set reasons = changed.reasons
        """,
        changes=changes,
    )


def _let_go_of_replayed(spark: SparkSession) -> None:
    """Take out the refused lines that an earlier replay made events of, if it was stopped before it could do so."""
    files = spark.table("raw.ingested_files").where("replayed_at is not null").select(*_FILE, "replayed_at")
    refused = spark.table("raw.rejected_events").select(*_LINE).join(files, [*_FILE])
    oldest = refused.agg(F.min(F.unix_micros("replayed_at"))).collect()[0][0]
    if oldest is None:
        return
    # The bound lets Iceberg pass over all files of events that no such replay wrote.
    events = spark.table("raw.events").where(F.col("ingested_at") >= F.timestamp_micros(F.lit(oldest)))
    replayed = events.select("source_file", "line_number", F.col("ingested_at").alias("replayed_at"))
    left_over = refused.join(replayed, ["source_file", "line_number", "replayed_at"], "left_semi")
    if not left_over.isEmpty():
        _update_rejected(left_over.select(*_LINE, F.array().cast("array<string>").alias("reasons")))


def _summary(groups: list[Row], files: int) -> IngestSummary:
    lines = sum(group["count"] for group in groups)
    rejected, final, reasons = 0, 0, Counter[str]()
    for group in groups:
        rejected += group["count"] if group.reasons else 0
        final += group["count"] if group.old_kept == SHAPE else 0
        reasons.update(dict.fromkeys(group.reasons, group["count"]))
    return IngestSummary(files, 0, lines, lines - rejected, rejected, 0, dict(reasons), final=final)

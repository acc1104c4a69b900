"""Rows that an older version wrote, brought to the rules of today: once, on the first ingest or replay after it.

Older versions kept the values of unknown keys, and hashed them, and kept refused text as it was. Those of their events
that today's rules would write in another way are read anew: otherwise, delivered once more, they would count twice.
`record_version` in `raw.ingested_files` marks what is done. It is a column, because a table property would hold for
all branches, also where the branch of a failed run takes the rewritten rows with it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
from pyspark.sql import functions as F

from warehouse.landing.archives import ARCHIVE_FAULTS
from warehouse.landing.raw_tables import (
    OF_USERS,
    RECORD_VERSION,
    TOUCHED_DATES,
    append,
    columns_ddl,
    touched_dates,
)
from warehouse.landing.reader.canonical import record_hash
from warehouse.landing.reader.columns import ARROW_TYPES, EVENT_COLUMNS, REFUSAL_COLUMNS, table_of
from warehouse.landing.reader.fields import FIELDS, NAMES, column_name
from warehouse.landing.reader.mapping_file import shipped_mappings
from warehouse.landing.reader.names import TYPE_NAMES, keys_text, reduced_keys, shape
from warehouse.landing.reader.reader import SHAPE, Event, Refusal
from warehouse.landing.reader.values import MISSING_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pyspark.sql import DataFrame, SparkSession

    from warehouse.landing.reader.reader import LineReader

    Upgrade = Callable[[dict[str, Any]], tuple[Any, ...]]

# Why older versions refused lines whose names, which they did not keep, were at fault.
NAME_FAULT = "fault in a name"
_KEY = {"source_file": "string", "line_number": "bigint", "ingested_at": "timestamp"}
_TEXTS = [column_name(key) for key, kind in FIELDS.items() if kind == "string" and key not in {*NAMES, "page"}]
_NAME_COLUMNS = [column_name(key) for key in NAMES]


def upgrade(spark: SparkSession, reader: LineReader) -> None:
    """Rewrite what an older version wrote otherwise: events, then refused lines, then the mark; each in one commit.

    If it is stopped between, it is done once more from the start, and comes to the same. A table of touched dates
    without any, as versions before it leave it, gets those of all events.
    """
    if not spark.table("raw.ingested_files").where("record_version is null").isEmpty():
        _rewrite_all(spark, reader)
    events = spark.table("raw.events")
    if spark.table(TOUCHED_DATES).isEmpty() and not events.where(OF_USERS).isEmpty():
        append(touched_dates(events), TOUCHED_DATES)


def _rewrite_all(spark: SparkSession, reader: LineReader) -> None:
    reader = replace(reader, mappings=shipped_mappings())
    _rewrite(spark, "raw.events", _outdated_events(spark), EVENT_COLUMNS, partial(upgraded_event, reader))
    kept = {name: kind for name, kind in REFUSAL_COLUMNS.items() if name != "reasons"}
    refused = spark.table("raw.rejected_events").where("kept is null")
    _rewrite(spark, "raw.rejected_events", refused, kept, partial(upgraded_refusal, reader))
    spark.sql(
        f"update raw.ingested_files set record_version = {RECORD_VERSION} where record_version is null"  # noqa: S608
    )


def _outdated_events(spark: SparkSession) -> DataFrame:
    """Return the events with unknown keys, or with a text that stands for a missing value or for a whole number."""
    is_missing = [F.col(name).isin(sorted(MISSING_WORDS)) for name in _TEXTS if name != "user_id"]
    user = F.col("user_id")
    is_odd = user.isin(sorted(MISSING_WORDS - {""})) | user.rlike(r"^\d+\.0+$") | F.col("unknown_keys").isNotNull()
    for each in is_missing:
        is_odd |= F.coalesce(each, F.lit(False))  # noqa: FBT003 - Spark's literal
    return spark.table("raw.events").where(is_odd)


def _rewrite(spark: SparkSession, table: str, rows: DataFrame, columns: dict[str, str], row: Upgrade) -> None:
    if rows.isEmpty():
        return
    changed = rows.mapInArrow(partial(_upgraded, row, columns), columns_ddl(_KEY | columns))
    spark.sql(
        f"""
        merge into {table} as old using {{changed}} as new
        on {" and ".join(f"old.{name} = new.{name}" for name in _KEY)}
        when matched then update set {", ".join(f"{name} = new.{name}" for name in columns)}
        """,
        changed=changed,
    )


def _upgraded(row: Upgrade, columns: dict[str, str], batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        rows = [row(old) for old in batch.to_pylist()]
        made = table_of(rows, pa.schema([(name, ARROW_TYPES[kind]) for name, kind in columns.items()]))
        read = {name: made.column(name).combine_chunks() for name in columns}
        yield pa.RecordBatch.from_pydict({name: batch.column(name) for name in _KEY} | read)


def upgraded_event(reader: LineReader, old: dict[str, Any]) -> tuple[Any, ...]:
    """Return the EVENT_COLUMNS of an event as it is read today. Of its names only the pseudonyms are there."""
    unknown: dict[str, Any] = orjson.loads(old["unknown_keys"] or "{}")
    record = {key: old[column_name(key)] for key in FIELDS if key not in NAMES}
    read = reader.read_record({key: value for key, value in record.items() if value is not None} | unknown)
    if isinstance(read, Refusal):
        # What was taken in stays, whatever the rules of today say of it; only clear values go.
        kept = [old[column_name(key)] for key in FIELDS]
        read = Event(kept, reduced_keys(unknown), record_hash(kept, None))
    values = dict(zip(EVENT_COLUMNS, read.values, strict=False))
    values |= {name: old[name] for name in _NAME_COLUMNS if old[name] is not None}
    return (*values.values(), _still_reduced(read.unknown_keys, unknown), read.record_hash)


def _still_reduced(reduced: str | None, before: dict[str, Any]) -> str | None:
    """Keep the types that an upgrade which was stopped has written already, where there were values."""
    if reduced is None:
        return None
    found = orjson.loads(reduced)
    written = {key: value for key, value in before.items() if value in TYPE_NAMES and key in found}
    return keys_text(found | written)


def upgraded_refusal(reader: LineReader, old: dict[str, Any]) -> tuple[str, str]:
    """Return what is kept of a refused line today, and how."""
    text: str = old["raw_line"]
    if {*ARCHIVE_FAULTS, NAME_FAULT} & {*old["reasons"]}:
        return shape(text), SHAPE
    kept = reader.refused(text.encode())
    return kept.raw_line, kept.kept

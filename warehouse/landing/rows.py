"""The rows that lines make: an event with pseudonyms, or a refused line with its reasons and without names.

Lines have source_file, line_number, ingested_at, line, parsed and, until they are accepted, is_blank.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from warehouse.landing import records

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_PLACE = ("source_file", "line_number", "ingested_at")


def accepted(lines: DataFrame) -> DataFrame:
    """Return the lines that are events."""
    return lines.where(~F.col("is_blank") & (F.size(_reasons()) == 0))


def event_rows(lines: DataFrame, salt: str | None) -> DataFrame:
    """Return one row of `raw.events` per accepted line; without a salt, names are NULL."""
    record, unknown = F.col("parsed")["record"], F.col("unknown")
    values = {key: record[key] for key in records.FIELDS} | {"status": record["status"].cast("int")}
    values |= {key: records.pseudonym(record[key], salt) for key in records.NAMES}
    return lines.withColumn("unknown", records.mask_names(records.unknown_keys(F.col("line")))).select(
        *_PLACE,
        *(value.alias(records.column_name(key)) for key, value in values.items()),
        unknown.alias("unknown_keys"),
        records.record_hash(record, unknown).alias("record_hash"),
    )


def rejected_rows(lines: DataFrame) -> DataFrame:
    """Return one row of `raw.rejected_events` per refused line."""
    line, found = F.col("line"), _reasons()
    return lines.where(~F.col("is_blank") & (F.size(found) > 0)).select(
        *_PLACE,
        records.kept_text(line).alias("raw_line"),
        F.coalesce(records.archive_fault(line), found).alias("reasons"),
    )


def _reasons() -> Column:
    return records.reasons(F.col("line"), F.col("parsed"))

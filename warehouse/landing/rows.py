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
    """Return one row of `raw.rejected_events` per refused line.

    The reasons are those of the text that is kept, so that they can be found again in it: only a change of the rules
    changes them. A line without any refers to what is not kept.
    """
    line = F.col("line")
    refused = lines.where(~F.col("is_blank") & (F.size(_reasons()) > 0)).select(
        *_PLACE, records.kept_text(line).alias("raw_line"), records.archive_fault(line).alias("archive_fault")
    )
    judged = with_reasons(refused)
    of_name = F.when(F.size("reasons") == 0, F.array(F.lit(records.NAME_FAULT)))
    return judged.withColumn("reasons", F.coalesce("archive_fault", of_name, "reasons"))


def with_reasons(refused: DataFrame) -> DataFrame:
    """Add parsed and reasons to rows with a raw_line.

    Without a column of its own, `parsed` would be parsed for each of its many uses: that takes a hundred times as long.
    """
    parsed = refused.withColumn("parsed", records.parse(F.col("raw_line")))
    return parsed.withColumn("reasons", records.reasons(F.col("raw_line"), F.col("parsed")))


def _reasons() -> Column:
    return records.reasons(F.col("line"), F.col("parsed"))

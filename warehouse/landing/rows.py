"""The rows that lines make: an event with pseudonyms, or a refused line with its reasons and without names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from warehouse.landing.reader.batches import OUTCOME_COLUMNS, BatchReader

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from warehouse.landing.reader.reader import LineReader


def outcomes(lines: DataFrame, reader: LineReader) -> DataFrame:
    """Read the column `line`: one row per line, with its other columns and those of an event or of a refusal."""
    binary = lines.withColumn("line", F.col("line").cast("binary"))
    others = [f"`{field.name}` {field.dataType.simpleString()}" for field in lines.drop("line").schema]
    read = [f"{name} {kind}" for name, kind in OUTCOME_COLUMNS.items()]
    return binary.mapInArrow(BatchReader(reader), ", ".join([*others, *read]))


def events(outcomes: DataFrame) -> DataFrame:
    """Return the lines that are events."""
    return outcomes.where("reasons is null")


def refused(outcomes: DataFrame) -> DataFrame:
    """Return the lines that are none."""
    return outcomes.where("reasons is not null")

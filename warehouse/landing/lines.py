"""The lines of many text files, numbered within each file, though Spark reads the files in pieces."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from pyspark.sql import functions as F

from warehouse.landing.records import parse

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

_BYTE_ORDER_MARK = "\ufeff"


class Block(NamedTuple):
    """A piece of a file that one Spark task reads: `first_row` is the row id of its first line."""

    file_name: str
    block_start: int
    first_row: int
    line_count: int
    blank_count: int


def read_lines(spark: SparkSession, folder: Path) -> DataFrame:
    """Return one row per line of the files in `folder`: file_name, block_start, row_id, line, is_blank, parsed.

    The row id is not deterministic in Spark's eyes, which keeps filters above this step: pushed below it they would
    parse twice.
    """
    text = F.col("value")
    line = F.when(text.startswith(_BYTE_ORDER_MARK), F.substring(text, 2, 2**31 - 1)).otherwise(text)
    return (
        spark.read.text(str(folder), lineSep="\n")
        .select("value", "_metadata.file_name", F.col("_metadata.file_block_start").alias("block_start"))
        .select(
            "file_name",
            "block_start",
            F.monotonically_increasing_id().alias("row_id"),
            line.alias("line"),
            (~line.rlike(r"\S")).alias("is_blank"),
            parse(line).alias("parsed"),
        )
    )


def survey(lines: DataFrame) -> list[Block]:
    """Count the lines of each piece of each file: one pass over the text that parses nothing."""
    rows = lines.groupBy("file_name", "block_start").agg(
        F.min("row_id").alias("first_row"),
        F.count("*").alias("line_count"),
        F.sum(F.col("is_blank").cast("bigint")).alias("blank_count"),
    )
    return sorted(Block(*row) for row in rows.collect())


def number_lines(lines: DataFrame, blocks: list[Block], sources: dict[str, str]) -> DataFrame:
    """Add source_file and line_number (from 1) to surveyed lines; `sources` maps file_name to source_file."""
    starts = [
        (name, block.block_start, sources[name], before - block.first_row + 1)
        for name, of_file in groupby(blocks, key=lambda block: block.file_name)
        for block, before in _with_lines_before(list(of_file))
    ]
    offsets = lines.sparkSession.createDataFrame(
        starts, "file_name string, block_start bigint, source_file string, shift bigint"
    )
    numbered = lines.join(F.broadcast(offsets), ["file_name", "block_start"])
    return numbered.withColumn("line_number", F.col("row_id") + F.col("shift"))


def _with_lines_before(blocks: list[Block]) -> list[tuple[Block, int]]:
    return [(block, sum(earlier.line_count for earlier in blocks[:index])) for index, block in enumerate(blocks)]

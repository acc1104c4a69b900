"""The lines of many text files, numbered within each file, though Spark reads the files in pieces."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

_BYTE_ORDER_MARK = "\ufeff"
# Of lines that go to Python and back at a time.
_MOST_BYTES, _MOST_ROWS = 32 << 20, 10_000


class Block(NamedTuple):
    """A piece of a file that one Spark task reads: `first_row` is the row id of its first line."""

    file_name: str
    block_start: int
    first_row: int
    line_count: int
    blank_count: int
    longest: int


def read_lines(spark: SparkSession, folder: Path) -> DataFrame:
    """Return one row per line of the files in `folder`: file_name, block_start, row_id, line, is_blank."""
    text = F.col("value")
    line = F.when(text.startswith(_BYTE_ORDER_MARK), F.substring(text, 2, 2**31 - 1)).otherwise(text)
    is_blank = F.when(line.startswith("{"), F.lit(False)).otherwise(~line.rlike(r"\S"))  # noqa: FBT003 - Spark's literal
    return (
        # The folder's name is a name, whatever characters of a glob stand in it.
        spark.read.option("__globPaths__", "false")
        .text(str(folder), lineSep="\n")
        .select("value", "_metadata.file_name", F.col("_metadata.file_block_start").alias("block_start"))
        .select(
            "file_name",
            "block_start",
            F.monotonically_increasing_id().alias("row_id"),
            line.alias("line"),
            is_blank.alias("is_blank"),
        )
    )


def survey(lines: DataFrame) -> list[Block]:
    """Count the lines of each piece of each file: one pass over the text that parses nothing."""
    rows = lines.groupBy("file_name", "block_start").agg(
        F.min("row_id").alias("first_row"),
        F.count("*").alias("line_count"),
        F.sum(F.col("is_blank").cast("bigint")).alias("blank_count"),
        F.max(F.octet_length("line")).alias("longest"),
    )
    return sorted(Block(*row) for row in rows.collect())


def rows_at_a_time(blocks: list[Block]) -> int:
    """Return how many lines go to Python and back at a time: fewer where they can be long."""
    return max(1, min(_MOST_ROWS, _MOST_BYTES // max([1, *(block.longest for block in blocks)])))


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

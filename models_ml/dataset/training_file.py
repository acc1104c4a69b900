"""A training set as one file: features and a known label, as they are now or as they were known at a past moment."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from pyspark.sql import functions as F

from models_ml import tables
from models_ml.dataset.arrow import arrow_tables
from models_ml.dataset.builds import build_known_at
from models_ml.dataset.training_set import known_snapshots
from models_ml.dataset.vectors import KEYS, candidate_columns
from models_ml.errors import EmptyRange, NoKnownSnapshot, UnwritableFile
from models_ml.spec.training_spec import check_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date, datetime
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

# Spark hands rows over in pieces of its own; the file has pieces of this size, whatever those were.
ROW_GROUP = 10_000
WRITERS = {".parquet": pa.parquet.ParquetWriter, ".csv": pa.csv.CSVWriter}


@dataclass(frozen=True)
class TrainingFileSpec:
    """One training file: the label, the snapshot dates (both ends belong to it), the moment whose knowledge counts.

    Raises:
        UnknownLabel: the label is not a binary label.
        UnwritableFile: another ending than .parquet or .csv, no folder to stand in.
        EmptyRange: the first date lies after the last.
    """

    label: str
    out: Path
    first: date | None = None
    last: date | None = None
    known_at: datetime | None = None

    def __post_init__(self) -> None:
        check_label(self.label)
        if self.out.suffix not in WRITERS:
            raise UnwritableFile(f"{self.out} has to end in {' or '.join(WRITERS)}, which says what is written")
        if not os.access(self.out.parent, os.W_OK):
            raise UnwritableFile(f"there is no folder {self.out.parent} that can be written to: make it first")
        if self.out.is_dir():
            raise UnwritableFile(f"{self.out} is a folder: name a file")
        if self.first and self.last and self.first > self.last:
            raise EmptyRange(f"--from {self.first} is after --to {self.last}: give the earlier date first")

    @property
    def span(self) -> str:
        return f"from {self.first or 'the first'} to {self.last or 'the last'}"


@dataclass(frozen=True)
class TrainingFile:
    """What was written: rows are (user, snapshot), `built_at` is when the build read was complete, None for now."""

    rows: int
    snapshots: int
    features: int
    built_at: datetime | None


def write_training_file(
    spark: SparkSession, spec: TrainingFileSpec, published: Mapping[str, int | None] | None = None
) -> TrainingFile:
    """Write keys, all features and the label of the snapshots whose label is known, by user and date.

    `published` names the Iceberg snapshot at which each table is read, so that all are of one published state; without
    it, and without a moment in the spec, they are read as they are now. The same tables give the same bytes (with the
    same version of pyarrow). The file appears whole or not at all.

    Raises:
        MissingTable, NoBuildYet, IngestedLater, SnapshotExpired, NoKnownSnapshot: nothing is written.
    """
    features, labels, built_at = _source(spark, spec.known_at, published or {})
    days = _days(labels, spec)
    rows = _rows(features, labels, spec.label, days)
    with appearing(spec.out) as partial:
        row_count = _write(row_groups(arrow_tables(rows)), partial)
    return TrainingFile(row_count, len(days), len(rows.columns) - len(KEYS) - 1, built_at)


def _source(
    spark: SparkSession, known_at: datetime | None, published: Mapping[str, int | None]
) -> tuple[DataFrame, DataFrame, datetime | None]:
    if known_at is None:
        sources = [tables.table_state(spark, name, published.get(name)) for name in (tables.FEATURES, tables.LABELS)]
        return sources[0].rows, sources[1].rows, None
    build = build_known_at(spark, known_at)
    return build.table(spark, tables.FEATURES), build.table(spark, tables.LABELS), build.completed_at


def _days(labels: DataFrame, spec: TrainingFileSpec) -> list[date]:
    known = sorted(known_snapshots(labels, spec.label)[0])
    days = [day for day in known if (spec.first or day) <= day <= (spec.last or day)]
    if not days:
        existing = f"known are {known[0]} to {known[-1]} ({len(known)})" if known else "none is known"
        msg = f"no snapshot {spec.span} has {spec.label} known for all users; {existing}: build on a longer log"
        raise NoKnownSnapshot(msg)
    return days


def _rows(features: DataFrame, labels: DataFrame, label: str, days: list[date]) -> DataFrame:
    """Keys, features in the order of the table, label; in the order of the keys."""
    names = set(candidate_columns(features.schema, features.columns).names)
    known = labels.where(F.col("as_of_date").isin(days)).select(*KEYS, label)
    columns = [*KEYS, *(name for name in features.columns if name in names)]
    return features.select(*columns).join(known, list(KEYS)).orderBy(*KEYS)


def row_groups(pieces: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Yield tables of `ROW_GROUP` rows, the last of fewer, each in one piece."""
    held: pa.Table | None = None
    for piece in pieces:
        held = pa.concat_tables([held, piece]) if held else piece
        while held.num_rows >= ROW_GROUP:
            yield held.slice(0, ROW_GROUP).combine_chunks()
            held = held.slice(ROW_GROUP)
    if held:
        yield held.combine_chunks()


def _write(groups: Iterator[pa.Table], path: Path) -> int:
    first = next(groups, None)
    if first is None:
        raise NoKnownSnapshot(f"no row of {tables.LABELS} has its row in {tables.FEATURES}: run `sparkhouse build`")
    # Whether a column may be NULL depends on Spark's plan: in the file all may.
    schema = pa.schema([pa.field(field.name, field.type) for field in first.schema])
    row_count = 0
    with WRITERS[path.suffix](path, schema) as writer:
        for group in chain([first], groups):
            writer.write_table(group.cast(schema))
            row_count += group.num_rows
    return row_count


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """Give a name to write to, beside the path and with its ending; the file takes the path when the block is done."""
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)

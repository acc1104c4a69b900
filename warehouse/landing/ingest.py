"""Raw JSON lines into the tables of the `raw` schema: every line counted, no file taken in twice."""

from __future__ import annotations

import fcntl
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from warehouse.landing import records
from warehouse.landing.lines import Block, number_lines, read_lines, survey
from warehouse.landing.logs import LogFile, find_logs, identify, stage
from warehouse.landing.raw_tables import RAW_TABLES, columns_ddl, create_raw_tables, known_checksums, start_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime


class IngestIsRunning(RuntimeError):
    """Another ingest into the same warehouse has not ended."""


class LinesUnaccountedFor(RuntimeError):
    """Lines read and rows written differ in number."""


@dataclass(frozen=True)
class IngestSummary:
    """What one ingest did: files taken in, files passed over as known, and `lines = accepted + rejected + blank`.

    `reasons` counts the rejected lines by reason; a line can have several.
    """

    files: int = 0
    files_skipped: int = 0
    lines: int = 0
    accepted: int = 0
    rejected: int = 0
    blank: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)


def ingest(spark: SparkSession, patterns: Sequence[str | Path], staging_dir: Path, salt: str) -> IngestSummary:
    """Take the files that `patterns` name (files, folders, globs; plain, .gz, .bz2, .xz) into the `raw` tables.

    A file whose bytes were taken in before, under any name, is skipped. The files of one call are taken in together
    or, when one of them fails, not at all. Links and unpacked text stand in `staging_dir` for the time of the call.
    Raises NoSuchLog, UnreadableLog, IngestIsRunning or LinesUnaccountedFor; after each, the same call can be repeated.
    """
    logs = identify(find_logs(patterns))
    with _sole_ingest(staging_dir), TemporaryDirectory(dir=staging_dir) as folder:
        create_raw_tables(spark)
        seen = known_checksums(spark)
        new = list({log.checksum: log for log in reversed(logs) if log.checksum not in seen}.values())
        skipped = len(logs) - len(new)
        if not new:
            return IngestSummary(files_skipped=skipped)
        staged = dict(zip(stage(new, Path(folder)), new, strict=True))
        return _Landing(spark, start_time(spark), salt).land(staged, Path(folder), skipped)


@contextmanager
def _sole_ingest(staging_dir: Path) -> Iterator[None]:
    """Hold a lock that the system drops when the process ends, however it ends."""
    staging_dir.mkdir(parents=True, exist_ok=True)
    with (staging_dir / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise IngestIsRunning(
                f"another ingest works in {staging_dir}: wait until it has ended, then repeat"
            ) from error
        yield


@dataclass(frozen=True)
class _Landing:
    """One ingest at work: its session, the `ingested_at` of all its rows, and the salt of its pseudonyms."""

    spark: SparkSession
    ingested_at: datetime
    salt: str

    def land(self, staged: Mapping[str, LogFile], folder: Path, skipped: int) -> IngestSummary:
        """Write events, then refused lines, then the files: the files' rows are the mark that the ingest is whole."""
        lines = read_lines(self.spark, folder)
        blocks = survey(lines)
        numbered = number_lines(lines, blocks, {name: log.source_file for name, log in staged.items()})
        line_count, blank = sum(block.line_count for block in blocks), sum(block.blank_count for block in blocks)
        accepted, rejected, reasons = Counter[str](), Counter[str](), Counter[str]()
        if line_count > blank:
            accepted = self._write_events(numbered)
        # Most logs have no refused line: the text is read once more only when some lines are missing.
        if sum(accepted.values()) + blank < line_count:
            rejected, reasons = self._write_rejects(numbered)
        self._write_files(staged, blocks, accepted, rejected)
        return IngestSummary(
            len(staged), skipped, line_count, sum(accepted.values()), sum(rejected.values()), blank, dict(reasons)
        )

    def _write_events(self, lines: DataFrame) -> Counter[str]:
        """Return the rows written, by source file."""
        self._append(_events(lines, self.salt), "raw.events")
        return Counter(dict(self._written("raw.events").groupBy("source_file").count().collect()))

    def _write_rejects(self, lines: DataFrame) -> tuple[Counter[str], Counter[str]]:
        """Return the rows written by source file, and the reasons in them."""
        self._append(_rejects(lines), "raw.rejected_events")
        files, reasons = Counter[str](), Counter[str]()
        written = self._written("raw.rejected_events").groupBy("source_file", "reasons").count()
        for source_file, found, count in written.collect():
            files[source_file] += count
            reasons.update(dict.fromkeys(found, count))
        return files, reasons

    def _write_files(
        self, staged: Mapping[str, LogFile], blocks: list[Block], accepted: Counter[str], rejected: Counter[str]
    ) -> None:
        lines, blanks = Counter[str](), Counter[str]()
        for block in blocks:
            lines[block.file_name] += block.line_count
            blanks[block.file_name] += block.blank_count
        rows = []
        for name, log in staged.items():
            path = log.source_file
            counts = (lines[name], accepted[path], rejected[path], blanks[name])
            if counts[0] != sum(counts[1:]):
                raise LinesUnaccountedFor(
                    f"{path}: lines, accepted, rejected and blank are {counts}: repeat when nobody writes to the file"
                )
            rows.append((path, log.checksum, log.byte_count, *counts))
        columns = {name: kind for name, kind in RAW_TABLES["raw.ingested_files"].items() if name != "ingested_at"}
        self._append(self.spark.createDataFrame(rows, columns_ddl(columns)), "raw.ingested_files")

    def _append(self, rows: DataFrame, table: str) -> None:
        rows.withColumn("ingested_at", F.lit(self.ingested_at)).select(*RAW_TABLES[table]).writeTo(table).append()

    def _written(self, table: str) -> DataFrame:
        return self.spark.table(table).where(F.col("ingested_at") == F.lit(self.ingested_at))


def _events(lines: DataFrame, salt: str) -> DataFrame:
    """Return one row per accepted line, in the columns of `raw.events` but `ingested_at`."""
    record, unknown = F.col("parsed")["record"], F.col("unknown")
    values = {key: record[key] for key in records.FIELDS} | {"status": record["status"].cast("int")}
    values |= {key: records.pseudonym(record[key], salt) for key in records.NAMES}
    accepted = lines.where(~F.col("is_blank") & (F.size(_reasons()) == 0))
    return accepted.withColumn("unknown", records.unknown_keys(F.col("line"))).select(
        "source_file",
        "line_number",
        *(value.alias(records.column_name(key)) for key, value in values.items()),
        records.mask_names(unknown).alias("unknown_keys"),
        records.record_hash(record, unknown).alias("record_hash"),
    )


def _rejects(lines: DataFrame) -> DataFrame:
    """Return one row per refused line, in the columns of `raw.rejected_events` but `ingested_at`."""
    refused = lines.where(~F.col("is_blank") & (F.size(_reasons()) > 0))
    text = F.regexp_replace("line", r"\r$", "")
    return refused.select(
        "source_file", "line_number", records.mask_names(text).alias("raw_line"), _reasons().alias("reasons")
    )


def _reasons() -> Column:
    return records.reasons(F.col("line"), F.col("parsed"))

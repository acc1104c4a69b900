"""Raw JSON lines into the tables of the `raw` schema: every line counted, no file taken in twice."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from warehouse.contract.errors import SparkhouseError
from warehouse.landing.lines import Block, number_lines, read_lines, rows_at_a_time, survey
from warehouse.landing.logs import identify, unknown_logs
from warehouse.landing.raw_tables import (
    RAW_TABLES,
    RECORD_VERSION,
    append,
    columns_ddl,
    create_raw_tables,
    known_checksums,
    start_time,
)
from warehouse.landing.reader.rules import Rules
from warehouse.landing.rows import events, outcomes, refused
from warehouse.landing.staged_logs import LogsChanged, staged
from warehouse.landing.upgrade import upgrade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from warehouse.landing.finding import FoundLogs, LeftOut
    from warehouse.landing.logs import LogFile
    from warehouse.landing.reader.reader import LineReader
    from warehouse.landing.staged_logs import StagedLogs

_BATCH_ROWS = "spark.sql.execution.arrow.maxRecordsPerBatch"
DEFAULT_RULES = Rules()
# Which raw events are of a user, as staging takes them; all others are guests'.
OF_USERS = "user_id != '' and registration is not null"
_FIRST_LINES, _FIRST_BYTES = 50, 1 << 20


class LinesUnaccountedFor(SparkhouseError, RuntimeError):
    """Lines read and rows written differ in number."""


@dataclass(frozen=True)
class IngestSummary:
    """What one ingest did: files taken in, files passed over as known, and `lines = accepted + rejected + blank`.

    `reasons` counts the rejected lines by reason; a line can have several. `left_out` are the files, in archives as
    well, that are no logs. `dialects` counts the files by the mapping that their first lines show. `final` counts, of a
    replay, the refused lines that cannot be judged anew, because only their shape was kept. `of_users` counts the
    events that have a user and a registration; all others are guests'.
    """

    files: int = 0
    files_skipped: int = 0
    lines: int = 0
    accepted: int = 0
    rejected: int = 0
    blank: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    final: int = 0
    dialects: Mapping[str, int] = field(default_factory=dict, compare=False)
    of_users: int = field(default=0, compare=False)


def ingest(
    spark: SparkSession,
    found: FoundLogs,
    staging_dir: Path,
    salt: str | None,
    rules: Rules = DEFAULT_RULES,
) -> IngestSummary:
    """Take the files that were found into the `raw` tables, whatever form they have.

    A file whose bytes were taken in before, under any name, is skipped. The files of one call are taken in together
    or, when one of them fails, not at all. Links, copies and unpacked text stand in `staging_dir` for the time of the
    call, so no two calls may work there, or on the same tables, at a time. An archive that breaks off gives the lines
    that it has, and one rejected row more. Names become pseudonyms with `salt`. Raises NotALog, UnreadableLog,
    UnpacksTooLarge, NoRoomToStage or LinesUnaccountedFor; after each, the same call can be repeated.
    """
    create_raw_tables(spark)
    return _ingest(spark, found, staging_dir, lambda now: rules.reader(now, salt), frozenset())


def _ingest(
    spark: SparkSession,
    found: FoundLogs,
    staging_dir: Path,
    reader_at: Callable[[datetime], LineReader],
    to_copy: frozenset[Path],
) -> IngestSummary:
    """Take the files in; if somebody writes to one in the middle of it, once more with a copy of that one."""
    known = known_checksums(spark)
    try:
        with staged(unknown_logs(identify(found.paths), known), staging_dir, known, to_copy, found) as logs:
            skipped, left_out = len(found.paths) - len(logs.files) - logs.other_count, found.left_out + logs.left_out
            if not logs.files:
                return IngestSummary(files_skipped=skipped, left_out=left_out)
            now = start_time(spark)
            reader = reader_at(now)
            upgrade(spark, reader)
            return replace(_Landing(spark, now, reader).land(logs, skipped), left_out=left_out)
    except LogsChanged as changed:
        return _ingest(spark, found, staging_dir, reader_at, to_copy | changed.paths)


@dataclass(frozen=True)
class _Landing:
    """One ingest at work: its session, the `ingested_at` of all its rows, and the reader of its lines."""

    spark: SparkSession
    ingested_at: datetime
    reader: LineReader

    def land(self, logs: StagedLogs, skipped: int) -> IngestSummary:
        """Write events, then refused lines, then the files: the files' rows are the mark that the ingest is whole."""
        lines = read_lines(self.spark, logs.folder)
        blocks = survey(lines)
        read = outcomes(lines.where(~F.col("is_blank")).drop("is_blank"), self.reader)
        numbered = number_lines(read, blocks, {name: log.source_file for name, log in logs.files.items()})
        numbered = numbered.withColumn("ingested_at", F.lit(self.ingested_at))
        line_count, blank = sum(block.line_count for block in blocks), sum(block.blank_count for block in blocks)
        taken, rejects, reasons = Counter[str](), Counter[str](), Counter[str]()
        of_users = 0
        with _rows_at_a_time(self.spark, rows_at_a_time(blocks)):
            if line_count > blank:
                taken, of_users = self._write_events(numbered)
            # Most logs have no refused line: the text is read once more only when some lines are missing.
            if taken.total() + blank < line_count:
                rejects, reasons = self._write_rejects(numbered)
        logs.require_unchanged()
        self._write_files(logs.files, blocks, taken, rejects)
        return IngestSummary(
            len(logs.files),
            skipped,
            line_count,
            taken.total(),
            rejects.total(),
            blank,
            dict(reasons),
            dialects=_dialects(logs, self.reader),
            of_users=of_users,
        )

    def _write_events(self, outcomes: DataFrame) -> tuple[Counter[str], int]:
        """Return the rows written by source file, and how many of them are of users with a registration."""
        append(events(outcomes), "raw.events")
        is_known = F.expr(OF_USERS)
        written = self._written("raw.events").groupBy("source_file").agg(F.count("*"), F.count_if(is_known)).collect()
        return Counter({path: count for path, count, _ in written}), sum(known for _, _, known in written)

    def _write_rejects(self, outcomes: DataFrame) -> tuple[Counter[str], Counter[str]]:
        """Return the rows written by source file, and the reasons in them."""
        append(refused(outcomes), "raw.rejected_events")
        files, reasons = Counter[str](), Counter[str]()
        written = self._written("raw.rejected_events").groupBy("source_file", "reasons").count()
        for source_file, found, count in written.collect():
            files[source_file] += count
            reasons.update(dict.fromkeys(found, count))
        return files, reasons

    def _write_files(
        self, files: Mapping[str, LogFile], blocks: list[Block], events: Counter[str], rejects: Counter[str]
    ) -> None:
        lines, blanks = Counter[str](), Counter[str]()
        for block in blocks:
            lines[block.file_name] += block.line_count
            blanks[block.file_name] += block.blank_count
        rows = []
        for name, log in files.items():
            path = log.source_file
            counts = (lines[name], events[path], rejects[path], blanks[name])
            if counts[0] != sum(counts[1:]):
                raise LinesUnaccountedFor(
                    f"{path}: lines, accepted, rejected and blank are {counts}: nothing was ingested; repeat, and "
                    "leave this file out if it comes to the same"
                )
            rows.append((path, log.checksum, log.byte_count, *counts, self.ingested_at, None, RECORD_VERSION))
        append(self.spark.createDataFrame(rows, columns_ddl(RAW_TABLES["raw.ingested_files"])), "raw.ingested_files")

    def _written(self, table: str) -> DataFrame:
        return self.spark.table(table).where(F.col("ingested_at") == F.lit(self.ingested_at))


@contextmanager
def _rows_at_a_time(spark: SparkSession, rows: int) -> Iterator[None]:
    before = spark.conf.get(_BATCH_ROWS)
    spark.conf.set(_BATCH_ROWS, str(rows))
    try:
        yield
    finally:
        spark.conf.set(_BATCH_ROWS, str(before))


def _dialects(logs: StagedLogs, reader: LineReader) -> Counter[str]:
    """Count the files by the mapping that most of their first lines show; files without a JSON object are in none."""
    found = Counter[str]()
    for name in logs.files:
        with (logs.folder / name).open("rb") as file:
            first = islice(file.read(_FIRST_BYTES).removeprefix(BOM_UTF8).splitlines(), _FIRST_LINES)
            shown = Counter(mapping.name for mapping in map(reader.mapping_of, first) if mapping)
        found.update(mapping for mapping, _ in shown.most_common(1))
    return found

"""Raw JSON lines into the tables of the `raw` schema: every line counted, no file taken in twice."""

from __future__ import annotations

import socket
from codecs import BOM_UTF8
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from warehouse.contract.errors import SparkhouseError
from warehouse.contract.moments import EPOCH
from warehouse.landing.blocks import Block, blocks_of, count_lines, packed
from warehouse.landing.data_files import append_files, data_folder
from warehouse.landing.land import Lander, LineCounts, NumberedBlock
from warehouse.landing.logs import identify, unknown_logs
from warehouse.landing.raw_tables import (
    RAW_TABLES,
    RECORD_VERSION,
    TOUCHED_DATES,
    append,
    columns_ddl,
    create_raw_tables,
    known_checksums,
    start_time,
)
from warehouse.landing.reader.rules import Rules
from warehouse.landing.staged_logs import LogsChanged, staged
from warehouse.landing.tasks import in_tasks, is_local, let_tasks_in, task_bytes, unwatched
from warehouse.landing.upgrade import upgrade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from pyspark.sql import SparkSession

    from warehouse.landing.finding import FoundLogs, LeftOut
    from warehouse.landing.land import Landed
    from warehouse.landing.logs import LogFile
    from warehouse.landing.reader.reader import LineReader
    from warehouse.landing.staged_logs import StagedLogs
    from warehouse.landing.tasks import Watch

DEFAULT_RULES = Rules()
_FIRST_LINES, _FIRST_BYTES = 50, 1 << 20


class LogNotShared(SparkhouseError, RuntimeError):
    """An executor on another machine cannot read a log that this one can."""


class LinesUnaccountedFor(SparkhouseError, RuntimeError):
    """Lines read and rows written differ in number."""


@dataclass(frozen=True)
class IngestSummary:
    """What one ingest did: files taken in, files passed over as known, and `lines = accepted + rejected + blank`.

    `reasons` counts the rejected lines by reason; a line can have several. `left_out` are the files, in archives as
    well, that are no logs. `dialects` counts the files by the mapping that their first lines show. `final` counts, of a
    replay, the refused lines that cannot be judged anew, because only their shape was kept. `days` counts the
    events that have a user and a registration by their days since 1970 UTC; all others are guests'. `ingested_at` is
    None where no file was taken in.
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
    days: Mapping[int, int] = field(default_factory=dict, compare=False)
    ingested_at: datetime | None = field(default=None, compare=False)


def ingest(  # noqa: PLR0913 - what is taken in and how, and who watches
    spark: SparkSession,
    found: FoundLogs,
    staging_dir: Path,
    salt: str | None,
    rules: Rules = DEFAULT_RULES,
    *,
    watch: Watch = unwatched,
) -> IngestSummary:
    """Take the files that were found into the `raw` tables, whatever form they have.

    A file whose bytes were taken in before, under any name, is skipped. The files of one call are taken in together
    or, when one of them fails, not at all. Links, copies and unpacked text stand in `staging_dir` for the time of the
    call, so no two calls may work there, or on the same tables, at a time. An archive that breaks off gives the lines
    that it has, and one rejected row more. Names become pseudonyms with `salt`. `watch` is told once a second how many
    of all bytes of text are done. Raises NotALog, UnreadableLog, UnpacksTooLarge, NoRoomToStage, LogNotShared or
    LinesUnaccountedFor; after each, the same call can be repeated.
    """
    create_raw_tables(spark)
    return _Ingest(spark, found, staging_dir, lambda now: rules.reader(now, salt), watch).take(frozenset())


@dataclass(frozen=True)
class _Ingest:
    """What is taken in, where and how."""

    spark: SparkSession
    found: FoundLogs
    staging_dir: Path
    reader_at: Callable[[datetime], LineReader]
    watch: Watch

    def take(self, to_copy: frozenset[Path]) -> IngestSummary:
        """Take the files in; if somebody writes to one in the middle of it, once more with a copy of that one."""
        try:
            return self._take(to_copy)
        except LogsChanged as changed:
            return self.take(to_copy | changed.paths)

    def _take(self, to_copy: frozenset[Path]) -> IngestSummary:
        spark, found = self.spark, self.found
        known = known_checksums(spark)
        with staged(unknown_logs(identify(found.paths), known), self.staging_dir, known, to_copy, found) as logs:
            let_tasks_in(spark, logs.folder.parent)
            skipped, left_out = len(found.paths) - len(logs.files) - logs.other_count, found.left_out + logs.left_out
            if not logs.files:
                return IngestSummary(files_skipped=skipped, left_out=left_out)
            now = start_time(spark)
            reader = self.reader_at(now)
            upgrade(spark, reader)
            return replace(_Landing(spark, now, reader, self.watch).land(logs, skipped), left_out=left_out)


@dataclass(frozen=True)
class _Landing:
    """One ingest at work: its session, the `ingested_at` of all its rows, and the reader of its lines."""

    spark: SparkSession
    ingested_at: datetime
    reader: LineReader
    watch: Watch

    def land(self, logs: StagedLogs, skipped: int) -> IngestSummary:
        """Write events, refused lines, dates, then the files: the files' rows are the mark that the ingest is whole."""
        byte_count = sum((logs.folder / name).stat().st_size for name in logs.files)
        blocks = self._numbered(logs, task_bytes(byte_count))
        events, refused = (data_folder(self.spark, name) for name in ("raw.events", "raw.rejected_events"))
        lander = Lander(self.reader, logs.folder, events, refused, self.ingested_at)
        try:
            # Tasks have about as many bytes each.
            landed = in_tasks(
                self.spark, lander.land, blocks, lambda done, tasks: self.watch(byte_count * done // tasks, byte_count)
            )
            counts = _counts_by_log(logs, landed)
            _require_all_lines(chain(*blocks), counts)
            logs.require_unchanged()
        except BaseException:
            # No table knows of these files yet. From the first commit on, they are the tables'.
            events.remove_files()
            refused.remove_files()
            logs.require_unchanged()
            raise
        append_files(self.spark, "raw.events", [each.events for each in landed if each.events])
        append_files(self.spark, "raw.rejected_events", [each.refused for each in landed if each.refused])
        total = sum(counts.values(), LineCounts())
        self._write_dates(total.days)
        self._write_files(logs.files, counts)
        return IngestSummary(
            len(logs.files),
            skipped,
            total.lines,
            total.accepted,
            total.rejected,
            total.blank,
            dict(total.reasons),
            dialects=_dialects(logs, self.reader),
            days=total.days,
            ingested_at=self.ingested_at,
        )

    def _numbered(self, logs: StagedLogs, size: int) -> list[list[NumberedBlock]]:
        """Return the blocks of the logs for each task, their lines counted by a pass that parses nothing."""
        packs = packed([block for name in logs.files for block in blocks_of(logs.folder / name, size)], size)
        tried = in_tasks(self.spark, partial(_count_lines, logs.folder), packs)
        counted = _require_read(self.spark, tried, logs)
        lines_before = Counter[str]()
        numbered: list[list[NumberedBlock]] = []
        for pack, counts in zip(packs, counted, strict=True):
            numbered.append([])
            for block, count in zip(pack, counts, strict=True):
                source_file = logs.files[block.file_name].source_file
                numbered[-1].append(NumberedBlock(block, lines_before[source_file] + 1, count, source_file))
                lines_before[source_file] += count
        return numbered

    def _write_dates(self, days: Mapping[int, int]) -> None:
        if days:
            rows = [
                (EPOCH.date() + timedelta(days=day), self.ingested_at, count) for day, count in sorted(days.items())
            ]
            dates = self.spark.createDataFrame(rows, columns_ddl(RAW_TABLES[TOUCHED_DATES]))
            append(dates.coalesce(1), TOUCHED_DATES)

    def _write_files(self, files: Mapping[str, LogFile], counts: Mapping[str, LineCounts]) -> None:
        rows = [
            (log.source_file, log.checksum, log.byte_count, *counts[log.source_file].by_kind) for log in files.values()
        ]
        marked = [(*row, self.ingested_at, None, RECORD_VERSION) for row in rows]
        append(self.spark.createDataFrame(marked, columns_ddl(RAW_TABLES["raw.ingested_files"])), "raw.ingested_files")


class Unread(NamedTuple):
    """What kept a task from reading a log, and where the task ran."""

    machine: str
    error: OSError


def _count_lines(folder: Path, blocks: list[Block], _: str) -> list[int] | Unread:
    try:
        return [count_lines(folder, block) for block in blocks]
    except OSError as error:
        return Unread(socket.gethostname(), error)


def _require_read(spark: SparkSession, counted: list[list[int] | Unread], logs: StagedLogs) -> list[list[int]]:
    """Raise what the first task met that could not read its log: of another machine, with what to do about it."""
    for unread in (each for each in counted if isinstance(each, Unread)):
        if is_local(spark):
            raise unread.error
        path = logs.files[Path(unread.error.filename).name].path
        raise LogNotShared(
            f"{path} cannot be read by the executor on {unread.machine} ({unread.error.strerror}): put it in a folder "
            "that all machines have at the same path, and let the executors' user read it and what is made beside "
            f"{logs.folder.parent}: if it is not yours, by a group of both (chmod g+s) and the umask 002"
        )
    return [each for each in counted if not isinstance(each, Unread)]


def _counts_by_log(logs: StagedLogs, landed: list[Landed]) -> dict[str, LineCounts]:
    counts = {log.source_file: LineCounts() for log in logs.files.values()}
    for each in landed:
        for source_file, of_task in each.counts.items():
            counts[source_file] += of_task
    return counts


def _require_all_lines(blocks: Iterable[NumberedBlock], counts: Mapping[str, LineCounts]) -> None:
    """Raise LinesUnaccountedFor unless as many lines were read as were counted before."""
    expected = Counter[str]()
    for block in blocks:
        expected[block.source_file] += block.line_count
    for source_file, found in counts.items():
        if found.lines != expected[source_file]:
            raise LinesUnaccountedFor(
                f"{source_file}: {expected[source_file]:,} lines were counted and {found.lines:,} read: nothing was "
                "ingested; repeat, and leave this file out if it comes to the same"
            )


def _dialects(logs: StagedLogs, reader: LineReader) -> Counter[str]:
    """Count the files by the mapping that most of their first lines show; files without a JSON object are in none."""
    found = Counter[str]()
    for name in logs.files:
        with (logs.folder / name).open("rb") as file:
            first = islice(file.read(_FIRST_BYTES).removeprefix(BOM_UTF8).splitlines(), _FIRST_LINES)
            shown = Counter(mapping.name for mapping in map(reader.mapping_of, first) if mapping)
        found.update(mapping for mapping, _ in shown.most_common(1))
    return found

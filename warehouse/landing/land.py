"""What one task of an ingest does: the lines of its blocks become data files of events and of refused lines."""

from __future__ import annotations

import gc
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.landing.blocks import batches_of_lines
from warehouse.landing.reader.columns import read_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from numpy.typing import NDArray

    from warehouse.landing.blocks import Block
    from warehouse.landing.data_files import DataFile, DataFolder, RowWriter
    from warehouse.landing.reader.columns import Outcomes
    from warehouse.landing.reader.reader import LineReader

_MILLISECONDS_PER_DAY = 86_400_000


class NumberedBlock(NamedTuple):
    """A block with the number of its first line, from 1, how many it has, and the log that it is of."""

    block: Block
    first_line: int
    line_count: int
    source_file: str


@dataclass(frozen=True)
class LineCounts:
    """The lines of a log: `lines = accepted + rejected + blank`; `days` counts those of users.

    Its keys are days since 1970 UTC. Of the accepted, all others are guests'.
    """

    lines: int = 0
    accepted: int = 0
    rejected: int = 0
    blank: int = 0
    days: Counter[int] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def by_kind(self) -> tuple[int, int, int, int]:
        """Lines, accepted, rejected and blank."""
        return self.lines, self.accepted, self.rejected, self.blank

    def __add__(self, other: LineCounts) -> LineCounts:
        return LineCounts(
            self.lines + other.lines,
            self.accepted + other.accepted,
            self.rejected + other.rejected,
            self.blank + other.blank,
            self.days + other.days,
            self.reasons + other.reasons,
        )


@dataclass(frozen=True)
class Landed:
    """What a task wrote: the counts by source file, and its data files."""

    counts: dict[str, LineCounts]
    events: DataFile | None
    refused: DataFile | None


@dataclass(frozen=True)
class Lander:
    """Lands blocks of the files in a folder: a task's part of an ingest, which it can be sent with."""

    reader: LineReader
    folder: Path
    events: DataFolder
    refused: DataFolder
    ingested_at: datetime

    def land(self, blocks: list[NumberedBlock], task: str) -> Landed:
        """Write the rows of blocks to files that are named after the task."""
        counts = {each.source_file: LineCounts() for each in blocks}
        with _without_collector(), self.events.writer(task) as events, self.refused.writer(task) as refused:
            for each in blocks:
                counts[each.source_file] += self._land(each, events, refused)
        return Landed(counts, events.file, refused.file)

    def _land(self, numbered: NumberedBlock, events: RowWriter, refused: RowWriter) -> LineCounts:
        counts = LineCounts()
        for lines in batches_of_lines(self.folder, numbered.block):
            places, texts = _not_blank(lines)
            found = read_lines(self.reader, texts)
            numbers = places + numbered.first_line + counts.lines
            events.write(self._with_line(found.events, numbers[found.event_places], numbered))
            refused.write(self._with_line(found.refusals, numbers[found.refusal_places], numbered))
            counts += _counted(found, len(lines))
        return counts

    def _with_line(self, rows: pa.Table, numbers: NDArray[np.int64], numbered: NumberedBlock) -> pa.Table:
        """Return rows with what is known of their lines."""
        moment = pa.scalar(self.ingested_at, pa.timestamp("us", tz="UTC"))
        return (
            rows.append_column("source_file", pa.repeat(numbered.source_file, len(rows)))
            .append_column("line_number", pa.array(numbers, pa.int64()))
            .append_column("ingested_at", pa.repeat(moment, len(rows)))
        )


def _not_blank(lines: list[bytes]) -> tuple[NDArray[np.int64], list[bytes]]:
    """Return the lines that hold more than white space, and their places."""
    texts = [line for line in lines if line and not line.isspace()]
    if len(texts) == len(lines):
        return np.arange(len(lines)), texts
    return np.flatnonzero([bool(line) and not line.isspace() for line in lines]), texts


def _counted(found: Outcomes, lines: int) -> LineCounts:
    accepted, rejected = len(found.events), len(found.refusals)
    reasons = Counter(found.refusals["reasons"].combine_chunks().flatten().to_pylist())
    return LineCounts(lines, accepted, rejected, lines - accepted - rejected, _days_of_users(found.events), reasons)


def _days_of_users(events: pa.Table) -> Counter[int]:
    """Count the events of users, as `raw_tables.OF_USERS` has them, by their day since 1970 UTC."""
    is_known = pc.and_(pc.not_equal(events["user_id"], ""), pc.is_valid(events["registration"]))
    days, counts = np.unique(events.filter(is_known)["ts"].to_numpy() // _MILLISECONDS_PER_DAY, return_counts=True)
    return Counter(dict(zip(days.tolist(), counts.tolist(), strict=True)))


@contextmanager
def _without_collector() -> Iterator[None]:
    """Leave the collector of cycles out: there are none, and looking for them takes a seventh of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()

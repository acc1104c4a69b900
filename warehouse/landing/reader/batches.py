"""The reader at work in Spark's Python workers: batches of lines in, as many rows of events and refusals out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from warehouse.landing.reader.columns import EVENT_COLUMNS, REFUSAL_COLUMNS, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from warehouse.landing.reader.reader import LineReader

OUTCOME_COLUMNS = EVENT_COLUMNS | REFUSAL_COLUMNS


@dataclass(frozen=True)
class BatchReader:
    """What `mapInArrow` takes: reads the column `line`, and hands all other columns on.

    Rows have OUTCOME_COLUMNS after those: the columns of an event, or of a refusal, are null where the line is the
    other one of the two.
    """

    reader: LineReader

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        reader = replace(self.reader)
        for batch in batches:
            yield self._read(reader, batch)

    def _read(self, reader: LineReader, batch: pa.RecordBatch) -> pa.RecordBatch:
        found = read_lines(reader, batch.column("line").to_pylist())
        both = pa.concat_tables([found.events, found.refusals], promote_options="default")
        order = np.argsort(np.concatenate([found.event_places, found.refusal_places]))
        read = both.combine_chunks().take(pa.array(order))
        columns = {name: batch.column(name) for name in batch.schema.names if name != "line"}
        columns |= {name: read.column(name).combine_chunks() for name in OUTCOME_COLUMNS}
        return pa.RecordBatch.from_pydict(columns)

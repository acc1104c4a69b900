"""The reader at work in Spark's Python workers: batches of lines in, as many rows of events and refusals out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from warehouse.landing.reader.fields import FIELDS, column_name
from warehouse.landing.reader.reader import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from warehouse.landing.reader.reader import LineReader, Refusal

_ARROW_TYPES = {"bigint": pa.int64(), "string": pa.string(), "double": pa.float64(), "int": pa.int32()}
EVENT_COLUMNS = {column_name(key): kind for key, kind in FIELDS.items()} | {
    "status": "int",
    "unknown_keys": "string",
    "record_hash": "string",
}
REFUSAL_COLUMNS = {"raw_line": "string", "reasons": "array<string>", "kept": "string"}
OUTCOME_COLUMNS = EVENT_COLUMNS | REFUSAL_COLUMNS
_NO_EVENT, _NO_REFUSAL = (None,) * len(EVENT_COLUMNS), (None,) * len(REFUSAL_COLUMNS)


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
        rows = [_row(reader.read(line)) for line in batch.column("line").to_pylist()]
        read = arrow_columns(rows, OUTCOME_COLUMNS)
        handed_on = {name: batch.column(name) for name in batch.schema.names if name != "line"}
        return pa.RecordBatch.from_pydict(handed_on | read)


def arrow_columns(rows: list[tuple[Any, ...]], kinds: dict[str, str]) -> dict[str, pa.Array]:
    """Return rows as columns of these names and Spark types."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(kinds)
    pairs = zip(kinds.items(), columns, strict=True)
    return {name: pa.array(values, _arrow_type(kind)) for (name, kind), values in pairs}


def _row(outcome: Event | Refusal) -> tuple[Any, ...]:
    if isinstance(outcome, Event):
        return (*outcome.values, outcome.unknown_keys, outcome.record_hash, *_NO_REFUSAL)
    return (*_NO_EVENT, outcome.raw_line, outcome.reasons, outcome.kept)


def _arrow_type(kind: str) -> pa.DataType:
    return pa.list_(pa.string()) if kind == "array<string>" else _ARROW_TYPES[kind]

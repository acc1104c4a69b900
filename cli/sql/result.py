"""The rows of a DataFrame on their way out: partition after partition, as Arrow batches, as values of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema

from cli.printing.formats import distinct
from cli.printing.values import fit_for_arrow, reader_of, schema_of
from cli.sql.partitions import pieces_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import DataFrame


def opened(frame: DataFrame) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """Plan a DataFrame and run all but its last stage; return the names of its columns and its rows, in its order.

    Python holds one batch of them (10,000 rows), the JVM a few (see `pieces_of`). Arrow stands in the place of pickle,
    for which a map with a struct as its key is too much.
    """
    _, batches = _opened(fit_for_arrow(frame))
    columns = schema_of(frame)
    readers = [reader_of(field.dataType) for field in columns.fields]
    return columns.names, _rows(batches, readers)


def opened_as_arrow(frame: DataFrame) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """The same, as Arrow has the values; columns that share a name are told apart: `a`, `a_2`."""
    return _opened(frame.toDF(*distinct(frame.columns)))


def _opened(frame: DataFrame) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    schema = to_arrow_schema(frame.schema)
    packed = frame._jdf.toArrowBatchRdd()  # noqa: SLF001 - as pyspark's own toPandas
    pieces = pieces_of(packed, frame.sparkSession.sparkContext)
    return schema, (pa.ipc.read_record_batch(pa.py_buffer(piece), schema) for piece in pieces)


def _rows(batches: Iterator[pa.RecordBatch], readers: list[Callable[[Any], Any]]) -> Iterator[tuple[Any, ...]]:
    for batch in batches:
        columns = [map(read, column.to_pylist()) for read, column in zip(readers, batch.columns, strict=True)]
        yield from zip(*columns, strict=True) if columns else [()] * batch.num_rows

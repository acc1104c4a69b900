"""Rows of a DataFrame in this process, as Arrow tables: exact types, and no more than one Spark partition at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyspark.sql import DataFrame


def arrow_tables(rows: DataFrame) -> Iterator[pa.Table]:
    """Yield the rows in the order of the DataFrame, some thousands at a time."""

    # A function inside a function travels to Spark's workers whole: they need not have this package.
    def packed(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, batch.schema) as stream:
                stream.write_batch(batch)
            yield pa.record_batch({"stream": pa.array([sink.getvalue().to_pybytes()], pa.binary())})

    for row in rows.mapInArrow(packed, "stream binary").toLocalIterator():
        yield pa.ipc.open_stream(row.stream).read_all()

"""Rows of a DataFrame in this process, as Arrow tables: exact types, and no more than one Spark partition at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray
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


def ordered_table(rows: DataFrame, keys: Sequence[str]) -> pa.Table:
    """Return all rows as one table, in the order of the keys, whatever order Spark has them in."""
    return pa.concat_tables(arrow_tables(rows)).sort_by([(key, "ascending") for key in keys])


def columns_of(table: pa.Table) -> dict[str, NDArray[Any]]:
    """Return the columns as arrays: numbers and booleans as doubles with NaN for NULL, all else as objects."""
    return {name: _array(table[name]) for name in table.column_names}


def _array(column: pa.ChunkedArray) -> NDArray[Any]:
    kind = column.type
    if (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind)
    ):
        numbers: NDArray[np.float64] = column.cast(pa.float64(), safe=False).to_numpy()
        return numbers
    return np.array(column.to_pylist(), dtype=object)

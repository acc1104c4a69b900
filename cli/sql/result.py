"""The rows of a DataFrame on their way out: partition after partition, as Arrow batches, as values of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.rdd import _local_iterator_from_socket
from pyspark.serializers import NoOpSerializer
from pyspark.sql.pandas.types import to_arrow_schema

from cli.printing.values import fit_for_arrow, reader_of, schema_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import DataFrame


def opened(frame: DataFrame) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """Plan a DataFrame and run all but its last stage; return the names of its columns and its rows, in its order.

    The JVM makes one partition after the other, and holds one; Python holds one batch of it (10,000 rows). This is
    `toLocalIterator` with Arrow in the place of pickle, for which a map with a struct as its key is too much.
    """
    fit = fit_for_arrow(frame)
    batches = fit._jdf.toArrowBatchRdd()  # noqa: SLF001 - as pyspark's own toPandas
    jvm: Any = fit.sparkSession.sparkContext._jvm  # noqa: SLF001
    served = jvm.PythonRDD.toLocalIteratorAndServe(batches, False)  # noqa: FBT003 - nothing is fetched ahead
    schema = to_arrow_schema(fit.schema)
    columns = schema_of(frame)
    readers = [reader_of(field.dataType) for field in columns.fields]
    return columns.names, _rows(_local_iterator_from_socket(served, NoOpSerializer()), schema, readers)


def _rows(
    batches: Iterator[bytes], schema: pa.Schema, readers: list[Callable[[Any], Any]]
) -> Iterator[tuple[Any, ...]]:
    for packed in batches:
        batch = pa.ipc.read_record_batch(pa.py_buffer(packed), schema)
        columns = [map(read, column.to_pylist()) for read, column in zip(readers, batch.columns, strict=True)]
        yield from zip(*columns, strict=True) if columns else [()] * batch.num_rows

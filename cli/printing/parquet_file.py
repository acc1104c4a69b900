"""Rows as a file of Parquet: written while they come, there when it is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa


def write_parquet(path: Path, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> int:
    """Write batches of a schema, one of which is in memory at a time; return how many rows they had."""
    draft, count = path.with_name(f".{path.name}.draft"), 0
    try:
        with pq.ParquetWriter(draft, schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
                count += batch.num_rows
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return count

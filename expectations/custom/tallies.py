"""What is in each of very many columns, counted in one pass over their rows.

It is numpy that counts, in Spark's Python workers. Spark itself would need some hundred aggregates: it takes seconds to
generate their code, which is then too long for the JVM to compile, so that many rows take several times as long.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from pyspark.sql import DataFrame

OUTSIDE, MISSING, UNEXPECTED = "outside", "missing", "unexpected"
EXAMPLES = 5


@dataclass(frozen=True)
class ColumnRule:
    """What a column may hold: `value`, an SQL expression of a number or boolean, in bounds, and NULL just where due.

    `null_where` is an SQL condition that is itself never NULL; None lets NULL stand anywhere.
    """

    value: str
    lowest: float
    highest: float
    null_where: str | None


@dataclass(frozen=True)
class Tally:
    """The cells of a column: how many there are, how many known, between which ends, and how many `broken`, by fault.

    A cell is `outside` the bounds (as NaN always is), `missing` (NULL where it is not due) or `unexpected` (a value
    where NULL is due). `examples` are keys of some of them.
    """

    cells: int
    known: int
    lowest: float | None
    highest: float | None
    broken: dict[str, int]
    examples: dict[str, tuple[str, ...]]


def tallies(rows: DataFrame) -> dict[str, Tally]:
    """Return the tally of each column that has bounds in its metadata; none where there are no rows.

    The first column names a row; a column of bounds names the column after those that holds its condition of NULL.
    """
    ruled = [field for field in rows.schema if "condition" in field.metadata]
    columns = [(field.metadata["lowest"], field.metadata["highest"], field.metadata["condition"]) for field in ruled]

    # Functions inside a function travel to the workers whole: they need not have this package.
    def flags(column: pa.Array) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = column.to_numpy(zero_copy_only=False)
        return found

    def part(
        keys: pa.Array, column: pa.Array, lowest: float, highest: float, due: NDArray[np.bool_] | None
    ) -> dict[str, Any]:
        known, values = flags(column.is_valid()), column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        due = ~known if due is None else due
        outside = known & ~((values >= lowest) & (values <= highest))
        broken = {OUTSIDE: outside, MISSING: ~known & ~due, UNEXPECTED: known & due}
        return {
            "cells": known.size,
            "known": int(known.sum()),
            "ends": [float(np.fmin.reduce(values[known])), float(np.max(values[known]))] if known.any() else [],
            "broken": {fault: int(rows.sum()) for fault, rows in broken.items()},
            "examples": {fault: keys.filter(pa.array(rows))[:EXAMPLES].to_pylist() for fault, rows in broken.items()},
        }

    def parts(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            keys, cells = batch.column(0), batch.columns[1 : 1 + len(columns)]
            dues = [flags(column) for column in batch.columns[1 + len(columns) :]]
            found = [
                part(keys, column, lowest, highest, None if condition < 0 else dues[condition])
                for column, (lowest, highest, condition) in zip(cells, columns, strict=True)
            ]
            yield pa.record_batch({"parts": pa.array([json.dumps(found)])})

    batches = [json.loads(batch.parts) for batch in rows.mapInArrow(parts, "parts string").collect()]
    return {field.name: _whole(of_column) for field, of_column in zip(ruled, zip(*batches, strict=True), strict=False)}


def _whole(parts: Sequence[dict[str, Any]]) -> Tally:
    """The tally of a column from those of its parts."""
    ends = [end for part in parts for end in part["ends"]]
    examples = {fault: [key for part in parts for key in part["examples"][fault]] for fault in parts[0]["examples"]}
    return Tally(
        cells=sum(part["cells"] for part in parts),
        known=sum(part["known"] for part in parts),
        lowest=float(np.fmin.reduce(ends)) if ends else None,
        highest=float(np.max(ends)) if ends else None,
        broken={fault: sum(part["broken"][fault] for part in parts) for fault in parts[0]["broken"]},
        examples={fault: tuple(sorted(keys)[:EXAMPLES]) for fault, keys in examples.items()},
    )

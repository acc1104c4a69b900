"""Two tables of one grain, compared bit by bit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

if TYPE_CHECKING:
    from collections.abc import Sequence

NO_ROW, NEW_ROW = "(row is gone)", "(row is new)"


@dataclass(frozen=True)
class Difference:
    """A column in which rows differ, or NO_ROW, NEW_ROW; `first` and `last` are the keys of two of the rows."""

    column: str
    rows: int
    first: tuple[Any, ...]
    last: tuple[Any, ...]

    def __str__(self) -> str:
        keys = dict.fromkeys(", ".join(str(part) for part in key) for key in (self.first, self.last))
        return f"{self.column}: {self.rows:,} {'row' if self.rows == 1 else 'rows'}, such as ({') and ('.join(keys)})"


def differences(before: DataFrame, after: DataFrame, keys: Sequence[str]) -> list[Difference]:
    """Return the columns that differ, in the order of the table; rows are matched by `keys`, which are never null.

    Null equals null and NaN equals NaN; 0.0 and -0.0 differ.
    """
    columns = [name for name in before.columns if name not in keys]
    left = before.select(*keys, F.struct(*columns).alias("before"))
    right = after.select(*keys, F.struct(*columns).alias("after"))
    unlike = [F.when(~_bits(before, "before", name).eqNullSafe(_bits(before, "after", name)), name) for name in columns]
    names = (
        F.when(F.col("after").isNull(), F.array(F.lit(NO_ROW)))
        .when(F.col("before").isNull(), F.array(F.lit(NEW_ROW)))
        .otherwise(F.array_compact(F.array(*unlike)))
    )
    key = F.struct(*keys)
    found = (
        left.join(right, list(keys), "full_outer")
        .select(key.alias("key"), F.explode(names).alias("column"))
        .groupBy("column")
        .agg(F.count("*").alias("rows"), F.min("key").alias("first"), F.max("key").alias("last"))
        .collect()
    )
    order = [NO_ROW, NEW_ROW, *columns]
    return sorted(
        (Difference(row.column, row.rows, tuple(row.first), tuple(row.last)) for row in found),
        key=lambda difference: order.index(difference.column),
    )


def _bits(table: DataFrame, side: str, name: str) -> Column:
    """The text of a floating-point number tells every two apart, 0.0 and -0.0 too; other types are equal or not."""
    value = F.col(side)[name]
    return value.cast("string") if table.schema[name].dataType.typeName() in {"double", "float"} else value

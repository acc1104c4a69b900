"""The profile of the training rows: which columns can tell anything, and what stands for a missing value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as F

from models_ml.arrow import arrow_tables
from models_ml.features import KEYS, CandidateColumns, FeatureColumns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from pyspark.sql import DataFrame

# A string with more levels than this (a state, a metro) would give more columns than there are users who churn.
MAX_LEVELS = 12
# Enough for any median; of a table of 200 columns about 150 MB.
PROFILED_ROWS = 100_000


def usable_columns(training: DataFrame, row_count: int, candidates: CandidateColumns) -> FeatureColumns:
    """Return the candidates that differ between training rows; of very many rows, a share is looked at.

    Left out are columns that are always NULL, that always have the same value, and strings of too many levels.
    The rows come here: Spark takes longer to compile aggregates of some hundred columns than to hand these over.
    """
    share = 1 + row_count // PROFILED_ROWS
    looked_at = training.where(F.pmod(F.xxhash64(*KEYS), F.lit(share)) == 0).select(*candidates.names)
    profile = pa.concat_tables(arrow_tables(looked_at))
    numbers = {name: _numbers(profile[name]) for name in candidates.numeric}
    # NaN counts as a value here, so a column that is only sometimes missing differs.
    numbers = {name: values for name, values in numbers.items() if np.unique(values).size > 1}
    levels = {name: sorted(profile[name].unique().drop_null().to_pylist()) for name in candidates.categorical}
    return FeatureColumns(
        medians={name: float(np.nanmedian(values)) for name, values in numbers.items()},
        missing=_indicators({name: np.isnan(values) for name, values in numbers.items()}),
        levels={name: tuple(seen) for name, seen in levels.items() if 1 < len(seen) <= MAX_LEVELS},
    )


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Return the column as doubles, with NaN for NULL."""
    numbers: NDArray[np.float64] = column.cast(pa.float64(), safe=False).to_numpy()
    return numbers


def _indicators(is_missing: Mapping[str, NDArray[np.bool_]]) -> tuple[str, ...]:
    """Return, of all columns that are missing on exactly the same rows, the first."""
    first: dict[bytes, str] = {}
    for name, rows in is_missing.items():
        if rows.any():
            first.setdefault(np.packbits(rows).tobytes(), name)
    return tuple(first.values())

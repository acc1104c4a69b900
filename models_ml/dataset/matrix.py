"""The rows of a training, in this process: small numbers beside what Spark fits, and all that scoring needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark.ml.functions import vector_to_array
from pyspark.sql import functions as F

from models_ml.dataset.arrow import ordered_table
from models_ml.dataset.vectors import ALL, KEYS, input_column

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame

    from models_ml.portable.arrays import Floats


@dataclass(frozen=True, eq=False)
class Matrix:
    """User, outcome (0 or 1), fold and all elements [rows, elements] of each row, in the order of the keys."""

    users: NDArray[Any]
    labels: Floats
    folds: NDArray[np.int64]
    elements: Floats

    def where(self, chosen: NDArray[np.bool_]) -> Matrix:
        return Matrix(self.users[chosen], self.labels[chosen], self.folds[chosen], self.elements[chosen])

    def __len__(self) -> int:
        return len(self.labels)


def collected(assembled: DataFrame) -> Matrix:
    """Bring the assembled rows here, as exact as they are."""
    wide = assembled.select(*KEYS, "label", "fold", vector_to_array(F.col(input_column(ALL))).alias("elements"))
    table = ordered_table(wide, KEYS)
    elements = table["elements"].combine_chunks().flatten().to_numpy()
    return Matrix(
        users=np.array(table[KEYS[0]].to_pylist(), dtype=object),
        labels=table["label"].to_numpy(),
        folds=table["fold"].to_numpy().astype(np.int64),
        elements=elements.reshape(table.num_rows, -1),
    )

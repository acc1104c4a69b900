"""The feature assembly: columns of a snapshot row to one vector, by what the training rows taught."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.ml import PipelineModel
from pyspark.ml.feature import SQLTransformer, VectorAssembler
from pyspark.sql.types import BooleanType, NumericType, StringType

from models_ml.errors import MissingFeatures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyspark.sql.types import StructType

KEYS = ("user_id", "as_of_date")


@dataclass(frozen=True)
class CandidateColumns:
    """The columns that may become features: numbers (and booleans), and strings."""

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return self.numeric + self.categorical


@dataclass(frozen=True)
class FeatureColumns:
    """The columns that become features, with the median of each number and the levels of each string.

    A column of `missing` has an indicator, which stands for all columns that are NULL on the same training rows.
    """

    medians: Mapping[str, float]
    missing: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.medians, *self.levels)

    @property
    def elements(self) -> Mapping[str, str]:
        """The elements of the vector, in order: the name of each, and the SQL of its value."""
        filled = {name: f"coalesce({_number(name)}, {median!r}D)" for name, median in self.medians.items()}
        missing = {f"{name}__is_missing": f"cast({_number(name)} is null as double)" for name in self.missing}
        has_level = {
            f"{name}={level}": f"cast(`{name}` <=> {_text(level)} as double)"
            for name, levels in self.levels.items()
            for level in levels
        }
        return filled | missing | has_level


def candidate_columns(schema: StructType, names: Sequence[str]) -> CandidateColumns:
    """Return those of the named columns that are numeric, boolean or string, but never a key.

    Raises:
        MissingFeatures: the table lacks some of them.
    """
    lacking = [name for name in names if name not in schema.names]
    if lacking:
        msg = f"the feature table lacks {', '.join(lacking)}: run `sparkhouse build` to add what the catalogue lists"
        raise MissingFeatures(msg)
    columns = [schema[name] for name in names if name not in KEYS]
    numeric = tuple(field.name for field in columns if isinstance(field.dataType, (NumericType, BooleanType)))
    categorical = tuple(field.name for field in columns if isinstance(field.dataType, StringType))
    return CandidateColumns(numeric, categorical)


def assembly(columns: FeatureColumns) -> PipelineModel:
    """Return the assembly of `features`.

    NULL numbers become the training median, with an indicator where training rows had NULLs. Strings become one element
    per level seen in training; an unseen level or NULL is all zeros.
    """
    elements = [f"{value} as element_{index}" for index, value in enumerate(columns.elements.values())]
    statement = f"select *, {', '.join(elements)} from __THIS__"  # noqa: S608 - names of the table's own columns
    inputs = [f"element_{index}" for index in range(len(elements))]
    return PipelineModel([SQLTransformer(statement=statement), VectorAssembler(inputCols=inputs, outputCol="features")])


def _number(name: str) -> str:
    """A numeric or boolean column as a double; NaN counts as missing."""
    return f"nullif(cast(`{name}` as double), double('NaN'))"


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"

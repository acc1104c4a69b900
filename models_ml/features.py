"""The feature assembly: columns of a snapshot row to one vector, fitted on training rows only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyspark.ml import Pipeline
from pyspark.ml.feature import Imputer, OneHotEncoder, SQLTransformer, StringIndexer, VectorAssembler
from pyspark.sql.types import BooleanType, NumericType, StringType

if TYPE_CHECKING:
    from pyspark.ml.base import Estimator, Transformer
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

KEYS = ("user_id", "as_of_date")


@dataclass(frozen=True)
class FeatureColumns:
    """The columns that become features: numbers (and booleans), those of them with a missing indicator, and strings."""

    numeric: tuple[str, ...]
    nullable: tuple[str, ...]
    categorical: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return self.numeric + self.categorical


def candidate_columns(schema: StructType) -> FeatureColumns:
    """Return every numeric, boolean and string column but the keys; dates and timestamps are no features."""
    columns = [field for field in schema if field.name not in KEYS]
    numeric = tuple(field.name for field in columns if isinstance(field.dataType, (NumericType, BooleanType)))
    categorical = tuple(field.name for field in columns if isinstance(field.dataType, StringType))
    return FeatureColumns(numeric, numeric, categorical)


def assembly(columns: FeatureColumns) -> Pipeline:
    """Return the unfitted assembly of `features`.

    NULL numbers become the training median, with an indicator where training rows had NULLs. Strings become one column
    per level seen in training; an unseen level or NULL is all zeros.
    """
    stages: list[Estimator[Any] | Transformer] = [SQLTransformer(statement=_numbers_sql(columns))]
    if columns.numeric:
        stages.append(Imputer(strategy="median", inputCols=_numbers(columns), outputCols=_imputed(columns)))
    if columns.categorical:
        indexes = [f"{name}__index" for name in columns.categorical]
        stages.append(StringIndexer(inputCols=list(columns.categorical), outputCols=indexes, handleInvalid="keep"))
        stages.append(OneHotEncoder(inputCols=indexes, outputCols=_one_hot(columns)))
    inputs = _imputed(columns) + [f"{name}__is_missing" for name in columns.nullable] + _one_hot(columns)
    return Pipeline(stages=[*stages, VectorAssembler(inputCols=inputs, outputCol="features")])


def feature_names(assembled: DataFrame) -> list[str]:
    """Return the names of the vector's elements, in order."""
    attributes = assembled.schema["features"].metadata["ml_attr"]["attrs"]
    by_index = sorted((a["idx"], a["name"]) for kind in attributes.values() for a in kind)
    return [name.replace("__imputed", "").replace("__one_hot_", "=") for _, name in by_index]


def _numbers_sql(columns: FeatureColumns) -> str:
    numbers = [f"cast(`{name}` as double) as `{name}__number`" for name in columns.numeric]
    missing = [f"cast(`{name}` is null as double) as `{name}__is_missing`" for name in columns.nullable]
    return f"select {', '.join(['*', *numbers, *missing])} from __THIS__"  # noqa: S608 - names of the table's own columns


def _numbers(columns: FeatureColumns) -> list[str]:
    return [f"{name}__number" for name in columns.numeric]


def _imputed(columns: FeatureColumns) -> list[str]:
    return [f"{name}__imputed" for name in columns.numeric]


def _one_hot(columns: FeatureColumns) -> list[str]:
    return [f"{name}__one_hot" for name in columns.categorical]

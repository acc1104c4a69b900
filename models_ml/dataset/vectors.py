"""The feature vectors: which columns may go into them, how Spark assembles them, which elements a feature set holds."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pyspark.ml import PipelineModel
from pyspark.ml.feature import SQLTransformer, VectorAssembler
from pyspark.sql.types import BooleanType, NumericType, StringType

from models_ml.errors import MissingFeatures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyspark.sql.types import StructType

    from models_ml.portable.encoder import Encoder

KEYS = ("user_id", "as_of_date")
ALL = "all"
WEIGHT = "weight"
DERIVATIONS = Path(__file__).with_name("derivations.yml")


@dataclass(frozen=True)
class CandidateColumns:
    """The columns that may become features: numbers (and booleans), and strings."""

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return self.numeric + self.categorical


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


@cache
def derivations() -> Mapping[str, Any]:
    """What derivations.yml says: rates, pages of the behaviour classes, and the sets of elements."""
    loaded: Mapping[str, Any] = yaml.safe_load(DERIVATIONS.read_text(encoding="utf-8"))
    return loaded


def feature_sets(elements: Sequence[str]) -> dict[str, list[int]]:
    """Return the places of each set's elements in the vector of all; a set without any here holds all of them."""
    sets = {
        name: [
            place for place, element in enumerate(elements) if any(fnmatchcase(element, wanted) for wanted in listed)
        ]
        for name, listed in derivations()["sets"].items()
    }
    return {name: indices or sets[ALL] for name, indices in sets.items()}


def input_column(feature_set: str) -> str:
    """The column that holds the vectors of a feature set."""
    return f"features_{feature_set}"


def assembly(encoder: Encoder) -> PipelineModel:
    """Return the assembly of a vector for each feature set, from the columns of the feature table."""
    elements = [f"{value} as element_{place}" for place, value in enumerate(encoder.elements.values())]
    statement = f"select *, {', '.join(elements)} from __THIS__"  # noqa: S608 - names of the table's own columns
    vectors = [
        VectorAssembler(inputCols=[f"element_{place}" for place in indices], outputCol=input_column(name))
        for name, indices in feature_sets(list(encoder.elements)).items()
    ]
    return PipelineModel([SQLTransformer(statement=statement), *vectors])

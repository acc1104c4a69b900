"""The MLlib classifiers behind one interface: the points of a grid, and a fit of any of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml
from pyspark.ml import Pipeline, classification
from pyspark.ml.feature import PCA, StandardScaler
from sklearn.model_selection import ParameterGrid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.ml import PipelineModel
    from pyspark.ml.base import Estimator
    from pyspark.sql import DataFrame

GRIDS = Path(__file__).with_name("grids.yml")
# The feature set and the hidden units are no parameters of MLlib: one names the input, the other is part of `layers`.
FEATURES, HIDDEN = "features", "hidden"
WEIGHT = "weight"
Setting: TypeAlias = "Mapping[str, Any]"


@dataclass(frozen=True)
class Point:
    """One point of a grid: a feature set and the parameters that the search varies."""

    features: str
    parameters: tuple[tuple[str, Any], ...]

    @classmethod
    def of(cls, chosen: Setting) -> Point:
        varied = sorted(item for item in chosen.items() if item[0] != FEATURES)
        return cls(chosen[FEATURES], tuple(varied))

    def __str__(self) -> str:
        return ", ".join([f"{FEATURES}={self.features}", *(f"{name}={value}" for name, value in self.parameters)])


@dataclass(frozen=True)
class Algorithm:
    """One classifier of MLlib with its settings, from grids.yml."""

    name: str
    estimator: str
    settings: Setting
    grids: tuple[Setting, ...]
    cuts: Setting

    @property
    def fits(self) -> dict[Point, dict[Point, Setting]]:
        """The fits of the search, at the largest cuts: to each the points that it holds, with the cut that gives them.

        Cut trees are not quite those that MLlib would grow to that size, but of the same kind: see `TreesScorer.cut`.
        """
        cuts = list(ParameterGrid(dict(self.cuts)))
        largest = {name: max(sizes) for name, sizes in self.cuts.items()}
        return {
            Point.of(point | largest): {Point.of(point | cut): cut for cut in cuts}
            for point in ParameterGrid([dict(grid) for grid in self.grids])
        }

    def fit(self, rows: DataFrame, point: Point, width: int, seed: int, components: int | None) -> PipelineModel:
        """Fit on `label`, `weight` and the vectors of the point's feature set, which are `width` wide.

        Networks see standardised elements; with `components`, every algorithm sees that many principal components of
        standardised elements. The other linear models standardise inside, and trees do not need it.
        """
        inputs = input_column(point.features)
        stages: list[Estimator[Any]] = []
        if components is not None or self._is_network:
            stages.append(StandardScaler(inputCol=inputs, outputCol="scaled", withMean=True))
        if components is not None:
            width = min(components, width)
            stages.append(PCA(k=width, inputCol="scaled", outputCol="components"))
        last = stages[-1].getOrDefault("outputCol") if stages else inputs
        return Pipeline(stages=[*stages, self._classifier(point, last, width, seed)]).fit(rows)

    def _classifier(self, point: Point, inputs: str, width: int, seed: int) -> Estimator[Any]:
        chosen = {**self.settings, **dict(point.parameters)}
        if self._is_network:
            chosen["layers"] = [width, chosen.pop(HIDDEN), 2]
        estimator = getattr(classification, self.estimator)(featuresCol=inputs, **chosen)
        for name, value in (("seed", seed), ("weightCol", WEIGHT)):
            if estimator.hasParam(name):
                estimator._set(**{name: value})  # noqa: SLF001 - as the setters do, which not every estimator has
        fitting: Estimator[Any] = estimator
        return fitting

    @property
    def _is_network(self) -> bool:
        return self.estimator == "MultilayerPerceptronClassifier"


def input_column(feature_set: str) -> str:
    """The column that holds the vectors of a feature set."""
    return f"features_{feature_set}"


@cache
def algorithms() -> dict[str, Algorithm]:
    """The algorithms of grids.yml by name."""
    listed = yaml.safe_load(GRIDS.read_text(encoding="utf-8"))
    return {
        name: Algorithm(name, each["estimator"], each["settings"], tuple(each["grids"]), each.get("cuts", {}))
        for name, each in listed.items()
    }

"""The MLlib classifiers: one fit of any algorithm at any point of its grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.ml import Pipeline, classification
from pyspark.ml.feature import PCA, StandardScaler

from models_ml.dataset.vectors import WEIGHT, input_column

if TYPE_CHECKING:
    from pyspark.ml import PipelineModel
    from pyspark.ml.base import Estimator
    from pyspark.sql import DataFrame

    from models_ml.spec.grids import Algorithm, Point
    from models_ml.spec.training_spec import TrainingSpec

# Told that the label is one of two classes, MLlib need not look for the greatest.
BINARY = {"ml_attr": {"type": "nominal", "num_vals": 2}}
# The hidden units are no parameter of MLlib, but part of `layers`.
HIDDEN = "hidden"
NETWORK = "MultilayerPerceptronClassifier"


def fit(algorithm: Algorithm, point: Point, rows: DataFrame, width: int, spec: TrainingSpec) -> PipelineModel:
    """Fit on `label`, `weight` and the vectors of the point's feature set, which are `width` wide.

    Networks see standardised elements; where the training asks for components, every algorithm sees that many principal
    components of standardised elements. The other linear models standardise inside, and trees do not need it.
    """
    components = spec.components
    inputs = input_column(point.features)
    stages: list[Estimator[Any]] = []
    if components is not None or algorithm.estimator == NETWORK:
        stages.append(StandardScaler(inputCol=inputs, outputCol="scaled", withMean=True))
    if components is not None:
        width = min(components, width)
        stages.append(PCA(k=width, inputCol="scaled", outputCol="components"))
    last = stages[-1].getOrDefault("outputCol") if stages else inputs
    told = rows.withMetadata("label", BINARY)
    return Pipeline(stages=[*stages, _classifier(algorithm, point, last, width, spec.seed)]).fit(told)


def _classifier(algorithm: Algorithm, point: Point, inputs: str, width: int, seed: int) -> Estimator[Any]:
    chosen = {**algorithm.settings, **dict(point.parameters)}
    if algorithm.estimator == NETWORK:
        chosen["layers"] = [width, chosen.pop(HIDDEN), 2]
    estimator = getattr(classification, algorithm.estimator)(featuresCol=inputs, **chosen)
    for name, value in (("seed", seed), ("weightCol", WEIGHT)):
        if estimator.hasParam(name):
            estimator._set(**{name: value})  # noqa: SLF001 - as the setters do, which not every estimator has
    fitting: Estimator[Any] = estimator
    return fitting

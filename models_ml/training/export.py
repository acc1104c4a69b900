"""From a fitted MLlib model to its scorer, in few calls to the JVM."""

from __future__ import annotations

import json
from functools import cache
from itertools import pairwise
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from pyspark.ml.classification import (
    DecisionTreeClassificationModel,
    GBTClassificationModel,
    LinearSVCModel,
    LogisticRegressionModel,
    MultilayerPerceptronClassificationModel,
    RandomForestClassificationModel,
)
from pyspark.sql import SparkSession

from models_ml.errors import ModelJobError
from models_ml.portable.linear import LinearScorer
from models_ml.portable.network import NetworkScorer
from models_ml.portable.trees import TreesScorer

if TYPE_CHECKING:
    from py4j.java_gateway import JavaObject, JVMView  # type: ignore[import-untyped]
    from pyspark.ml.base import Model

    from models_ml.portable.arrays import Floats
    from models_ml.portable.scorers import Scorer

    TreesModel: TypeAlias = DecisionTreeClassificationModel | RandomForestClassificationModel | GBTClassificationModel


class UnportableModel(ModelJobError):
    """The model has no form that NumPy scores."""


class Node(NamedTuple):
    """One node of a tree; the children are places in the list of all nodes."""

    children_left: int
    children_right: int
    feature: int
    threshold: float
    value: float
    cover: float
    gain: float


def export(model: Model, reference: Floats, spread: Floats | None = None) -> Scorer:
    """Return the scorer of a fitted binary classifier.

    Reference and spread are mean and standard deviation [elements] of the training rows as the model saw them, for
    contributions and importance; trees know their own.

    Raises:
        UnportableModel: another class of model, more than two classes, a split by category.
    """
    match model:
        case LogisticRegressionModel() | LinearSVCModel():
            return _linear(model, reference, spread)
        case MultilayerPerceptronClassificationModel():
            return _network(model, reference, spread)
        case DecisionTreeClassificationModel() | RandomForestClassificationModel() | GBTClassificationModel():
            return _trees(model)
    raise UnportableModel(
        f"no scorer for a {type(model).__name__}: export a binary classifier of MLlib, not a pipeline"
    )


def _linear(model: LogisticRegressionModel | LinearSVCModel, reference: Floats, spread: Floats | None) -> LinearScorer:
    if isinstance(model, LogisticRegressionModel) and model.coefficientMatrix.numRows != 1:
        raise UnportableModel("the logistic regression has coefficients for each class: fit it with family='binomial'")
    return LinearScorer(model.coefficients.toArray(), float(model.intercept), reference, spread)


def _network(model: MultilayerPerceptronClassificationModel, reference: Floats, spread: Floats | None) -> NetworkScorer:
    sizes = model.getLayers()
    _check_classes(sizes[-1])
    weights, layers, start = model.weights.toArray(), [], 0
    for entering, leaving in pairwise(sizes):
        middle, end = start + entering * leaving, start + (entering + 1) * leaving
        layers.append((weights[start:middle].reshape(entering, leaving), weights[middle:end]))
        start = end
    return NetworkScorer(tuple(layers), reference, spread)


def _trees(model: TreesModel) -> TreesScorer:
    boosted = isinstance(model, GBTClassificationModel)
    nodes: list[Node] = []
    offsets = [_append(root, nodes, boosted=boosted) for root in _roots(model)]
    equal = [1 / len(offsets)] * len(offsets)
    weights = model.treeWeights if isinstance(model, GBTClassificationModel) else equal
    columns = dict(zip(Node._fields, zip(*nodes, strict=True), strict=True))
    flat = {**columns, "offsets": offsets, "weights": weights}
    return TreesScorer.from_json({**flat, "elements": model.numFeatures, "boosted": boosted})


def _roots(model: TreesModel) -> list[dict[str, Any]]:
    """Return the trees as the JVM's JSON has them, nodes within nodes: node by node, a forest would take seconds."""
    fitted: Any = model._java_obj  # noqa: SLF001 - pyspark shows neither thresholds nor children
    jvm: Any = SparkSession.active()._jvm  # noqa: SLF001 - the way to classes that pyspark does not wrap
    roots = jvm.java.util.ArrayList()
    for tree in [fitted] if isinstance(model, DecisionTreeClassificationModel) else fitted.trees():
        roots.add(tree.rootNode())
    # By a file: so much text through the socket to the JVM waits for TCP's delayed acknowledgement, 40 ms.
    with NamedTemporaryFile(suffix=".json") as file:
        _mapper(jvm).writeValue(jvm.java.io.File(file.name), roots)
        read: list[dict[str, Any]] = json.load(file)
    return read


@cache
def _mapper(jvm: JVMView) -> JavaObject:
    """Return Jackson, as Spark has it, with its knowledge of Scala's classes: which takes it a moment to gather."""
    jackson = jvm.com.fasterxml.jackson
    return jackson.databind.ObjectMapper().registerModule(jackson.module.scala.DefaultScalaModule())


def _append(node: dict[str, Any], nodes: list[Node], *, boosted: bool) -> int:
    """Append a node and all below it, and return its place."""
    place = len(nodes)
    stats = node["impurityStats"]["stats"]
    # Of boosted trees these are weight, sum and sum of squares; else the weight of each class.
    cover = stats[0] if boosted else sum(stats)
    value = node["prediction"] if boosted else _share(stats)
    nodes.append(Node(place, place, 0, 0.0, value, cover, 0.0))
    if "split" in node:
        left = _append(node["leftChild"], nodes, boosted=boosted)
        right = _append(node["rightChild"], nodes, boosted=boosted)
        nodes[place] = Node(left, right, *_split(node["split"]), value, cover, node["gain"])
    return place


def _share(stats: list[float]) -> float:
    _check_classes(len(stats))
    return stats[1] / sum(stats)


def _split(split: dict[str, Any]) -> tuple[int, float]:
    if "threshold" not in split:
        msg = f"element {split['featureIndex']} is split by category: give the assembled vector no nominal attributes"
        raise UnportableModel(msg)
    return split["featureIndex"], split["threshold"]


def _check_classes(count: int) -> None:
    if count != 2:  # noqa: PLR2004 - binary
        raise UnportableModel(f"the model has {count} classes: export binary ones")

"""The trees as shap takes them. Importing shap takes seconds: import this module where contributions are asked for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import shap  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Callable

    from models_ml.portable.arrays import Floats, Integers
    from models_ml.portable.trees import TreesScorer


def tree_shap(trees: TreesScorer) -> Callable[[Floats], Floats]:
    """Return what gives the TreeSHAP values [rows, elements] of rows: shap's TreeExplainer, made once.

    As with MLlib, a row goes left at the threshold, and right with NaN.
    """
    model = {
        "trees": [_tree(trees, nodes, weight) for nodes, weight in zip(_nodes(trees), trees.weights, strict=True)],
        "internal_dtype": np.float64,
        "input_dtype": np.float64,
    }
    explainer = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
    return partial(explainer.shap_values, check_additivity=False)


def _nodes(trees: TreesScorer) -> list[Integers]:
    return np.split(np.arange(len(trees.value)), trees.offsets[1:])


def _tree(trees: TreesScorer, nodes: Integers, weight: float) -> dict[str, Any]:
    is_leaf = trees.children_left[nodes] == nodes
    left = np.where(is_leaf, -1, trees.children_left[nodes] - nodes[0])
    right = np.where(is_leaf, -1, trees.children_right[nodes] - nodes[0])
    return {
        "children_left": left,
        "children_right": right,
        "children_default": right,
        "features": np.where(is_leaf, -1, trees.feature[nodes]),
        "thresholds": trees.threshold[nodes],
        "values": (weight * trees.value[nodes])[:, np.newaxis],
        "node_sample_weight": trees.cover[nodes],
    }

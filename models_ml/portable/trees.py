"""Decision trees, forests and boosted trees, in one flat form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from models_ml.portable.arrays import floats, shares

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from models_ml.portable.arrays import Floats, Integers

# A piece of rows small enough for the processor's cache, whatever the table.
ROWS_AT_ONCE = 4096


@dataclass(frozen=True, eq=False)
class TreesScorer:
    """The nodes of all trees, one tree after the other, each from its root at `offsets`; a leaf is its own child.

    A row goes left where its element `feature` <= `threshold`. `value` is what the node would give as a leaf, `cover`
    the weight of its training rows, `gain` what its split took off the impurity (0 of a leaf). The score is the sum of
    `weights` [trees] * the leaf's value: of a tree or a forest the mean share of class 1, MLlib's probability[1]; of
    boosted trees the margin, its rawPrediction[1].
    """

    children_left: Integers
    children_right: Integers
    feature: Integers
    threshold: Floats
    value: Floats
    cover: Floats
    gain: Floats
    offsets: Integers
    weights: Floats
    elements: int
    boosted: bool

    def score(self, rows: Floats) -> Floats:
        scores = np.empty(len(rows))
        for start in range(0, len(rows), ROWS_AT_ONCE):
            leaves = self._leaves(rows[start : start + ROWS_AT_ONCE])
            scores[start : start + ROWS_AT_ONCE] = (self.value[leaves] * self.weights).sum(axis=1)
        return scores

    def contributions(self, rows: Floats) -> tuple[float, Floats]:
        """Return the mean score of the training rows and TreeSHAP values, conditional on the trees' own paths.

        Source: S. Lundberg et al. (2020), From local explanations to global understanding with explainable AI for
        trees, algorithm 2.
        """
        base = float((self.value[self.offsets] * self.weights).sum())
        return base, self._tree_shap(rows)

    def importance(self) -> Floats:
        """Return MLlib's featureImportances: gain * cover, as shares, in a forest of each tree; 0 without any split."""
        gains = np.split(self.gain * self.cover, self.offsets[1:])
        features = np.split(self.feature, self.offsets[1:])
        by_tree = [np.bincount(*pair, self.elements) for pair in zip(features, gains, strict=True)]
        return shares(np.sum(by_tree if self.boosted else shares(floats(by_tree)), axis=0))

    def cut(self, trees: int | None = None, depth: int | None = None) -> TreesScorer:
        """Return the first `trees` trees, in which nodes at `depth` (the root has 0) are leaves; None cuts nothing.

        Boosted trees cut are what a fit of that many iterations gives. A forest cut is not: MLlib draws other rows
        and elements for it. A single tree cut keeps sibling leaves of one class, which a fit of that depth joins: its
        scores tell more rows apart.

        Raises:
            ValueError: there are not so many trees, or boosted trees with a depth, whose leaves answer to each other.
        """
        count = len(self.offsets) if trees is None else trees
        lowest = self.depth if depth is None else depth
        if not 0 < count <= len(self.offsets) or lowest < 0:
            raise ValueError(f"cannot cut to {count} trees of depth {lowest}: there are {len(self.offsets)} trees")
        if self.boosted and depth is not None:
            raise ValueError("boosted trees cannot be cut off at a depth, each corrects those before it: fit them anew")
        end = [*self.offsets, len(self.value)][count]
        kept = np.flatnonzero(self.levels[:end] <= lowest)
        weights = self.weights[:count] if self.boosted else np.full(count, 1 / count)
        return self._part(kept, self.levels[kept] == lowest, self.offsets[:count], weights)

    def to_json(self) -> dict[str, Any]:
        stored = {name: getattr(self, name).tolist() for name in DTYPES}
        return {"kind": "trees", **stored, "elements": self.elements, "boosted": self.boosted}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> TreesScorer:
        arrays: dict[str, Any] = {name: np.array(stored[name], dtype) for name, dtype in DTYPES.items()}
        return cls(**arrays, elements=stored["elements"], boosted=stored["boosted"])

    @cached_property
    def levels(self) -> Integers:
        """How many splits stand above each node."""
        levels = np.zeros(len(self.value), dtype=np.int64)
        nodes = self.offsets
        while nodes.size:
            inner = nodes[self.children_left[nodes] != nodes]
            nodes = np.concatenate([self.children_left[inner], self.children_right[inner]])
            levels[nodes] = np.tile(levels[inner] + 1, 2)
        return levels

    @cached_property
    def depth(self) -> int:
        return int(self.levels.max())

    @cached_property
    def _tree_shap(self) -> Callable[[Floats], Floats]:
        from models_ml.portable.tree_shap import tree_shap

        return tree_shap(self)

    def _leaves(self, rows: Floats) -> Integers:
        """Return the leaf [rows, trees] in which each row ends."""
        own = np.arange(len(rows))[:, np.newaxis]
        nodes = np.tile(self.offsets, (len(rows), 1))
        for _ in range(self.depth):
            goes_left = rows[own, self.feature[nodes]] <= self.threshold[nodes]
            nodes = np.where(goes_left, self.children_left[nodes], self.children_right[nodes])
        return nodes

    def _part(self, kept: Integers, cut: NDArray[np.bool_], offsets: Integers, weights: Floats) -> TreesScorer:
        """Return the nodes `kept`, of which those `cut` become leaves."""
        place = np.zeros(len(self.value), dtype=np.int64)
        place[kept] = np.arange(len(kept))
        return TreesScorer(
            children_left=place[np.where(cut, kept, self.children_left[kept])],
            children_right=place[np.where(cut, kept, self.children_right[kept])],
            feature=self.feature[kept],
            threshold=self.threshold[kept],
            value=self.value[kept],
            cover=self.cover[kept],
            gain=np.where(cut, 0.0, self.gain[kept]),
            offsets=place[offsets],
            weights=weights,
            elements=self.elements,
            boosted=self.boosted,
        )


DTYPES = {
    **dict.fromkeys(("children_left", "children_right", "feature", "offsets"), np.int64),
    **dict.fromkeys(("threshold", "value", "cover", "gain", "weights"), np.float64),
}

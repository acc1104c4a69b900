"""Trees that were fitted on principal components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models_ml.portable.arrays import floats, shares, unscaled
from models_ml.portable.trees import TreesScorer

if TYPE_CHECKING:
    from models_ml.portable.arrays import Floats


@dataclass(frozen=True, eq=False)
class Projected:
    """Trees on rows @ components [elements, k] + shift [k]; mean and (where known) standard deviation of the rows."""

    trees: TreesScorer
    components: Floats
    shift: Floats
    reference: Floats
    spread: Floats | None = None

    @classmethod
    def of(cls, trees: TreesScorer, components: Floats, reference: Floats, spread: Floats | None = None) -> Projected:
        """Return the scorer of rows as they are, where the trees were fitted on rows @ components."""
        return cls(trees, components, np.zeros(components.shape[1]), reference, spread)

    def score(self, rows: Floats) -> Floats:
        return self.trees.score(rows @ self.components + self.shift)

    def contributions(self, rows: Floats) -> tuple[float, Floats]:
        """Return the trees' base, and their contributions dealt out over the elements.

        An element takes of a component's contribution the share |(row - reference) * its part in the component|: how
        much it moved the component, either way. Signed shares would have no bound where the elements cancel out.
        A row at the reference takes |part|.
        """
        base, by_component = self.trees.contributions(rows @ self.components + self.shift)
        way = np.abs(rows - self.reference)
        phi = np.zeros_like(rows)
        for parts, contribution in zip(np.abs(self.components.T), by_component.T, strict=True):
            moved = way * parts
            moved[~moved.any(axis=1)] = parts
            phi += contribution[:, np.newaxis] * shares(moved)
        return base, phi

    def importance(self) -> Floats | None:
        """Return the trees' importance, of each component dealt out by |part| * standard deviation; None without."""
        if self.spread is None:
            return None
        return shares(self.trees.importance() @ shares(np.abs(self.components.T) * self.spread))

    def cut(self, trees: int | None = None, depth: int | None = None) -> Projected:
        """Return the same on fewer or shallower trees: see `TreesScorer.cut`."""
        return Projected(self.trees.cut(trees, depth), self.components, self.shift, self.reference, self.spread)

    def unscaled(self, mean: Floats, scale: Floats) -> Projected:
        """Return the scorer of rows as they are, where this one was fitted on (row - mean) / scale."""
        components, shift = unscaled(self.components, self.shift, mean, scale)
        spread = None if self.spread is None else self.spread * scale
        return Projected(self.trees, components, shift, self.reference * scale + mean, spread)

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "projected",
            "trees": self.trees.to_json(),
            "components": self.components.tolist(),
            "shift": self.shift.tolist(),
            "reference": self.reference.tolist(),
            "spread": None if self.spread is None else self.spread.tolist(),
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Projected:
        spread = None if stored["spread"] is None else floats(stored["spread"])
        components, shift, reference = (floats(stored[name]) for name in ("components", "shift", "reference"))
        return cls(TreesScorer.from_json(stored["trees"]), components, shift, reference, spread)

"""What the elements of a model are worth: how much worse it ranks once they tell nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models_ml.evaluation.weighted_metrics import average_precision

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models_ml.portable.arrays import Floats, Integers
    from models_ml.portable.scorers import Scorer

REPEATS = 5


@dataclass(frozen=True)
class Importance:
    """What an element of the feature vector is worth.

    `drop` is how much average precision falls on the test rows when the element's values are shuffled, `spread` the
    standard deviation of that over shuffles, `own` what the model itself says of it, where it says anything.
    """

    element: str
    drop: float
    spread: float
    own: float | None = None


def permutation_importance(
    scorer: Scorer, elements: Floats, labels: Floats, groups: Mapping[str, list[int]], seed: int
) -> tuple[Importance, ...]:
    """Return the importance of each group of elements; rows are [rows, elements], labels 0 or 1 with both there.

    The elements of a group are shuffled together, in the same `REPEATS` orders for every group: drop is the mean fall
    of average precision, spread its standard deviation. A group that the model itself gives nothing has no drop.
    Sources: L. Breiman (2001), Random forests, section 10; A. Fisher, C. Rudin and F. Dominici (2019), All models are
    wrong, but many are useful, J. Mach. Learn. Res. 20(177).
    """
    random = np.random.default_rng(seed)
    orders = [random.permutation(len(elements)) for _ in range(REPEATS)]
    intact, own = average_precision(labels, scorer.score(elements)), scorer.importance()
    shuffled = elements.copy()
    importances = []
    for name, indices in groups.items():
        share = None if own is None else float(own[indices].sum())
        drops = [0.0]
        if share != 0:
            drops = [intact - _precision_without(scorer, shuffled, indices, labels, order) for order in orders]
        importances.append(Importance(name, float(np.mean(drops)), float(np.std(drops)), share))
    return tuple(importances)


def _precision_without(scorer: Scorer, elements: Floats, indices: list[int], labels: Floats, order: Integers) -> float:
    """Shuffle the elements in place for one scoring: a copy of all would take longer than the scores."""
    kept = elements[:, indices]
    elements[:, indices] = kept[order]
    precision = average_precision(labels, scorer.score(elements))
    elements[:, indices] = kept
    return precision

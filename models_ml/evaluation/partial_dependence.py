"""What a model makes of an input: the mean probability, were the input of every row so and so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from models_ml.portable.arrays import Floats
    from models_ml.portable.model import PortableModel
    from models_ml.portable.rate import Columns

POINTS, ROWS = 15, 1_000


@dataclass(frozen=True)
class Effect:
    """Of a numeric input: `at` are values from the rows, in order, `probability` the mean calibrated one at each."""

    feature: str
    at: tuple[float, ...]
    probability: tuple[float, ...]


def partial_dependence(model: PortableModel, columns: Columns, features: Iterable[str], seed: int) -> Iterator[Effect]:
    """Yield the effect of each numeric feature on up to `ROWS` rows; one that has one value on all has none.

    All other inputs stay as they are, so where two of them move together the curve shows rows that nobody is.
    Source: J. H. Friedman (2001), Greedy function approximation: a gradient boosting machine, section 8.2.
    """
    chosen = _sample(columns, seed)
    for feature in features:
        if feature in model.encoder.numbers:
            at = np.unique(np.nanquantile(chosen[feature].astype(float), np.linspace(0.02, 0.98, POINTS)))
            if len(at) > 1:
                yield Effect(
                    feature, tuple(at.tolist()), tuple(_probability(model, chosen, feature, value) for value in at)
                )


def _sample(columns: Columns, seed: int) -> dict[str, Floats]:
    rows = len(next(iter(columns.values())))
    chosen = np.random.default_rng(seed).permutation(rows)[:ROWS]
    return {name: values[chosen] for name, values in columns.items()}


def _probability(model: PortableModel, columns: Columns, feature: str, value: float) -> float:
    changed = {**columns, feature: np.full(len(columns[feature]), value)}
    return float(model.probability(model.score(changed)).mean())

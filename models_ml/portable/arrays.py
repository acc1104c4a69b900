"""The arithmetic that the scorers share."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Integers: TypeAlias = NDArray[np.int64]


def floats(values: object) -> Floats:
    """Return doubles of what JSON gave."""
    return np.asarray(values, dtype=np.float64)


def shares(parts: Floats) -> Floats:
    """Return the parts of each row (the last axis), none negative, over their sum; all 0 where that is 0."""
    total = parts.sum(axis=-1, keepdims=True)
    divided: Floats = np.divide(parts, total, out=np.zeros_like(parts), where=total > 0)
    return divided


def completed(phi: Floats, wanted: Floats) -> Floats:
    """Return contributions [rows, elements] that add up to `wanted` [rows], to rounding.

    What they lack of it is dealt out in proportion to their size.
    """
    rest = wanted - phi.sum(axis=1)
    complete: Floats = phi + rest[:, np.newaxis] * shares(np.abs(phi))
    return complete


def unscaled(weights: Floats, bias: Floats, mean: Floats, scale: Floats) -> tuple[Floats, Floats]:
    """Return weights [elements, ...] and bias for rows as they are, from those for (row - mean) / scale.

    An element of scale 0 counts as 0, as MLlib's StandardScaler has it.
    """
    factor = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
    folded = (weights.T * factor).T
    return folded, bias - mean @ folded

"""The multilayer perceptron: sigmoid hidden layers, two outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.polynomial.legendre import leggauss
from scipy.special import expit  # type: ignore[import-untyped]

from models_ml.portable.arrays import completed, floats, shares, unscaled

if TYPE_CHECKING:
    from models_ml.portable.arrays import Floats

NODES, MOST_HALVINGS = 16, 12
# Of the row's distance from the base, or of 1 where that is less.
TOLERANCE = 1e-10


@dataclass(frozen=True, eq=False)
class NetworkScorer:
    """Layers of (weights [in, out], bias [out]); mean and (where known) standard deviation of the training rows.

    The score is rawPrediction[1] - rawPrediction[0]: the log-odds of MLlib's softmax.
    """

    layers: tuple[tuple[Floats, Floats], ...]
    reference: Floats
    spread: Floats | None = None

    def score(self, rows: Floats) -> Floats:
        weights, bias = self.layers[-1]
        raw = self._activations(rows)[-1] @ weights + bias
        scores: Floats = raw[:, 1] - raw[:, 0]
        return scores

    def contributions(self, rows: Floats) -> tuple[float, Floats]:
        """Return the score of the reference, and integrated gradients along the line from it to each row.

        Source: M. Sundararajan, A. Taly, Q. Yan (2017), Axiomatic attribution for deep networks, by Gauss-Legendre
        quadrature. A piece of the line is halved until its contributions miss the difference of its ends' scores by no
        more than `TOLERANCE`, or `MOST_HALVINGS` times; what a row then lacks is dealt out by |contribution|.
        """
        base = float(self.score(self.reference[np.newaxis])[0])
        wanted, phi = self.score(rows) - base, np.zeros_like(rows)
        allowed = TOLERANCE * np.maximum(np.abs(wanted), 1.0)
        begins, ends, owners = np.broadcast_to(self.reference, rows.shape), rows, np.arange(len(rows))
        for halvings in range(MOST_HALVINGS + 1):
            parts = self._integrated(begins, ends)
            misses = np.abs(parts.sum(axis=1) - (self.score(ends) - self.score(begins)))
            halved = (misses > allowed[owners]) & (halvings < MOST_HALVINGS)
            np.add.at(phi, owners[~halved], parts[~halved])
            middles = (begins[halved] + ends[halved]) / 2
            begins, ends = np.concatenate([begins[halved], middles]), np.concatenate([middles, ends[halved]])
            owners = np.tile(owners[halved], 2)
        return base, completed(phi, wanted)

    def importance(self) -> Floats | None:
        """Return how far the score moves as one element goes from a standard deviation below the reference to one
        above, the others at the reference, as shares; None where the deviations are not known.

        Of a linear model this is |coefficient| * standard deviation.
        """
        if self.spread is None:
            return None
        steps = np.diag(self.spread)
        return shares(np.abs(self.score(self.reference + steps) - self.score(self.reference - steps)))

    def unscaled(self, mean: Floats, scale: Floats) -> NetworkScorer:
        """Return the scorer of rows as they are, where this one was fitted on (row - mean) / scale."""
        first = unscaled(*self.layers[0], mean, scale)
        spread = None if self.spread is None else self.spread * scale
        return NetworkScorer((first, *self.layers[1:]), self.reference * scale + mean, spread)

    def unprojected(self, components: Floats, reference: Floats, spread: Floats | None = None) -> NetworkScorer:
        """Return the scorer of rows as they are, where this one was fitted on rows @ components [elements, k].

        Reference and spread are those of the rows: the projected ones do not tell them.
        """
        weights, bias = self.layers[0]
        return NetworkScorer(((components @ weights, bias), *self.layers[1:]), reference, spread)

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "network",
            "layers": [[weights.tolist(), bias.tolist()] for weights, bias in self.layers],
            "reference": self.reference.tolist(),
            "spread": None if self.spread is None else self.spread.tolist(),
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> NetworkScorer:
        layers = tuple((floats(weights), floats(bias)) for weights, bias in stored["layers"])
        spread = None if stored["spread"] is None else floats(stored["spread"])
        return cls(layers, floats(stored["reference"]), spread)

    def _activations(self, rows: Floats) -> list[Floats]:
        """Return what enters each layer."""
        entering = [rows]
        for weights, bias in self.layers[:-1]:
            entering.append(expit(entering[-1] @ weights + bias))
        return entering

    def _gradient(self, rows: Floats) -> Floats:
        weights = self.layers[-1][0]
        gradient: Floats = weights[:, 1] - weights[:, 0]
        for (below, _), outputs in zip(self.layers[-2::-1], self._activations(rows)[:0:-1], strict=True):
            gradient = (gradient * outputs * (1 - outputs)) @ below.T
        return np.broadcast_to(gradient, rows.shape)

    def _integrated(self, begins: Floats, ends: Floats) -> Floats:
        """Return the integrated gradients of the lines from begins to ends."""
        way, slopes = ends - begins, np.zeros_like(ends)
        nodes, parts = leggauss(NODES)
        for place, part in zip((nodes + 1) / 2, parts / 2, strict=True):
            slopes += part * self._gradient(begins + place * way)
        return way * slopes

"""Random streams and the draws from them."""

import random
from collections.abc import Mapping
from math import log


def stream(name: str) -> random.Random:
    """The random stream of that name: always the same, and unrelated to those of other names."""
    return random.Random(name)  # noqa: S311 - a simulation, no secrets


def exponential(rng: random.Random, mean: float) -> int:
    """An exponential waiting time of the given mean, cut to whole seconds."""
    return int(-mean * log(1.0 - rng.random()))


def weighted(rng: random.Random, weights: Mapping[str, float]) -> str:
    """One of the keys, by weight."""
    return rng.choices(list(weights), list(weights.values()))[0]

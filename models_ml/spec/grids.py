"""The algorithms that can be trained, and the points of their grids: what grids.yml says."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

GRIDS = Path(__file__).with_name("grids.yml")
# The feature set is no parameter of MLlib: it names the input.
FEATURES = "features"
Setting: TypeAlias = "Mapping[str, Any]"


@dataclass(frozen=True)
class Point:
    """One point of a grid: a feature set and the parameters that the search varies."""

    features: str
    parameters: tuple[tuple[str, Any], ...]

    @classmethod
    def of(cls, chosen: Setting) -> Point:
        varied = sorted(item for item in chosen.items() if item[0] != FEATURES)
        return cls(chosen[FEATURES], tuple(varied))

    def __str__(self) -> str:
        return ", ".join([f"{FEATURES}={self.features}", *(f"{name}={value}" for name, value in self.parameters)])


@dataclass(frozen=True)
class Algorithm:
    """One classifier of MLlib with its settings, from grids.yml."""

    name: str
    estimator: str
    settings: Setting
    grids: tuple[Setting, ...]
    cuts: Setting

    @property
    def fits(self) -> dict[Point, dict[Point, Setting]]:
        """The fits of the search, at the largest cuts: to each the points that it holds, with the cut that gives them.

        Cut trees are not quite those that MLlib would grow to that size, but of the same kind: see `TreesScorer.cut`.
        """
        cuts = list(_combinations(self.cuts))
        largest = {name: max(sizes) for name, sizes in self.cuts.items()}
        return {
            Point.of(point | largest): {Point.of(point | cut): cut for cut in cuts}
            for grid in self.grids
            for point in _combinations(grid)
        }


@cache
def algorithms() -> dict[str, Algorithm]:
    """The algorithms of grids.yml by name."""
    listed = yaml.safe_load(GRIDS.read_text(encoding="utf-8"))
    return {
        name: Algorithm(name, each["estimator"], each["settings"], tuple(each["grids"]), each.get("cuts", {}))
        for name, each in listed.items()
    }


def _combinations(choices: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Yield every choice of one value per name, the last name in the alphabet varying first."""
    names = sorted(choices)
    return (dict(zip(names, values, strict=True)) for values in product(*(choices[name] for name in names)))

"""From the columns of a snapshot to the elements that a model scores: in NumPy and, the same, in SQL."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models_ml.portable.behaviour import BehaviourClasses
from models_ml.portable.rate import Rate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from models_ml.portable.rate import Columns

# What the behaviour classes are called together.
BEHAVIOUR = "behaviour"


@dataclass(frozen=True)
class Encoder:
    """What the training rows taught about each column.

    A number becomes the log of 1 plus its size, with its sign; the training median stands for a missing one. A column
    of `missing` has an indicator, for all columns that are NULL on the same training rows. A string becomes one
    element per level; an unseen level or NULL is all zeros. Rates and behaviour classes are made of several columns.
    """

    medians: Mapping[str, float]
    missing: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]]
    rates: tuple[Rate, ...] = ()
    behaviour: BehaviourClasses | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the feature table that have elements of their own."""
        return (*self.medians, *self.levels)

    @property
    def numbers(self) -> tuple[str, ...]:
        """The numeric ones among all columns that are read."""
        return tuple(name for name in self.inputs if name not in self.levels)

    @property
    def inputs(self) -> tuple[str, ...]:
        """All columns of the feature table that are read."""
        several = [name for rate in self.rates for name in (rate.count, rate.exposure)]
        several += [*self.behaviour.counts, *self.behaviour.exposures] if self.behaviour else []
        return tuple(dict.fromkeys([*self.columns, *self.missing, *several]))

    @property
    def elements(self) -> Mapping[str, str]:
        """The elements in order: the name of each, and the SQL of its value."""
        numbers = {name: _signed_log(f"coalesce({_number(name)}, {fill!r}D)") for name, fill in self.medians.items()}
        missing = {f"{name}__is_missing": f"cast({_number(name)} is null as double)" for name in self.missing}
        has_level = {f"{name}={level}": f"cast(`{name}` <=> {_text(level)} as double)" for name, level in self._pairs}
        rates = {rate.name: rate.sql for rate in self.rates}
        behaviour = dict(zip(self.behaviour.names, self.behaviour.sql, strict=True)) if self.behaviour else {}
        return numbers | missing | has_level | rates | behaviour

    def matrix(self, columns: Columns) -> NDArray[np.float64]:
        """Return the elements, [rows, elements]; `columns` holds doubles (NaN is NULL) and, of strings, objects."""
        rows = len(next(iter(columns.values())))
        numbers = np.empty((rows, len(self.medians)))
        for index, name in enumerate(self.medians):
            numbers[:, index] = columns[name]
        numbers = np.where(np.isnan(numbers), list(self.medians.values()), numbers)
        numbers = np.sign(numbers) * np.log1p(np.abs(numbers))
        others = [np.isnan(columns[name]) for name in self.missing]
        others += [columns[name] == level for name, level in self._pairs]
        others += [rate.values(columns) for rate in self.rates]
        others += list(self.behaviour.values(columns).T) if self.behaviour else []
        return np.column_stack([numbers, *others]).astype(np.float64)

    @property
    def _pairs(self) -> list[tuple[str, str]]:
        return [(name, level) for name, levels in self.levels.items() for level in levels]

    def groups(self, indices: Sequence[int]) -> dict[str, list[int]]:
        """Return what a person would name, and where its elements are among those that a scorer sees, at `indices`.

        A number goes with its indicator, the levels of a string and the behaviour classes with each other.
        """
        levels = [name for name, _ in self._pairs]
        classes = [BEHAVIOUR] * len(self.behaviour.names) if self.behaviour else []
        owners = [*self.medians, *self.missing, *levels, *(rate.name for rate in self.rates), *classes]
        groups: dict[str, list[int]] = {}
        for position, place in enumerate(indices):
            groups.setdefault(owners[place], []).append(position)
        return groups

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Encoder:
        behaviour = saved["behaviour"]
        tuples = behaviour and {
            "counts": tuple(behaviour["counts"]),
            "exposures": tuple(behaviour["exposures"]),
            "shares": tuple(behaviour["shares"]),
            "rates": tuple(tuple(rates) for rates in behaviour["rates"]),
        }
        return cls(
            medians=saved["medians"],
            missing=tuple(saved["missing"]),
            levels={name: tuple(levels) for name, levels in saved["levels"].items()},
            rates=tuple(Rate(**rate) for rate in saved["rates"]),
            behaviour=BehaviourClasses(**tuples) if tuples else None,
        )


def _signed_log(number: str) -> str:
    return f"signum({number}) * log1p(abs({number}))"


def _number(name: str) -> str:
    """A numeric or boolean column as a double; NaN counts as missing."""
    return f"nullif(cast(`{name}` as double), double('NaN'))"


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"

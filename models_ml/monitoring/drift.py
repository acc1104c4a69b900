"""How far the rows that a model scores have moved from those it was trained on: PSI and KS, feature by feature."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from models_ml.errors import MissingFeatures, ModelJobError
from models_ml.monitoring.bins import Bin, categorical_bins, numeric_bins

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

    from models_ml.portable.arrays import Floats

    Columns = Mapping[str, NDArray[Any]]

# The name of the model's own score among the features.
SCORE = "score"
BINS = 10
QUANTILES = 100


class NoRows(ModelJobError):
    """There is nothing to compare."""


@dataclass(frozen=True)
class Drift:
    """How far a feature has moved; ks is None without two sets of numbers.

    `bins` are those with rows on either side, and `distribution` names them, in order.
    """

    feature: str
    kind: str
    is_used: bool
    psi: float
    ks: float | None
    bins: int
    train_missing_share: float
    scored_missing_share: float
    train_rows: int
    scored_rows: int
    distribution: tuple[Bin, ...]


@dataclass(frozen=True)
class NumericProfile:
    """The training values of a number: rows per bin, and quantiles 0 to 100 % (none of a column without values).

    A bin ends at its edge, that included; the last but one holds all values beyond, and the last the NULLs.
    """

    edges: tuple[float, ...]
    quantiles: tuple[float, ...]
    counts: tuple[int, ...]
    kind: ClassVar[str] = "numeric"

    @classmethod
    def of(cls, values: Floats) -> NumericProfile:
        known = _known(values)
        edges, quantiles = (_edges(known), _quantiles(known, QUANTILES)) if known.size else (known, known)
        counts = _counts(edges, known, len(values))
        return cls(tuple(edges.tolist()), tuple(quantiles.tolist()), tuple(counts.tolist()))

    def compared(self, values: Floats) -> tuple[NDArray[np.int64], float | None]:
        """Return the rows per bin, and the KS statistic."""
        known = _known(values)
        ks = _ks(np.array(self.quantiles), known) if self.quantiles and known.size else None
        return _counts(np.array(self.edges), known, len(values)), ks

    def bins(self) -> tuple[str, ...]:
        """Return the bins in words."""
        return numeric_bins(self.edges, self.quantiles)


@dataclass(frozen=True)
class CategoricalProfile:
    """The training values of a string: rows of the ten most frequent levels, of all others (seen or not), of NULL."""

    levels: tuple[str, ...]
    counts: tuple[int, ...]
    kind: ClassVar[str] = "categorical"

    @classmethod
    def of(cls, values: NDArray[np.object_]) -> CategoricalProfile:
        seen = Counter(value for value in values if value is not None)
        levels = tuple(sorted(seen, key=lambda level: (-seen[level], level))[:BINS])
        counts, _ = cls(levels, ()).compared(values)
        return cls(levels, tuple(counts.tolist()))

    def compared(self, values: NDArray[np.object_]) -> tuple[NDArray[np.int64], None]:
        """Return the rows per bin; there is no KS statistic."""
        seen = Counter(values.tolist())
        counts, missing = [seen[level] for level in self.levels], seen[None]
        return np.array([*counts, len(values) - sum(counts) - missing, missing]), None

    def bins(self) -> tuple[str, ...]:
        """Return the bins in words."""
        return categorical_bins(self.levels)


@dataclass(frozen=True)
class TrainingProfile:
    """What is kept of the distribution of each feature in the training rows, in place of the rows.

    PSI is the same as from the rows. KS compares with 101 quantiles: it is exact to 0.01.

    Features of a young log move by design: windows of 28 days fill up, lifetime counts grow. That a feature has moved
    need not mean that the model is worse; whether its score has moved says more. `used` are the features that the
    model reads, and its score: those that an alarm is about.
    """

    features: Mapping[str, NumericProfile | CategoricalProfile]
    used: frozenset[str]

    @classmethod
    def of(cls, train: Columns, used: Collection[str] | None = None) -> TrainingProfile:
        """Profile the columns of the training rows: doubles (NaN is NULL), or objects (strings, None is NULL).

        `used` names the features that the model reads; None: all of them. SCORE, if it is a column, always counts.

        Raises:
            NoRows: the columns are empty.
        """
        _check_rows("training", train)
        read = frozenset(train) if used is None else frozenset({SCORE, *used}) & frozenset(train)
        return cls({name: _profile(values) for name, values in train.items()}, read)

    def drift(self, scored: Columns) -> list[Drift]:
        """Compare the same columns of the scored rows, and no others.

        Raises:
            NoRows: the columns are empty.
            MissingFeatures: some were trained on, but are not among those scored.
        """
        lacking = [name for name in self.features if name not in scored]
        if lacking:
            msg = f"the scored rows lack {', '.join(lacking)}: run `sparkhouse build`, or train on what there is"
            raise MissingFeatures(msg)
        _check_rows("scored", scored)
        return [self._drift(name, scored[name]) for name in self.features]

    def to_json(self) -> str:
        features = {name: {"kind": profile.kind, **asdict(profile)} for name, profile in self.features.items()}
        return json.dumps({"features": features, "used": sorted(self.used)})

    @classmethod
    def from_json(cls, text: str) -> TrainingProfile:
        saved = json.loads(text)
        return cls({name: _loaded(**of) for name, of in saved["features"].items()}, frozenset(saved["used"]))

    def _drift(self, feature: str, values: NDArray[Any]) -> Drift:
        profile = self.features[feature]
        train = np.array(profile.counts)
        scored, ks = profile.compared(values)
        has_rows = train + scored > 0
        return Drift(
            feature=feature,
            kind=profile.kind,
            is_used=feature in self.used,
            psi=population_stability(train[has_rows], scored[has_rows]),
            ks=ks,
            bins=int(has_rows.sum()),
            train_missing_share=float(train[-1] / train.sum()),
            scored_missing_share=float(scored[-1] / scored.sum()),
            train_rows=int(train.sum()),
            scored_rows=int(scored.sum()),
            distribution=_distribution(profile.bins(), train, scored),
        )


def population_stability(train: NDArray[np.int64], scored: NDArray[np.int64]) -> float:
    """Return the population stability index of rows per bin: the sum of (q - p) * ln(q / p) over the shares p and q.

    Source: N. Siddiqi (2006), Credit Risk Scorecards, Wiley: below 0.1 little has changed, above 0.25 much has. Half a
    row of the smaller sample is added to each bin, as the same share in both samples: so the index is finite, and a bin
    that one of them leaves empty counts the same however large the other is. Of two samples of n and m rows of one
    distribution it is about (bins - 1) * (1 / n + 1 / m): B. Yurdakul (2018), Statistical Properties of Population
    Stability Index, Western Michigan University.
    """
    half_row = 0.5 / min(train.sum(), scored.sum())
    smoothed = [counts / counts.sum() + half_row for counts in (train, scored)]
    p, q = (shares / shares.sum() for shares in smoothed)
    return float(((q - p) * np.log(q / p)).sum())


def _distribution(bins: tuple[str, ...], train: NDArray[np.int64], scored: NDArray[np.int64]) -> tuple[Bin, ...]:
    """Return the bins that have rows on either side."""
    counted = map(Bin, bins, train.tolist(), scored.tolist())
    return tuple(each for each in counted if each.train_rows or each.scored_rows)


def _loaded(kind: str, **saved: Any) -> NumericProfile | CategoricalProfile:  # noqa: ANN401
    fields = {name: tuple(values) for name, values in saved.items()}
    return NumericProfile(**fields) if kind == NumericProfile.kind else CategoricalProfile(**fields)


def _profile(values: NDArray[Any]) -> NumericProfile | CategoricalProfile:
    return CategoricalProfile.of(values) if values.dtype == object else NumericProfile.of(values)


def _check_rows(what: str, columns: Columns) -> None:
    if not columns or not all(len(values) for values in columns.values()):
        msg = f"there are no {what} rows: build the warehouse on a log with users"
        raise NoRows(msg)


def _known(values: Floats) -> Floats:
    return np.sort(values[~np.isnan(values)])


def _quantiles(ordered: Floats, parts: int) -> Floats:
    """Return, for each k of 0 to parts, the smallest value that k / parts of the values do not exceed."""
    ranks = -(-np.arange(parts + 1) * len(ordered) // parts)
    quantiles: Floats = ordered[np.maximum(ranks, 1) - 1]
    return quantiles


def _edges(ordered: Floats) -> Floats:
    """Return the deciles, those that are equal merged: such a value has a bin of its own, and no bin is empty."""
    deciles, times = np.unique(_quantiles(ordered, BINS)[1:-1], return_counts=True)
    edges = np.union1d(deciles, np.nextafter(deciles[times > 1], -np.inf))
    rows_below = np.searchsorted(ordered, edges, side="right")
    merged: Floats = edges[(np.diff(rows_below, prepend=0) > 0) & (rows_below < len(ordered))]
    return merged


def _counts(edges: Floats, known: Floats, rows: int) -> NDArray[np.int64]:
    rows_below = np.searchsorted(known, edges, side="right")
    counts: NDArray[np.int64] = np.diff(rows_below, prepend=0, append=[len(known), rows])
    return counts


def _ks(quantiles: Floats, ordered: Floats) -> float:
    """Return the largest distance of the two distribution functions: they step at these values only."""
    steps = np.concatenate([quantiles, ordered])
    train = np.maximum(np.searchsorted(quantiles, steps, side="right") - 1, 0) / QUANTILES
    scored = np.searchsorted(ordered, steps, side="right") / len(ordered)
    return float(np.abs(train - scored).max())

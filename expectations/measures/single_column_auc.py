"""How well one column alone ranks a label: the AUC of each feature and label, and how sure it is.

No column is fitted to the label, so there is no in-sample optimism. Users are ranked against those of their own
snapshot date, and the pairs of all dates are pooled: of a service that was shut for weeks every user lapses, and what
tells the date would rank that label without a look into the future.

- A number ranks by its value. NULL has no rank of its own, so a number is measured three ways: over the rows where it
  is known, and over all rows with the NULLs lowest, then highest. (The last two rank no worse than NULL or not alone.)
- A string ranks by one of its levels against the rest, NULL being a level too: of one date, (1 + TPR - FPR) / 2.

A column that ranks backwards leaks as much, so an AUC below 0.5 counts as one minus itself.

How sure it is, Hanley and McNeil tell from the AUC and the size of both sides: "The Meaning and Use of the Area under a
Receiver Operating Characteristic (ROC) Curve", Radiology 143 (1982), p. 29-36. They take rows that do not depend on one
another, and the snapshots of a user do: so users count here, not rows, which errs on the side of silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]
    Numbers = NDArray[np.float64]

# In standard errors: once in a hundred times, an AUC that is 0.80 in truth passes for more. That 190 features times six
# labels are judged at once does no harm: for one of 0.65 to pass, it has to be off by twice as many.
CONFIDENCE_99 = 2.326
# Of fewer, the standard error is itself a guess: at an AUC of 1 it would be 0.
LEAST_ROWS, LEAST_USERS = 30, 20


@dataclass(frozen=True)
class Ranking:
    """How well a feature ranks a label, by the way that is surest to rank well (`ranked_by`).

    `auc` is NULL where one side of the label has no row, `lower_bound` where the sample is too small to judge by: less
    than 30 rows or 20 users with the label or without it. Else the true AUC lies above it with 99 % confidence.
    """

    feature: str
    label: str
    auc: float | None = None
    lower_bound: float | None = None
    ranked_by: str | None = None
    row_count: int = 0
    positive_count: int = 0
    positive_user_count: int = 0


def count(flags: NDArray[np.generic]) -> int:
    return int(np.count_nonzero(flags))


class Way(NamedTuple):
    """One way of ranking rows by a column."""

    name: str
    auc: float
    rows: Flags


@dataclass(frozen=True)
class Sides:
    """The rows of each date with a label (`positive`) and without it; each pair of the two is one to rank."""

    dates: NDArray[np.intp]
    positive: Flags

    def sizes(self, among: Flags | None = None) -> tuple[Numbers, Numbers]:
        """How many rows each date has of either side, among some of them."""
        every = np.ones_like(self.positive) if among is None else among
        with_it, without_it = every & self.positive, every & ~self.positive
        return _by_date(self.dates, with_it, self.dates), _by_date(self.dates, without_it, self.dates)

    def of_both(self) -> Flags:
        """The rows of dates that have both sides: those of other dates are in no pair."""
        with_it, without_it = self.sizes()
        both: Flags = (with_it * without_it > 0)[self.dates]
        return both

    def sums(self, ranks: Numbers) -> Numbers:
        """The ranks of the rows with the label, summed up by date."""
        return _by_date(self.dates[self.positive], ranks[self.positive], self.dates)


@dataclass(frozen=True)
class NumberColumn:
    """The ranks of a number among its known values of the same date (0 where it is unknown)."""

    known: Flags
    ranks: Numbers

    @classmethod
    def of(cls, values: Numbers, dates: NDArray[np.intp]) -> NumberColumn:
        known = ~np.isnan(values)
        # Dates in order, and values within: so many rows stand before those of a date.
        order = pd.Series(values).rank() + dates * (len(values) + 1.0)
        before = np.cumsum(_by_date(dates, known, dates))
        ranks = order.rank().fillna(0) - np.concatenate([[0], before])[dates] * known
        return cls(known, np.asarray(ranks, np.float64))

    def ways(self, sides: Sides) -> Iterator[Way]:
        known_with, known_without = sides.sizes(self.known)
        beaten = sides.sums(self.ranks) - known_with * (known_with + 1) / 2
        if known_pairs := (known_with * known_without).sum():
            yield Way("value", beaten.sum() / known_pairs, self.known)
        if not self.known.all():
            null_with, null_without = sides.sizes(~self.known)
            pairs = ((known_with + null_with) * (known_without + null_without)).sum()
            beaten = beaten + null_with * null_without / 2
            everywhere = np.ones_like(self.known)
            yield Way("value, NULL lowest", (beaten + known_with * null_without).sum() / pairs, everywhere)
            yield Way("value, NULL highest", (beaten + null_with * known_without).sum() / pairs, everywhere)


@dataclass(frozen=True)
class StringColumn:
    """The level of each row, as a number; the levels by that number."""

    codes: NDArray[np.intp]
    levels: Sequence[str]

    @classmethod
    def of(cls, values: pd.Series[str]) -> StringColumn:
        codes, levels = pd.factorize(values, use_na_sentinel=False)
        return cls(codes, ["NULL" if pd.isna(level) else str(level) for level in levels])

    def ways(self, sides: Sides) -> Iterator[Way]:
        with_it, without_it = sides.sizes()
        shape = (len(with_it), len(self.levels))
        of_level = sides.dates * shape[1] + self.codes
        found, false_alarms = (
            np.bincount(of_level[side], minlength=shape[0] * shape[1]).reshape(shape)
            for side in (sides.positive, ~sides.positive)
        )
        beaten = (found * without_it[:, None] - false_alarms * with_it[:, None] + (with_it * without_it)[:, None]) / 2
        aucs = beaten.sum(axis=0) / (with_it * without_it).sum()
        best = int(np.argmax(np.abs(aucs - 0.5)))
        yield Way(f"is {self.levels[best]}", aucs[best], np.ones_like(sides.positive))


def rankings(rows: pd.DataFrame, features: Sequence[str], labels: Sequence[str]) -> list[Ranking]:
    """Return one ranking for each feature and label, from one row per user (`user_id`) and `as_of_date`.

    Features are numbers (NaN: NULL) or strings, labels 1, 0 or NaN. A label counts on the dates on which it is known of
    every user: where a horizon is still open, only the outcomes already seen are known, and to be known is to have one.
    """
    users = pd.factorize(rows["user_id"])[0]
    on_complete_dates: dict[bytes, list[str]] = {}
    for label in labels:
        complete = rows[label].notna().groupby(rows["as_of_date"]).transform("all").to_numpy(bool)
        on_complete_dates.setdefault(complete.tobytes(), []).append(label)
    found = []
    for mask, known_labels in on_complete_dates.items():
        complete = np.frombuffer(mask, bool)
        dates = pd.factorize(rows["as_of_date"][complete])[0]
        sides = {label: Sides(dates, rows[label].to_numpy()[complete] == 1) for label in known_labels}
        for feature in features:
            values = rows[feature][complete]
            is_number = pd.api.types.is_numeric_dtype(values)
            column = NumberColumn.of(values.to_numpy(np.float64), dates) if is_number else StringColumn.of(values)
            found += [_best(feature, label, column, users[complete], has) for label, has in sides.items()]
    return found


def auc_error(auc: float, positives: int, negatives: int) -> float:
    """Return the standard error of an AUC on so many rows that do not depend on one another (Hanley, McNeil 1982)."""
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (positives - 1) * (q1 - auc**2) + (negatives - 1) * (q2 - auc**2)
    return sqrt(max(spread, 0) / (positives * negatives))


def lower_bound(auc: float, positive_users: int, negative_users: int) -> float:
    """Return what the true AUC lies above with 99 % confidence, of an estimate of 0.5 or more."""
    return auc - CONFIDENCE_99 * auc_error(auc, positive_users, negative_users)


def _by_date(dates: NDArray[np.intp], values: Numbers | Flags, every: NDArray[np.intp]) -> Numbers:
    """Sum values up by their date, for each date of all."""
    return np.asarray(np.bincount(dates, values, every.max(initial=-1) + 1), np.float64)


def _best(
    feature: str, label: str, column: NumberColumn | StringColumn, users: NDArray[np.intp], sides: Sides
) -> Ranking:
    if not sides.of_both().any():
        return Ranking(feature, label, row_count=sides.positive.size, positive_count=count(sides.positive))
    return max(
        (_ranking(feature, label, way, users, sides) for way in column.ways(sides)),
        key=lambda ranking: (ranking.lower_bound or 0, ranking.auc or 0),
    )


def _ranking(feature: str, label: str, way: Way, users: NDArray[np.intp], sides: Sides) -> Ranking:
    auc = float(max(way.auc, 1 - way.auc))
    rows = way.rows & sides.of_both()
    (positives, positive_users), (negatives, negative_users) = (
        (count(side), count(np.bincount(users[side]))) for side in (rows & sides.positive, rows & ~sides.positive)
    )
    is_enough = min(positives, negatives) >= LEAST_ROWS and min(positive_users, negative_users) >= LEAST_USERS
    return Ranking(
        feature=feature,
        label=label,
        auc=auc,
        lower_bound=lower_bound(auc, positive_users, negative_users) if is_enough else None,
        ranked_by=way.name,
        row_count=positives + negatives,
        positive_count=positives,
        positive_user_count=positive_users,
    )

"""Classes of users that behave alike, and how likely a user belongs to each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models_ml.portable.rate import filled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models_ml.portable.rate import Columns


@dataclass(frozen=True)
class BehaviourClasses:
    """A mixture of Poisson processes: users of class k do page p at `rates[k][p]` per unit of its exposure.

    `counts` and `exposures` name a column each for every page, `shares` are the classes' parts of all users, the
    largest first. The posterior of a user is a softmax of linear functions of the user's counts and exposures: with no
    history it is `shares`, with much it is nearly certain.
    Source: G. McLachlan and D. Peel, Finite Mixture Models (2000), section 1.15; fitted by EM in `dataset.mixture`.
    """

    counts: tuple[str, ...]
    exposures: tuple[str, ...]
    shares: tuple[float, ...]
    rates: tuple[tuple[float, ...], ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"behaviour_{number}" for number in range(1, len(self.shares) + 1))

    @property
    def sql(self) -> tuple[str, ...]:
        """The posterior of each class, as 1 over the sum of the odds of all classes against it."""
        logs = [self._sql_of_class(number) for number in range(len(self.shares))]
        return tuple(f"1D / ({' + '.join(f'exp(({other}) - ({log}))' for other in logs)})" for log in logs)

    def values(self, columns: Columns) -> NDArray[np.float64]:
        """Return the posterior, [rows, classes]; rows sum to 1."""
        return posterior(*self.seen(columns), np.array(self.shares), np.array(self.rates))

    def seen(self, columns: Columns) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return counts and exposures, [rows, pages]; what is missing is 0."""
        counts, exposures = (
            np.stack([np.nan_to_num(columns[name], nan=0.0) for name in names], axis=1)
            for names in (self.counts, self.exposures)
        )
        return counts, exposures

    def _sql_of_class(self, number: int) -> str:
        rates = self.rates[number]
        seen = [f"{filled(name)} * {float(np.log(rate))!r}D" for name, rate in zip(self.counts, rates, strict=True)]
        expected = [f"{filled(name)} * {-rate!r}D" for name, rate in zip(self.exposures, rates, strict=True)]
        return " + ".join([f"{float(np.log(self.shares[number]))!r}D", *seen, *expected])


def posterior(
    counts: NDArray[np.float64], exposures: NDArray[np.float64], shares: NDArray[np.float64], rates: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the probability of each class given counts and exposures [rows, pages]; rates are [classes, pages]."""
    logs = joint_log_likelihood(counts, exposures, shares, rates)
    odds = np.exp(logs - logs.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float64] = odds / odds.sum(axis=1, keepdims=True)
    return probabilities


def joint_log_likelihood(
    counts: NDArray[np.float64], exposures: NDArray[np.float64], shares: NDArray[np.float64], rates: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the log likelihood of each row together with each class, up to a term that no class changes."""
    logs: NDArray[np.float64] = np.log(shares) + counts @ np.log(rates).T - exposures @ rates.T
    return logs

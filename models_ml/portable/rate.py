"""A user's rate, shrunk to the population by the amount of history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Rate:
    """log((count + prior_count) / (exposure + prior_exposure)): the posterior mean of a Poisson rate, as its log.

    The gamma prior with shape `prior_count` and rate `prior_exposure` is the population's: a user with little history
    has the population's rate, a user with much has their own. A missing count or exposure counts as none.
    Source: A. Gelman et al., Bayesian Data Analysis (2013), section 2.6.
    """

    name: str
    count: str
    exposure: str
    prior_count: float
    prior_exposure: float

    @property
    def sql(self) -> str:
        count, exposure = (f"{filled(column)} + {prior!r}D" for column, prior in self._terms)
        return f"ln(({count}) / ({exposure}))"

    def values(self, columns: Columns) -> NDArray[np.float64]:
        count, exposure = (np.nan_to_num(columns[column], nan=0.0) + prior for column, prior in self._terms)
        logs: NDArray[np.float64] = np.log(count / exposure)
        return logs

    @property
    def _terms(self) -> tuple[tuple[str, float], tuple[str, float]]:
        return (self.count, self.prior_count), (self.exposure, self.prior_exposure)


def filled(column: str) -> str:
    """A count in SQL: a double, 0 where it is missing, as NULL or NaN."""
    return f"coalesce(nullif(cast(`{column}` as double), double('NaN')), 0D)"

"""What the training rows teach about rates: the population's prior of each, and the classes of users that behave alike.

Neither looks at a label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import minimize  # type: ignore[import-untyped]
from scipy.special import gammaln, logsumexp  # type: ignore[import-untyped]

from models_ml.portable.behaviour import BehaviourClasses, joint_log_likelihood, posterior
from models_ml.portable.rate import Rate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from models_ml.portable.rate import Columns

STARTS = 5
STEPS = 150
MOST_CLASSES = 8
# As if each class had been seen to do what all users do, so many times: no rate is 0, and none rests on one user.
PSEUDO_COUNT = 5.0
# Exposures of 0 are common (nobody on paid plays songs on free); a rate needs something to be per.
LEAST_EXPOSURE = 1e-6


class Mixture(NamedTuple):
    """A fitted mixture: what it reached, [classes] shares and [classes, pages] rates."""

    log_likelihood: float
    shares: NDArray[np.float64]
    rates: NDArray[np.float64]


def shrunk_rate(name: str, count: str, exposure: str, users: Columns, *, zero_truncated: bool = False) -> Rate:
    """Fit the gamma prior of a rate to one row a user, by maximum likelihood of the negative binomial.

    `zero_truncated` says that a user has a row only once the count is 1 or more: the likelihood of each count is then
    the one given that it is not 0, and the prior that of all users, of whom the quietest are not seen yet. Without it,
    the rate of users with short exposures comes out too high.

    Sources: A. Gelman et al., Bayesian Data Analysis (2013), section 2.6 and exercise 2.21; A. Cameron and P. Trivedi,
    Regression Analysis of Count Data (2013), section 4.3 (truncated counts).
    """
    counts, exposures = np.nan_to_num(users[count]), np.nan_to_num(users[exposure])
    if zero_truncated:
        is_seen = counts > 0
        counts, exposures = counts[is_seen], np.maximum(exposures[is_seen], LEAST_EXPOSURE)
    mean = (counts.sum() + 0.5) / (exposures.sum() + 1.0)

    def negative_log_likelihood(logs: NDArray[np.float64]) -> float:
        shape, rate = np.exp(logs)
        log_of_none = shape * np.log(rate / (rate + exposures))
        likelihood = gammaln(counts + shape) - gammaln(shape) + log_of_none - counts * np.log(rate + exposures)
        return -float((likelihood - np.log(-np.expm1(log_of_none)) if zero_truncated else likelihood).sum())

    bounds = [(np.log(1e-2), np.log(1e3))] * 2
    start = np.clip([0.0, -np.log(mean)], *bounds[0])
    found = minimize(negative_log_likelihood, start, method="L-BFGS-B", bounds=bounds)
    shape, rate = np.exp(found.x)
    return Rate(name, count, exposure, float(shape), float(rate))


def behaviour_classes(pages: Mapping[str, str], users: Columns, seed: int) -> BehaviourClasses:
    """Fit the mixture to one row a user, by EM from several starts; `pages` maps the column of a count to its exposure.

    There are as many classes as the Bayesian information criterion asks for.
    Sources: A. Dempster, N. Laird and D. Rubin (1977), Maximum likelihood from incomplete data via the EM algorithm;
    G. Schwarz (1978), Estimating the dimension of a model.
    """
    counts = np.stack([np.nan_to_num(users[name]) for name in pages], axis=1)
    exposures = np.stack([np.nan_to_num(users[name]) for name in pages.values()], axis=1) + LEAST_EXPOSURE
    best: Mixture | None = None
    for classes in range(1, MOST_CLASSES + 1):
        fitted = _best_of_starts(counts, exposures, classes, seed)
        if best and _information_criterion(fitted, len(counts)) >= _information_criterion(best, len(counts)):
            break
        best = fitted
    _, shares, rates = best or _best_of_starts(counts, exposures, 1, seed)
    order = np.argsort(-shares, kind="stable")
    return BehaviourClasses(
        counts=tuple(pages),
        exposures=tuple(pages.values()),
        shares=tuple(float(share) for share in shares[order]),
        rates=tuple(tuple(float(rate) for rate in row) for row in rates[order]),
    )


def _information_criterion(fitted: Mixture, rows: int) -> float:
    free = fitted.rates.size + fitted.shares.size - 1
    return -2 * fitted.log_likelihood + free * float(np.log(rows))


def _best_of_starts(counts: NDArray[np.float64], exposures: NDArray[np.float64], classes: int, seed: int) -> Mixture:
    rng = np.random.default_rng(seed)
    fits = [_expectation_maximisation(counts, exposures, classes, rng) for _ in range(STARTS if classes > 1 else 1)]
    return max(fits, key=lambda fit: fit.log_likelihood)


def _expectation_maximisation(
    counts: NDArray[np.float64], exposures: NDArray[np.float64], classes: int, rng: np.random.Generator
) -> Mixture:
    overall = (counts.sum(axis=0) + PSEUDO_COUNT) / (exposures.sum(axis=0) + 1.0)
    rates = overall * np.exp(rng.normal(0.0, 0.5, (classes, counts.shape[1])))
    shares = np.full(classes, 1.0 / classes)
    for _ in range(STEPS):
        member = posterior(counts, exposures, shares, rates)
        shares = (member.sum(axis=0) + 1.0) / (len(counts) + classes)
        rates = (member.T @ counts + PSEUDO_COUNT) / (member.T @ exposures + PSEUDO_COUNT / overall)
    reached = logsumexp(joint_log_likelihood(counts, exposures, shares, rates), axis=1).sum()
    return Mixture(float(reached), shares, rates)

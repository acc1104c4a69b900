"""Counts of rare things among many: limits of their mean, and whether their share has changed."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.stats import binom, chi2  # type: ignore[import-untyped]


@dataclass(frozen=True)
class Change:
    """How many times the share of before that of now is, and how often chance makes as much of it."""

    ratio: float
    chance: float


def least_mean(count: int, confidence: float = 0.995) -> float:
    """The mean at which one in two hundred Poisson counts is as large: the exact lower limit of 99.5 % confidence."""
    return float(chi2.ppf(1 - confidence, 2 * count) / 2) if count else 0.0


def change(now: int, of_now: int, before: int, of_before: int) -> Change:
    """Compare two counts among so many; given their sum, one of them is binomial (Przyborowski, Wilenski 1940)."""
    if not (of_now and of_before and now + before):
        return Change(1.0, 1.0)
    share = of_now / (of_now + of_before)
    ratio = now / of_now / (before / of_before) if before else float("inf")
    as_many = binom.sf(now - 1, now + before, share) if ratio > 1 else binom.cdf(now, now + before, share)
    return Change(ratio, float(as_many))


def psi_limit(limit: float, chance: float, bins: int, train_rows: int, scored_rows: int) -> float:
    """Return the population stability index that two samples of one distribution, `limit` apart, keep below.

    Of n and m rows of one distribution, the index is about (1 / n + 1 / m) times a chi-square of one degree of freedom
    less than bins (B. Yurdakul 2018, Statistical Properties of Population Stability Index, Western Michigan
    University): its mean alone would, among some hundred columns, be passed by chance at every small snapshot.
    """
    return float(limit + (1 / train_rows + 1 / scored_rows) * chi2.ppf(chance, max(1, bins - 1)))

"""Champion and challenger: which version scores from now on, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from models_ml.evaluation.metrics import difference

if TYPE_CHECKING:
    from models_ml.dataset.matrix import Matrix
    from models_ml.evaluation.weighted_metrics import Scored

AUTO, NEVER, FORCE = "auto", "never", "force"
METRIC = "average_precision"
# The most that all challengers on the same test rows together may owe to chance, of those that are no better.
ERROR_RATE = 0.05


@dataclass(frozen=True)
class Promotion:
    """Whether a new version became champion, and why.

    `tries` says which challenger on these test rows it was, 0 where there was no champion to compare it with.
    """

    promoted: bool
    reason: str
    tries: int = field(default=0, compare=False)


@dataclass(frozen=True, eq=False)
class Champion:
    """The version that scores until now: what it says of the challenger's test rows, None where it cannot.

    `earlier_tries` counts the challengers that have been compared with a champion on these test rows already.
    """

    model_version: str
    scored: Scored | None
    fault: str = ""
    earlier_tries: int = 0


def decide(challenger: Scored, champion: Champion | None, test: Matrix, policy: str) -> Promotion:
    """Promote a challenger that beats the champion on the same test rows by more than chance, if the policy is `auto`.

    Beyond chance is: the interval of the difference in average precision, over resamples of users, lies above 0. The
    interval is of 95 % for the first challenger on these test rows, and of more for each that is tried after it.
    """
    if champion is None:
        return Promotion(policy != NEVER, "first version of its label")
    if champion.scored is None:
        unable = f"the champion {champion.model_version} cannot score any more: {champion.fault}"
        return Promotion(policy != NEVER, unable)
    tries = champion.earlier_tries + 1
    gain = difference(test.users, test.labels, champion.scored, challenger, METRIC, confidence=confidence_of(tries))
    compared = (
        f"average precision {gain.value:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}] against {champion.model_version} "
        f"on {len(test)} test rows"
    )
    if tries > 1:
        compared += f"; try {tries} on these test rows: needs {100 * confidence_of(tries):.3g} %"
    if policy != AUTO:
        return Promotion(policy == FORCE, f"by --promote {policy}; {compared}", tries)
    verdict = "beats the champion by more than chance" if gain.low > 0 else "does not beat the champion beyond chance"
    return Promotion(gain.low > 0, f"{verdict}: {compared}", tries)


def confidence_of(tries: int) -> float:
    """Return the confidence of the interval that the k-th challenger on the same test rows is judged by.

    An interval above 0 is a one-sided test at half of what its confidence leaves. The k-th may err with probability
    ERROR_RATE / (k * (k + 1)): over however many tries that adds up to ERROR_RATE at most, and leaves the first 95 %.
    Sources: K. Lan and D. DeMets (1983), Discrete sequential boundaries for clinical trials, Biometrika 70, p. 659-663
    (spending an error rate); W. Thompson et al. (2020), Dataset decay and the problem of sequential analyses on open
    datasets, eLife 9:e53498 (of tests on the same data).
    """
    return 1 - 2 * ERROR_RATE / (tries * (tries + 1))

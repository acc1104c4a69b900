"""The arms of a campaign and what their difference tells: arithmetic on counts, without Spark."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, hypot, sqrt
from statistics import NormalDist

from models_ml.evaluation.metrics import Interval
from models_ml.evaluation.reliability import CONFIDENCE_95, wilson_interval

TREATMENT, CONTROL = "treatment", "control"
# In each arm, for a verdict.
LEAST_USERS = 30


@dataclass(frozen=True)
class Arm:
    """Users of an arm: all on the list, those whose outcome is known, those of them who left."""

    users: int = 0
    known: int = 0
    left: int = 0

    @property
    def churn_rate(self) -> float | None:
        return self.left / self.known if self.known else None


def reduction_interval(control: Arm, treatment: Arm) -> Interval:
    """Return churn rate of control less that of treatment, with its 95 % interval; both arms have known outcomes.

    Newcombe (1998), Interval estimation for the difference between independent proportions, Statistics in Medicine
    17:873-890, method 10: the hybrid of two Wilson score intervals, without continuity correction.
    """
    without, offered = _wilson(control), _wilson(treatment)
    reduction = without.value - offered.value
    low = reduction - hypot(without.value - without.low, offered.high - offered.value)
    high = reduction + hypot(without.high - without.value, offered.value - offered.low)
    return Interval(reduction, low, high)


def users_needed(churn_rate: float, save_rate: float, power: float = 0.8) -> int:
    """Return the users of each arm that show a churn rate of (1 - save_rate) * churn_rate against churn_rate, at 5 %.

    Two-sided test of two proportions: Fleiss, Levin and Paik (2003), Statistical Methods for Rates and Proportions,
    chapter 4, without continuity correction.
    """
    offered = churn_rate * (1 - save_rate)
    mean = (churn_rate + offered) / 2
    by_chance = CONFIDENCE_95 * sqrt(2 * mean * (1 - mean))
    by_effect = NormalDist().inv_cdf(power) * sqrt(churn_rate * (1 - churn_rate) + offered * (1 - offered))
    return ceil(((by_chance + by_effect) / (churn_rate - offered)) ** 2)


def obstacle_to(treatment: Arm, control: Arm) -> str | None:
    """Why no effect can be told, None if one can."""
    users, known = treatment.users + control.users, treatment.known + control.known
    if not control.users or not treatment.users:
        missing = "user in control" if treatment.users else "offer"
        return f"there is no {missing}: no effect can be told, draw the next campaign with another holdout"
    # A label is known early only of who left: that somebody stayed is known once the horizon is over.
    if known < users and known == treatment.left + control.left:
        return f"the outcome is not over: known are only {known:,} of {users:,} users, those who left: measure later"
    if not control.known or not treatment.known:
        return f"no outcome is known of one of the arms ({known:,} of {users:,} users): build on a longer log"
    return None


def is_open(treatment: Arm, control: Arm) -> bool:
    """Whether chance alone may be behind the difference; both arms have known outcomes.

    An interval holds on the average of many draws; three users who all left are no ground to praise an offer.
    """
    reduction = reduction_interval(control, treatment)
    return min(treatment.known, control.known) < LEAST_USERS or reduction.low <= 0 <= reduction.high


def _wilson(arm: Arm) -> Interval:
    """The churn rate of an arm and its score interval."""
    share = arm.left / arm.known
    return Interval(share, *wilson_interval(share, arm.known))

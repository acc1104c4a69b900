"""Champion and challenger: which version scores from now on, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models_ml.metrics import difference

if TYPE_CHECKING:
    from models_ml.rows import Rows
    from models_ml.weighted_metrics import Scored

AUTO, NEVER, FORCE = "auto", "never", "force"
POLICIES = (AUTO, NEVER, FORCE)
METRIC = "average_precision"


@dataclass(frozen=True)
class Promotion:
    """Whether a new version became champion, and why."""

    promoted: bool
    reason: str


@dataclass(frozen=True, eq=False)
class Champion:
    """The version that scores until now: what it says of the challenger's test rows, None where it cannot."""

    model_version: str
    scored: Scored | None
    fault: str = ""


def decide(challenger: Scored, champion: Champion | None, test: Rows, policy: str) -> Promotion:
    """Promote a challenger that beats the champion on the same test rows by more than chance, if the policy is `auto`.

    Beyond chance is: the 95 % interval of the difference in average precision, over resamples of users, lies above 0.
    """
    if champion is None:
        return Promotion(policy != NEVER, "first version of its label")
    if champion.scored is None:
        unable = f"the champion {champion.model_version} cannot score any more: {champion.fault}"
        return Promotion(policy != NEVER, unable)
    gain = difference(test.users, test.labels, champion.scored, challenger, METRIC)
    compared = (
        f"average precision {gain.value:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}] against {champion.model_version} "
        f"on {len(test)} test rows"
    )
    if policy != AUTO:
        return Promotion(policy == FORCE, f"by --promote {policy}; {compared}")
    verdict = "beats the champion by more than chance" if gain.low > 0 else "does not beat the champion beyond chance"
    return Promotion(gain.low > 0, f"{verdict}: {compared}")

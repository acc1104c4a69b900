"""What the numbers of the retrospective protocol say, in words."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, sqrt
from typing import TYPE_CHECKING

from models_ml.evaluation.reliability import CONFIDENCE_95

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from models_ml.experiments.retrospective.protocol import RetrospectiveRow

LEAKING, WITHOUT_CANCEL = "with the leaking columns", "without the Cancel flow"
AS_OF_ONE_DATE = "as of one date for all"
NOBODY, ALONE = "nobody churns", " alone"


@dataclass(frozen=True)
class Variant:
    """The rows of a variant that the text speaks of; `best` is that of the three models with the best weighted F1."""

    best: RetrospectiveRow
    alone: RetrospectiveRow
    nobody: RetrospectiveRow

    @classmethod
    def of(cls, rows: Sequence[RetrospectiveRow], variant: str) -> Variant:
        by_model = {row.model: row for row in rows if row.variant == variant}
        nobody = by_model.pop(NOBODY)
        alone = by_model.pop(next(model for model in by_model if model.endswith(ALONE)))
        return cls(max(by_model.values(), key=lambda row: row.weighted_f1), alone, nobody)


def retrospective_text(
    rows: Sequence[RetrospectiveRow], as_of: date, horizon_days: int, too_few: str | None = None
) -> str:
    """Return one paragraph; the rows are those of all three variants, or of the first two and `too_few` says why."""
    leaking, truncated = (Variant.of(rows, name) for name in (LEAKING, WITHOUT_CANCEL))
    sentences = [_leaking(leaking), _truncated(leaking, truncated)]
    if too_few:
        return " ".join([*sentences, f"What is left as of {as_of}, asked alike for all, cannot be said: {too_few}."])
    honest = Variant.of(rows, AS_OF_ONE_DATE)
    sentences += [
        _honest(honest, as_of, horizon_days),
        _weighted_f1_compared(truncated, honest),
        _ranking_compared(truncated, honest),
    ]
    return " ".join(sentences)


def auc_error(row: RetrospectiveRow) -> float:
    """Return the standard error of the AUC.

    Source: J. Hanley and B. McNeil (1982), The meaning and use of the area under a ROC curve, Radiology 143, p. 29-36.
    """
    auc, churners, others = row.auc, row.churners, row.users - row.churners
    two_churners, two_others = auc / (2 - auc) - auc**2, 2 * auc**2 / (1 + auc) - auc**2
    variance = auc * (1 - auc) + (churners - 1) * two_churners + (others - 1) * two_others
    return sqrt(variance / (churners * others))


def _leaking(variant: Variant) -> str:
    nobody = variant.nobody
    return (
        f"Of {nobody.users} test users drawn at random, {nobody.churners} churned at some time in the log. To say that "
        f"nobody churns scores a weighted F1 of {nobody.weighted_f1:.3f} and an accuracy of {nobody.accuracy:.1%}, and "
        f"finds not one churner. With the leaking columns the best of the three models, {variant.best.model}, scores "
        f"{_scores(variant.best)}; {variant.alone.model} {_scores(variant.alone)}. That is no forecast: churn is "
        "defined by the Cancellation Confirmation page, and the columns count it."
    )


def _truncated(leaking: Variant, variant: Variant) -> str:
    return (
        f"Without the Cancel flow and the user id, {variant.best.model} scores {_scores(variant.best)}: weighted F1 is "
        f"{_beside(variant.best, leaking.best)} that with them on the same users, and {_beside_nobody(variant)}. But "
        "every life still ends at the user's own last event, a churner's at the cancellation, and a column may tell: "
        f"{variant.alone.model} scores {_scores(variant.alone)}."
    )


def _honest(variant: Variant, as_of: date, horizon_days: int) -> str:
    nobody = variant.nobody
    return (
        f"As of {as_of} for all, asked who churns within {horizon_days} days, {nobody.churners} of {nobody.users} test "
        f"users do, and to say that nobody does scores a weighted F1 of {nobody.weighted_f1:.3f}; {variant.best.model} "
        f"scores {_scores(variant.best)}: {_beside_nobody(variant)}."
    )


def _weighted_f1_compared(truncated: Variant, honest: Variant) -> str:
    return (
        f"From the second question to the third, the best weighted F1 goes from {truncated.best.weighted_f1:.3f} to "
        f"{honest.best.weighted_f1:.3f}, that of nobody churns from {truncated.nobody.weighted_f1:.3f} to "
        f"{honest.nobody.weighted_f1:.3f}: only what a model adds to the latter is its own."
    )


def _ranking_compared(truncated: Variant, honest: Variant) -> str:
    """AUC does not depend on the share of churners, so it compares the two questions."""
    before, after = truncated.best, honest.best
    chance = CONFIDENCE_95 * hypot(auc_error(before), auc_error(after))
    if abs(after.auc - before.auc) <= chance:
        verdict = "no more than chance may explain with so few churners"
    else:
        verdict = f"{'worse' if after.auc < before.auc else 'better'} beyond chance"
    return (
        "The ranking, which does not depend on the share of churners, goes from AUC "
        f"{before.auc:.3f} ± {CONFIDENCE_95 * auc_error(before):.3f} to "
        f"{after.auc:.3f} ± {CONFIDENCE_95 * auc_error(after):.3f} (95 %): {verdict}."
    )


def _scores(row: RetrospectiveRow) -> str:
    return f"weighted F1 {row.weighted_f1:.3f}, F1 of churners {row.f1:.3f}, AUC {row.auc:.3f}"


def _beside_nobody(variant: Variant) -> str:
    return f"{_beside(variant.best, variant.nobody)} that of nobody churns"


def _beside(row: RetrospectiveRow, other: RetrospectiveRow) -> str:
    # Of the rounded numbers: the reader sees these.
    difference = round(round(row.weighted_f1, 3) - round(other.weighted_f1, 3), 3)
    return f"{abs(difference):.3f} {'above' if difference > 0 else 'below'}" if difference else "the same as"

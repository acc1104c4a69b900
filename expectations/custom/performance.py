"""Expectations about what became of the users that a champion scored."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, ClassVar

from expectations.custom.collected import METRIC
from expectations.custom.judged import Judged, Verdict
from expectations.measures.single_column_auc import auc_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Row


class _OfPerformance(Judged):
    """Of the row of the label `column`; `chance` is how often a champion that does as tested breaks the rule."""

    metric_dependencies: ClassVar[tuple[str, ...]] = (METRIC,)

    def judge(self, measured: Sequence[Row]) -> Verdict:
        return self.of_row(next(row for row in measured if row.label == self.column))

    def of_row(self, row: Row) -> Verdict:
        raise NotImplementedError


class ExpectOutcomesAsForetold(_OfPerformance):
    """As many users have the outcome as the probabilities add up to, but for chance."""

    def of_row(self, row: Row) -> Verdict:
        # Of rows of unequal probabilities the variance is smaller: this is the most that it can be (by Jensen).
        foretold = row.rows * row.mean_probability
        by_chance = NormalDist().inv_cdf(1 - self.limits["chance"] / 2) * sqrt(foretold * (1 - row.mean_probability))
        observed = f"{row.positives} of {row.rows:,} users as of {row.as_of_date} with {row.model_version}"
        beyond = abs(row.positives - foretold) - by_chance
        expectation = f", foretold {foretold:.1f} ± {by_chance:.1f}"
        return Verdict(beyond <= 0, observed + expectation, row.rows, excess=max(0.0, beyond))


class ExpectRankingAsTested(_OfPerformance):
    """The AUC is no lower than the lower end of that of the test, but for chance."""

    def of_row(self, row: Row) -> Verdict:
        if row.auc is None or row.tested_auc is None:
            return Verdict(success=True, observed="no AUC to compare", looked_at=row.rows)
        error = NormalDist().inv_cdf(1 - self.limits["chance"]) * auc_error(
            row.tested_auc, row.positives, row.rows - row.positives
        )
        observed = (
            f"AUC {row.auc:.3f} as of {row.as_of_date} with {row.model_version}, in the test at least "
            f"{row.tested_auc:.3f}, here ± {error:.3f}"
        )
        beyond = row.tested_auc - error - row.auc
        return Verdict(beyond <= 0, observed, row.rows, excess=max(0.0, beyond))

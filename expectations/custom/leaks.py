"""Expectations about how well each column alone ranks a label."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from expectations.custom.collected import METRIC
from expectations.custom.judged import Judged, Verdict
from expectations.measures.single_column_auc import LEAST_ROWS, LEAST_USERS
from expectations.suite import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Row


class ExpectNoColumnToTellLabel(Judged):
    """No feature that is not excused ranks the label `column` with an AUC that is surely above a limit."""

    metric_dependencies: ClassVar[tuple[str, ...]] = (METRIC,)

    def judge(self, measured: Sequence[Row]) -> Verdict:
        own = [row for row in measured if row.label == self.column and not row.is_excused]
        leaking = sorted(
            (row for row in own if (row.lower_bound or 0) > self.limits["auc"]), key=lambda row: -(row.auc or 0)
        )
        best = leaking[0] if leaking else max(own, key=lambda row: (row.lower_bound or 0, row.auc or 0), default=None)
        observed = f"{best.feature} with an AUC of {best.auc or 0:.3f} ({_evidence(best)})" if best else "no column"
        return Verdict(
            success=not leaking,
            observed=observed,
            looked_at=len(own),
            broken=len(leaking),
            examples=tuple(f"{row.feature} AUC={row.auc:.3f}" for row in leaking[:EXAMPLES]),
            excess=len(leaking),
        )


def _evidence(row: Row) -> str:
    rows = f"{row.positive_count} of {row.row_count} rows, of {row.positive_user_count} users, have it"
    if row.lower_bound is None:
        return f"too little to judge by: {rows}; it takes {LEAST_ROWS} rows of {LEAST_USERS} users with it and without"
    return f"at least {row.lower_bound:.3f} with 99 % confidence, by {row.ranked_by}; {rows}"

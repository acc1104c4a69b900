"""Expectations about what a champion scored last, beside what it was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from expectations.custom.collected import METRIC
from expectations.custom.judged import Judged, Verdict
from expectations.measures.rates import psi_limit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Row

SCORE = "score"
NAMED = 3


class _OfDrift(Judged):
    """Of the rows of the label `column`, those looked at have not moved by more than the limit and what chance adds.

    Where the version knows all outcomes that there were, its newest snapshot may be unlike those it was trained on, as
    the windows of a young log fill up: to train anew would change nothing, and nothing is broken.
    """

    metric_dependencies: ClassVar[tuple[str, ...]] = (METRIC,)

    def looked_at(self, row: Row) -> bool:
        raise NotImplementedError

    def judge(self, measured: Sequence[Row]) -> Verdict:
        rows = [row for row in measured if row.label == self.column and self.looked_at(row)]
        moved = [row for row in rows if row.psi > self._limit(row)]
        broken = [row for row in moved if row.is_outdated]
        observed = self.said(rows, moved)
        if moved and not broken:
            observed += ", and the version knows all outcomes that there are"
        return Verdict(
            success=not broken,
            observed=observed,
            looked_at=len(rows),
            broken=len(broken),
            examples=tuple(self._example(row) for row in broken),
            excess=len(broken),
        )

    def said(self, rows: Sequence[Row], moved: Sequence[Row]) -> str:
        raise NotImplementedError

    def _limit(self, row: Row) -> float:
        return psi_limit(self.limits["psi"], self.limits["chance"], row.bins, row.train_rows, row.scored_rows)

    def _example(self, row: Row) -> str:
        ks = "" if row.ks is None else f" KS={row.ks:.2f}"
        return f"{row.feature} PSI={row.psi:.3f} limit={self._limit(row):.3f}{ks}"


class ExpectScoreAsInTraining(_OfDrift):
    """The scores are distributed as those of the training rows."""

    def looked_at(self, row: Row) -> bool:
        return bool(row.feature == SCORE)

    def said(self, rows: Sequence[Row], moved: Sequence[Row]) -> str:
        del moved
        return f"PSI {rows[0].psi:.3f}" if rows else "no score"


class ExpectInputsAsInTraining(_OfDrift):
    """So are the columns that the model reads; others may move."""

    def looked_at(self, row: Row) -> bool:
        return bool(row.feature != SCORE)

    def said(self, rows: Sequence[Row], moved: Sequence[Row]) -> str:
        if not moved:
            return f"0 of {len(rows)} inputs have moved"
        first = ", ".join(row.feature for row in moved[:NAMED])
        more = f" and {len(moved) - NAMED} more" if len(moved) > NAMED else ""
        return f"{len(moved)} of {len(rows)} inputs have moved since training: {first}{more}"

"""Expectations about the cells of very many columns, all of which one pass over the rows counts.

What a column may hold travels with it, as metadata in the schema of the rows: so one metric knows of all columns, and
an Expectation of its own only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from great_expectations.execution_engine import SparkDFExecutionEngine
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from pyspark.sql import functions as F

from expectations.custom.judged import Judged, Verdict
from expectations.custom.tallies import MISSING, OUTSIDE, UNEXPECTED, ColumnRule, tallies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import Column, DataFrame

    from expectations.custom.tallies import Tally

METRIC = "table.cell_tallies"
KEY = "key"


def ruled_rows(table: DataFrame, key: Column, rules: Mapping[str, ColumnRule]) -> DataFrame:
    """The rows that the metric reads: a key as text, a column for each rule, and one for each condition of NULL.

    Raises AnalysisException when a rule is not an expression of the table's columns.
    """
    conditions = sorted({rule.null_where for rule in rules.values() if rule.null_where is not None})
    columns = [
        F.expr(rule.value).alias(
            name,
            metadata={
                "lowest": rule.lowest,
                "highest": rule.highest,
                "condition": -1 if rule.null_where is None else conditions.index(rule.null_where),
            },
        )
        for name, rule in rules.items()
    ]
    return table.select(
        key.alias(KEY), *columns, *(F.expr(each).alias(f"condition {n}") for n, each in enumerate(conditions))
    )


class CellTallies(TableMetricProvider):
    """By the name of a column that has bounds in its metadata: the tally of its cells."""

    metric_name = METRIC

    @metric_value(engine=SparkDFExecutionEngine)
    def _spark(
        cls,  # noqa: N805 - Great Expectations hands over the class
        execution_engine: SparkDFExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        **_: Any,  # noqa: ANN401
    ) -> dict[str, Tally]:
        rows, _domain, _accessor = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type="table")
        return tallies(rows)


class _OfCells(Judged):
    """No cell of a column has a fault; `words` name those that have it."""

    column: str

    metric_dependencies: ClassVar[tuple[str, ...]] = (METRIC,)
    fault: ClassVar[str]
    words: ClassVar[str] = "values"

    def judge(self, measured: dict[str, Tally]) -> Verdict:
        tally = measured.get(self.column)
        if tally is None:
            return Verdict(success=True, observed="no rows", looked_at=0, broken=0)
        broken = tally.broken[self.fault]
        return Verdict(
            success=not broken,
            observed=self.observed(tally),
            looked_at=tally.cells,
            broken=broken,
            examples=tally.examples[self.fault],
            excess=broken,
        )

    def observed(self, tally: Tally) -> str:
        """What was seen of the column."""
        return f"{tally.broken[self.fault]} {self.words}"


class ExpectFeatureToBeInRange(_OfCells):
    """No known value lies outside the bounds of its feature."""

    fault = OUTSIDE

    def observed(self, tally: Tally) -> str:
        return f"{tally.lowest} to {tally.highest}"


class ExpectFeatureToBeAllowed(_OfCells):
    """No known value is other than those that the catalogue lists."""

    fault = OUTSIDE
    words = "others"


class ExpectFeatureToBeKnown(_OfCells):
    """No cell is NULL where the null rule of the feature does not hold."""

    fault = MISSING
    words = "NULL"


class ExpectFeatureToBeNull(_OfCells):
    """No cell has a value where the null rule of the feature says NULL."""

    fault = UNEXPECTED


class ExpectFeatureToBeRecorded(_OfCells):
    """Of what the log may leave unrecorded, at least a share is there."""

    fault = MISSING

    def judge(self, measured: dict[str, Tally]) -> Verdict:
        tally = measured.get(self.column)
        if tally is None:
            return Verdict(success=True, observed="no rows", looked_at=0)
        share = tally.known / tally.cells
        lacking = self.limits["share"] - share
        return Verdict(lacking <= 0, observed=f"{share}", looked_at=tally.cells, excess=max(0.0, lacking))

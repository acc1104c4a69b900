"""The metric of small batches: all their rows, for Expectations that each judge some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from great_expectations.execution_engine import SparkDFExecutionEngine
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

if TYPE_CHECKING:
    from pyspark.sql import Row

METRIC = "table.collected_rows"


class CollectRows(TableMetricProvider):
    """All rows of a batch, in its order."""

    metric_name = METRIC

    @metric_value(engine=SparkDFExecutionEngine)
    def _spark(
        cls,  # noqa: N805 - Great Expectations hands over the class
        execution_engine: SparkDFExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        **_: Any,  # noqa: ANN401
    ) -> list[Row]:
        rows, _domain, _accessor = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type="table")
        return list(rows.collect())

"""What makes an Expectation a rule of the gate, and the few kinds that Great Expectations has of its own."""

from __future__ import annotations

from datetime import datetime, timezone
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from great_expectations import expectations as gxe
from great_expectations.expectations.metadata_types import FailureSeverity

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation
    from pyspark.sql import Column

    from expectations.custom.judged import Judged
    from expectations.limits import Rule

SEVERITIES = MappingProxyType({"warn": FailureSeverity.WARNING, "stop": FailureSeverity.CRITICAL})


def ruled(rule: Rule, *expectations: Expectation) -> list[Expectation]:
    """The Expectations, as those of a rule: they stop or warn as it does, and carry its name, kind and reason."""
    for expectation in expectations:
        expectation.severity = SEVERITIES[rule.severity]
        expectation.meta = {"rule": rule.name, "kind": rule.kind, "source": rule.source, "origin": rule.origin}
        expectation.notes = rule.reason
    return list(expectations)


def judged(rule: Rule, kind: type[Judged], **words: Any) -> list[Expectation]:  # noqa: ANN401 - fields of the kind
    """The Expectation of our own of a rule, with its limits."""
    return ruled(rule, kind(limits=dict(rule.limits), **words))


def row_count(lowest: int, highest: int | None = None) -> Expectation:
    return gxe.ExpectTableRowCountToBeBetween(min_value=lowest, max_value=highest)


def between(column: str, lowest: float, highest: float) -> list[Expectation]:
    """No value of the column lies outside; a column without any value breaks both rules."""
    return [
        gxe.ExpectColumnMinToBeBetween(column=column, min_value=lowest),
        gxe.ExpectColumnMaxToBeBetween(column=column, max_value=highest),
    ]


def known(column: str, share: float = 1.0) -> Expectation:
    """The share of rows with a value in the column; all of them unless told otherwise."""
    return gxe.ExpectColumnProportionOfNonNullValuesToBeBetween(column=column, min_value=share)


def mean(column: str, lowest: float, highest: float) -> Expectation:
    return gxe.ExpectColumnMeanToBeBetween(column=column, min_value=lowest, max_value=highest)


def varied(column: str) -> Expectation:
    return gxe.ExpectColumnStdevToBeBetween(column=column, min_value=0, strict_min=True)


def indicator(condition: Column) -> Column:
    """One where the condition holds, zero where it does not, NULL where it is unknown: its mean is a share."""
    return condition.cast("double")


def milliseconds(moment: datetime) -> int:
    """Return the milliseconds since the epoch, as the log counts time."""
    return int(moment.astimezone(timezone.utc).timestamp() * 1000)

"""The few kinds of rules that the suites are made of. Each is an aggregate of one column."""

from __future__ import annotations

from datetime import datetime, timezone
from types import MappingProxyType
from typing import TYPE_CHECKING

from great_expectations import expectations as gxe
from great_expectations.expectations.metadata_types import FailureSeverity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from great_expectations.expectations.expectation import Expectation
    from pyspark.sql import Column

    from expectations.suite import OnDrift

SEVERITIES = MappingProxyType({"warn": FailureSeverity.WARNING, "stop": FailureSeverity.CRITICAL})


def row_count(lowest: int, highest: int | None = None) -> Expectation:
    return gxe.ExpectTableRowCountToBeBetween(min_value=lowest, max_value=highest)


def between(column: str, lowest: float, highest: float) -> list[Expectation]:
    """No value of the column lies outside; a column without any value breaks both rules."""
    return [at_least(column, lowest), gxe.ExpectColumnMaxToBeBetween(column=column, max_value=highest)]


def at_least(column: str, lowest: float) -> Expectation:
    return gxe.ExpectColumnMinToBeBetween(column=column, min_value=lowest)


def known(column: str, share: float = 1.0) -> Expectation:
    """The share of rows with a value in the column; all of them unless told otherwise."""
    return gxe.ExpectColumnProportionOfNonNullValuesToBeBetween(column=column, min_value=share)


def mean(column: str, lowest: float, highest: float) -> Expectation:
    return gxe.ExpectColumnMeanToBeBetween(column=column, min_value=lowest, max_value=highest)


def varied(column: str) -> Expectation:
    return gxe.ExpectColumnStdevToBeBetween(column=column, min_value=0, strict_min=True)


def none(column: str, meaning: str, broken: Sequence[str]) -> Expectation:
    """The column, of counts of what is broken, is zero throughout; the site names what is not."""
    named = f"{meaning}: {', '.join(broken) or 'none'}"
    return gxe.ExpectColumnSumToBeBetween(column=column, max_value=0, description=named)


def no_broken_rows(column: str, meaning: str, broken: Sequence[str], on_drift: OnDrift) -> Expectation:
    """The same, of what the model job watches: it warns or stops, as the caller says."""
    rule = none(column, meaning, broken)
    rule.severity = SEVERITIES[on_drift]
    return rule


def guess(rule: Expectation, source: str) -> Expectation:
    """The same rule, of what is usual but not certain of any service: it warns, and says where its bounds come from."""
    rule.severity = SEVERITIES["warn"]
    rule.notes = source
    return rule


def indicator(condition: Column) -> Column:
    """One where the condition holds, zero where it does not, NULL where it is unknown: its mean is a share."""
    return condition.cast("double")


def milliseconds(moment: datetime) -> int:
    """Return the milliseconds since the epoch, as the log counts time."""
    return int(moment.astimezone(timezone.utc).timestamp() * 1000)

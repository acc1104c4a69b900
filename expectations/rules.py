"""The few kinds of rules that the suites are made of. Each is an aggregate of one column."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from great_expectations import expectations as gxe

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation
    from pyspark.sql import Column

FINITE = 1e12
# A feature's name tells its range: the first pattern that matches it. NaN and infinity are within none.
FEATURE_RANGES = (
    (re.compile("trend|change|delta|slope"), (-FINITE, FINITE)),
    # Some users of the published logs have events up to 19 days before their registration.
    (re.compile("registration|tenure"), (-31, 36_525)),
    (re.compile(r"(^|_)share(_|$)"), (0, 1)),
    (re.compile(r"_per_|_seconds|_minutes|_hours|minutes_|_since_|days_on_"), (0, FINITE)),
    (re.compile(""), (-FINITE, FINITE)),
)


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


def of_feature(name: str) -> list[Expectation]:
    """The rules of a numeric feature, from its name: a count is known and not negative, a share is at most one."""
    if is_count(name):
        return [at_least(name, 0), known(name)]
    return between(name, *next(bounds for pattern, bounds in FEATURE_RANGES if pattern.search(name)))


def is_count(name: str) -> bool:
    return re.search(r"_count(_\d+d|_lifetime)?$", name) is not None


def indicator(condition: Column) -> Column:
    """One where the condition holds, zero where it does not, NULL where it is unknown: its mean is a share."""
    return condition.cast("double")


def milliseconds(moment: datetime) -> int:
    """Return the milliseconds since the epoch, as the log counts time."""
    return int(moment.astimezone(timezone.utc).timestamp() * 1000)

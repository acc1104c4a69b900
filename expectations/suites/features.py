"""The suite of the features: each column holds what the catalogue says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException
from pyspark.sql.types import StringType

from expectations.catalogue import NEVER, UNRECORDED, check_complete
from expectations.custom.cells import (
    ExpectFeatureToBeAllowed,
    ExpectFeatureToBeInRange,
    ExpectFeatureToBeKnown,
    ExpectFeatureToBeNull,
    ExpectFeatureToBeRecorded,
    ruled_rows,
)
from expectations.custom.tallies import ColumnRule
from expectations.report import BrokenNullRule
from expectations.suite import FEATURES, SNAPSHOT_KEY, Suite, has_snapshots, key_text, read
from expectations.suites.rules import judged, row_count, ruled

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from great_expectations.expectations.expectation import Expectation
    from pyspark.sql import DataFrame

    from expectations.catalogue import FeatureEntry
    from expectations.limits import Limits
    from expectations.suite import Audit

# No feature has a value beyond it, but NaN and infinity have.
FINITE = 1e12


def features(audit: Audit) -> Suite | None:
    """Range, values and NULLs of each feature. None while there is no snapshot.

    Raises MissingTable, CatalogueMismatch, BrokenNullRule.
    """
    table, catalogue = read(audit.spark, FEATURES), audit.catalogue
    check_complete(table, FEATURES, SNAPSHOT_KEY, catalogue)
    if not has_snapshots(audit.spark):
        return None
    strings = {field.name for field in table.schema if isinstance(field.dataType, StringType)}
    of_features = [
        rule for entry in catalogue for rule in _expectations(entry, audit.limits, is_string=entry.name in strings)
    ]
    rows = ruled(audit.limits["features.rows"], row_count(int(audit.limits["features.rows"]["lowest"])))
    return Suite(
        name="features",
        table=FEATURES,
        keys=SNAPSHOT_KEY,
        rows=_rows(table, catalogue, strings),
        expectations=(*rows, *of_features),
    )


def _rows(table: DataFrame, catalogue: Sequence[FeatureEntry], strings: Collection[str]) -> DataFrame:
    rules = {entry.name: _of_string(entry) if entry.name in strings else _of_number(entry) for entry in catalogue}
    try:
        return ruled_rows(table, key_text(SNAPSHOT_KEY), rules)
    except AnalysisException:
        _check_null_rules(table, catalogue)
        raise


def _of_number(entry: FeatureEntry) -> ColumnRule:
    return ColumnRule(f"`{entry.name}`", *_bounds(entry), _null_where(entry))


def _of_string(entry: FeatureEntry) -> ColumnRule:
    """As a number, a string is 0 where it is one of those allowed, else 1."""
    allowed = ", ".join("'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'" for value in entry.allowed)
    is_allowed = f"`{entry.name}` in ({allowed})" if allowed else "true"
    value = f"case when `{entry.name}` is not null then if({is_allowed}, 0D, 1D) end"
    return ColumnRule(value, 0, 0, _null_where(entry))


def _bounds(entry: FeatureEntry) -> tuple[float, float]:
    lowest = -FINITE if entry.lowest is None else entry.lowest
    return lowest, FINITE if entry.highest is None else entry.highest


def _null_where(entry: FeatureEntry) -> str | None:
    if entry.null_rule == UNRECORDED:
        return None
    # Spark takes any type for a condition, but not as part of one.
    return "false" if entry.null_rule == NEVER else f"coalesce(({entry.null_rule}) and true, false)"


def _check_null_rules(table: DataFrame, catalogue: Sequence[FeatureEntry]) -> None:
    for null_rule in {entry.null_rule for entry in catalogue} - {NEVER, UNRECORDED}:
        fault = _fault(table, null_rule)
        if fault:
            raise BrokenNullRule([entry.name for entry in catalogue if entry.null_rule == null_rule], null_rule, fault)


def _fault(table: DataFrame, condition: str) -> str | None:
    try:
        table.where(condition)
    except AnalysisException as error:
        return str(error).strip().partition("\n")[0]
    return None


def _expectations(entry: FeatureEntry, limits: Limits, *, is_string: bool) -> Iterator[Expectation]:
    """Yield the rules that follow from the entry of a feature."""
    name, null, in_range = entry.name, limits["features.null"], limits["features.range"]
    if entry.allowed:
        allowed = f"one of {', '.join(entry.allowed)}"
        yield from judged(in_range, ExpectFeatureToBeAllowed, column=name, expected=allowed)
    elif not is_string:
        bounds = "{:g} to {:g}".format(*_bounds(entry))
        yield from judged(in_range, ExpectFeatureToBeInRange, column=name, expected=bounds)
    if entry.null_rule == UNRECORDED:
        recorded = limits["features.recorded"]
        share = f"at least {recorded['share']:g} known"
        yield from judged(recorded, ExpectFeatureToBeRecorded, column=name, expected=share)
        return
    where = "" if entry.null_rule == NEVER else f" unless {entry.null_rule}"
    yield from judged(null, ExpectFeatureToBeKnown, column=name, expected=f"a value{where}")
    if entry.null_rule != NEVER:
        yield from judged(null, ExpectFeatureToBeNull, column=name, expected=f"NULL where {entry.null_rule}")

"""The suite of the features: each column holds what the catalogue says of it.

Great Expectations would take 30 ms for each of its some 500 rules. So they are judged here, column by column; it judges
and shows their totals.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException
from pyspark.sql.types import StringType

from expectations.catalogue import NEVER, UNRECORDED, check_complete
from expectations.report import BrokenNullRule, RuleResult
from expectations.suite import FEATURES, SNAPSHOT_KEY, Suite, has_snapshots, key_text, read
from expectations.suites.rules import none, row_count
from expectations.suites.tallies import MISSING, OUTSIDE, UNEXPECTED, ColumnRule, tallies

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from great_expectations.expectations.expectation import Expectation
    from pyspark.sql import DataFrame, SparkSession

    from expectations.catalogue import FeatureEntry
    from expectations.suites.tallies import Tally

# No feature has a value beyond it, but NaN and infinity have.
FINITE = 1e12
# Of what the log may leave unrecorded, a delivery has to bring at least this share.
RECORDED = 0.5
MEANINGS = {
    OUTSIDE: "Values outside the range of their feature, or not among its values",
    MISSING: "NULLs where the null rule of the feature does not hold",
    UNEXPECTED: "Values where the null rule of the feature says NULL",
}


@dataclass(frozen=True)
class Verdict:
    """What was found of a rule of a feature: so many cells `broken`, by one `fault`; of a share, none by itself is."""

    feature: str
    tally: Tally
    rule: str
    expected: str
    observed: str
    broken: int
    fault: str
    is_share: bool = False

    @property
    def result(self) -> RuleResult:
        examples = () if self.is_share else self.tally.examples[self.fault]
        message = f"{FEATURES}.{self.feature}: {self.rule} ({self.expected}), observed {self.observed}"
        if examples:
            message += f"; {self.broken} rows break it, such as {'; '.join(examples)}"
        return RuleResult(
            suite="features",
            table_name=FEATURES,
            rule=self.rule,
            column_name=self.feature,
            success=not self.broken,
            observed_value=self.observed,
            element_count=self.tally.cells,
            unexpected_count=None if self.is_share else self.broken,
            examples=examples,
            message=message,
        )


def features(spark: SparkSession, catalogue: Sequence[FeatureEntry]) -> Suite | None:
    """Range, values and NULLs of each feature; of an empty table, only that is told. None while there is no snapshot.

    Raises MissingTable, CatalogueMismatch, BrokenNullRule.
    """
    table = read(spark, FEATURES)
    check_complete(table, FEATURES, SNAPSHOT_KEY, catalogue)
    if not has_snapshots(spark):
        return None
    strings = {field.name for field in table.schema if isinstance(field.dataType, StringType)}
    verdicts = [
        verdict
        for entry, tally in zip(catalogue, _tallies(table, catalogue, strings), strict=False)
        for verdict in _verdicts(entry, tally, is_string=entry.name in strings)
    ]
    counts = [(v.feature, v.rule, *(v.broken if v.fault == fault else 0 for fault in MEANINGS)) for v in verdicts]
    return Suite(
        name="features",
        table=FEATURES,
        keys=("feature", "rule"),
        rows=spark.createDataFrame(counts, f"feature string, rule string, {' bigint, '.join(MEANINGS)} bigint"),
        expectations=(row_count(1), *(_total(fault, verdicts) for fault in MEANINGS if verdicts)),
        findings=tuple(verdict.result for verdict in verdicts),
    )


def _total(fault: str, verdicts: Sequence[Verdict]) -> Expectation:
    return none(fault, MEANINGS[fault], [v.feature for v in verdicts if v.fault == fault and v.broken])


def _tallies(table: DataFrame, catalogue: Sequence[FeatureEntry], strings: Collection[str]) -> list[Tally]:
    rules = [_of_string(entry) if entry.name in strings else _of_number(entry) for entry in catalogue]
    try:
        return tallies(table, key_text(SNAPSHOT_KEY), rules)
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


def _verdicts(entry: FeatureEntry, tally: Tally, *, is_string: bool) -> Iterator[Verdict]:
    """Yield what was found of each rule that follows from the entry of a feature."""
    outside, missing, unexpected = (tally.broken[fault] for fault in (OUTSIDE, MISSING, UNEXPECTED))
    of_feature = partial(Verdict, entry.name, tally)
    if entry.allowed:
        rule, expected = "expect_column_values_to_be_in_set", f"one of {', '.join(entry.allowed)}"
        yield of_feature(rule, expected, f"{outside} others", outside, OUTSIDE)
    elif not is_string:
        rule, expected = "expect_column_values_to_be_between", "{:g} to {:g}".format(*_bounds(entry))
        yield of_feature(rule, expected, f"{tally.lowest} to {tally.highest}", outside, OUTSIDE)
    if entry.null_rule == UNRECORDED:
        rule, share = "expect_column_proportion_of_non_null_values_to_be_between", tally.known / tally.cells
        lacking = tally.cells - tally.known if share < RECORDED else 0
        yield of_feature(rule, f"at least {RECORDED}", str(share), lacking, MISSING, is_share=True)
        return
    where = "" if entry.null_rule == NEVER else f" unless {entry.null_rule}"
    yield of_feature("expect_column_values_to_not_be_null", f"a value{where}", f"{missing} NULL", missing, MISSING)
    if entry.null_rule != NEVER:
        rule, expected = "expect_column_values_to_be_null", f"NULL where {entry.null_rule}"
        yield of_feature(rule, expected, f"{unexpected} values", unexpected, UNEXPECTED)

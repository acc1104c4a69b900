"""From Great Expectations' results to ours: what broke, on how many rows, and which ones.

The checkpoint computes aggregates only. Rows are looked at here, and only for rules that broke; they are shown by key,
never by value, so no personal data reaches a message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from expectations.report import RuleResult
from expectations.suite import EXAMPLES, key_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
    from pyspark.sql import Column

    from expectations.suite import Suite

BOUNDS = {"min_value": "at least", "max_value": "at most"}
WARNING = "warning"


def rule_results(suite: Suite, outcome: ExpectationSuiteValidationResult) -> Iterator[RuleResult]:
    """Yield one result per Expectation of a suite, in its order; examples go into the outcome, too, for its page."""
    row_count = next((_observed(found) for found in outcome.results if "table_row_count" in _type(found)), None)
    for found in outcome.results:
        breaks = None if found.success or _error(found) else _breaks(found)
        if breaks is not None:
            _look_at_rows(suite, found, breaks)
        yield _rule_result(suite, found, row_count)


def _rule_result(suite: Suite, found: ExpectationValidationResult, row_count: int | None) -> RuleResult:
    config, error, result = _config(found), _error(found), found.result
    counted = result.get("element_count")
    observed = _observed(found)
    return RuleResult(
        suite=suite.name,
        table_name=suite.table,
        rule=config.meta["rule"],
        expectation=_type(found),
        column_name=config.kwargs.get("column"),
        severity="warn" if config.severity == WARNING else "stop",
        success=bool(found.success),
        is_error=error is not None,
        expected=expected(found),
        observed_value=None if observed is None else str(observed),
        element_count=row_count if counted is None else counted,
        unexpected_count=0 if found.success and "unexpected_count" not in result else result.get("unexpected_count"),
        examples=tuple(result.get("partial_unexpected_list") or ()),
        excess=_excess(found),
        remedy=_remedy(found),
        message=_message(suite, found, error),
    )


def expected(found: ExpectationValidationResult) -> str:
    """The limit of a rule, in words."""
    kwargs = _config(found).kwargs
    if "expected" in kwargs:
        return str(kwargs["expected"])
    bounds = [f"{words} {kwargs[bound]}" for bound, words in BOUNDS.items() if kwargs.get(bound) is not None]
    return " and ".join(["above 0"] if kwargs.get("strict_min") else bounds)


def _look_at_rows(suite: Suite, found: ExpectationValidationResult, breaks: Column) -> None:
    """Count the rows that break a rule on the ends or the NULLs of a column, and keep the keys of some."""
    broken = suite.rows.where(breaks)
    found.result["unexpected_count"] = broken.count()
    keys = broken.select(key_text(suite.keys)).limit(EXAMPLES).collect()
    found.result["partial_unexpected_list"] = [row[0] for row in keys]


def _breaks(found: ExpectationValidationResult) -> Column | None:
    """Return the rows that break a rule, as a condition; None when the rule is about a total, or has its own rows."""
    kwargs = _config(found).kwargs
    value = F.col(kwargs.get("column") or "*")
    match _type(found):
        case "expect_column_min_to_be_between":
            return value < F.lit(kwargs["min_value"])
        case "expect_column_max_to_be_between":
            return value > F.lit(kwargs["max_value"])
        case "expect_column_proportion_of_non_null_values_to_be_between":
            return value.isNull()
    return None


def _excess(found: ExpectationValidationResult) -> float:
    """How far beyond its limit a rule is: rows that break it, or, about a total, how far off the total is."""
    if found.success:
        return 0.0
    result, kwargs = found.result, _config(found).kwargs
    if "excess" in result.get("details", {}):
        return float(result["details"]["excess"])
    if result.get("unexpected_count") is not None:
        return float(result["unexpected_count"])
    observed = _observed(found)
    if not isinstance(observed, (int, float)):
        return 0.0
    bounds = [kwargs[bound] for bound in BOUNDS if kwargs.get(bound) is not None]
    return float(max((abs(observed - bound) for bound in bounds), default=0.0))


def _message(suite: Suite, found: ExpectationValidationResult, error: str | None) -> str:
    config, result = _config(found), found.result
    kwargs = config.kwargs
    place = f"{suite.table}.{kwargs['column']}" if kwargs.get("column") else suite.table
    if error is not None:
        return f"{place}: {config.meta['rule']} could not be evaluated: {error}"
    said = f"{place}: {config.meta['rule']} ({expected(found)}), observed {_observed(found)}"
    if found.success:
        return said
    count, examples = result.get("unexpected_count"), result.get("partial_unexpected_list")
    said += f"; {count:,} {kwargs.get('unit', 'rows')} break it" if count else ""
    said += f", such as {'; '.join(examples)}" if examples else ""
    return f"{said}. {_remedy(found)}"


def _remedy(found: ExpectationValidationResult) -> str:
    """What to do about a broken rule; of a rule on one column, what it is for."""
    config = _config(found)
    return str(config.kwargs.get("remedy") or config.notes)


def _error(found: ExpectationValidationResult) -> str | None:
    """Return the first line of the exception that kept a rule from being evaluated, or None."""
    info: dict[str, Any] = found.exception_info
    # One exception, or one per metric that the rule needed, by the metric's id.
    for exception in [info] if "raised_exception" in info else info.values():
        if exception["raised_exception"]:
            return str(exception["exception_message"]).strip().partition("\n")[0]
    return None


def _type(found: ExpectationValidationResult) -> str:
    return str(_config(found).type)


def _observed(found: ExpectationValidationResult) -> Any:  # noqa: ANN401 - whatever the metric is
    return found.result.get("observed_value")


def _config(found: ExpectationValidationResult) -> Any:  # noqa: ANN401
    return found.expectation_config

"""From Great Expectations' results to ours: what broke, on how many rows, and which ones.

The checkpoint computes aggregates only, one Spark job per suite. Rows are looked at here, and only for rules that
broke; they are shown by key, never by value, so no personal data reaches a message.
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

BOUNDS = ("min_value", "max_value")
WARNING = "warning"


def rule_results(suite: Suite, outcome: ExpectationSuiteValidationResult) -> Iterator[tuple[RuleResult, bool]]:
    """Yield one result per rule of a suite, its findings in place of the rules on their totals; and whether it stops.

    A broken rule stops the gate unless its severity, or that of the total of a finding, says that it only warns.
    """
    findings_stop = outcome.get_max_severity_failure() != WARNING
    row_count = next((_observed(rule) for rule in outcome.results if "table_row_count" in _type(rule)), None)
    for finding in suite.findings:
        yield finding, findings_stop
    for rule in outcome.results:
        error = _error(rule)
        if suite.findings and error is None:
            continue
        count, examples = (0, ()) if rule.success else (None, ()) if error else _broken_rows(suite, rule)
        result = RuleResult(
            suite=suite.name,
            table_name=suite.table,
            rule=_type(rule),
            column_name=_settings(rule).get("column"),
            success=bool(rule.success),
            is_error=error is not None,
            observed_value=None if (observed := _observed(rule)) is None else str(observed),
            element_count=row_count,
            unexpected_count=count,
            examples=examples,
            message=_message(suite, rule, error, count, examples),
        )
        yield result, error is not None or _config(rule).severity != WARNING


def _broken_rows(suite: Suite, rule: ExpectationValidationResult) -> tuple[int | None, tuple[str, ...]]:
    breaks = _breaks(rule)
    if breaks is None:
        return None, ()
    broken = suite.rows.where(breaks)
    return broken.count(), tuple(row[0] for row in broken.select(key_text(suite.keys)).limit(EXAMPLES).collect())


def _breaks(rule: ExpectationValidationResult) -> Column | None:
    """Return the rows that break a rule, as a condition; None when the rule is about a total."""
    settings = _settings(rule)
    value = F.col(settings.get("column", "*"))
    match _type(rule):
        case "expect_column_min_to_be_between":
            return value < F.lit(settings["min_value"])
        case "expect_column_max_to_be_between":
            return value > F.lit(settings["max_value"])
        case "expect_column_proportion_of_non_null_values_to_be_between":
            return value.isNull()
    return None


def _message(
    suite: Suite, rule: ExpectationValidationResult, error: str | None, count: int | None, examples: tuple[str, ...]
) -> str:
    settings = _settings(rule)
    place = f"{suite.table}.{settings['column']}" if "column" in settings else suite.table
    if error is not None:
        return f"{place}: {_type(rule)} could not be evaluated: {error}"
    bounds = ", ".join(f"{bound} {settings[bound]}" for bound in BOUNDS if settings.get(bound) is not None)
    found = f"{place}: {_type(rule)} ({bounds}), observed {_observed(rule)}"
    rows = f"; {count} rows break it" if count else ""
    keys = f", such as {'; '.join(examples)}" if examples else ""
    source = f". {_config(rule).notes}" if _config(rule).notes else ""
    return found + rows + keys + source


def _error(rule: ExpectationValidationResult) -> str | None:
    """Return the first line of the exception that kept a rule from being evaluated, or None."""
    info: dict[str, Any] = rule.exception_info
    # One exception, or one per metric that the rule needed, by the metric's id.
    for exception in [info] if "raised_exception" in info else info.values():
        if exception["raised_exception"]:
            return str(exception["exception_message"]).strip().partition("\n")[0]
    return None


def _type(rule: ExpectationValidationResult) -> str:
    return str(_config(rule).type)


def _settings(rule: ExpectationValidationResult) -> dict[str, Any]:
    return dict(_config(rule).kwargs)


def _config(rule: ExpectationValidationResult) -> Any:  # noqa: ANN401
    return rule.expectation_config


def _observed(rule: ExpectationValidationResult) -> Any:  # noqa: ANN401 - whatever the metric is
    return rule.result.get("observed_value")

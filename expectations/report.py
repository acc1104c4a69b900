"""What the gate found: one result per rule, and the report that a caller decides on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


class UnknownSuite(SparkhouseError, ValueError):
    """A suite was asked for that does not exist."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"There is no suite {name!r}. Choose from: {', '.join(known)}.")


class MissingTable(SparkhouseError, LookupError):
    """A table that a suite reads has not been made yet."""

    def __init__(self, table: str, command: str) -> None:
        super().__init__(f"The table {table} is missing. Make it with: {command}")
        self.table = table


class CatalogueMismatch(SparkhouseError, LookupError):
    """A table has features that the catalogue does not tell of, or the other way round."""

    def __init__(self, table: str, without_entry: Sequence[str], without_column: Sequence[str]) -> None:
        message = [f"The columns of {table} are not those of the catalogue."]
        message += [f"Without an entry in the catalogue: {', '.join(without_entry)}."] if without_entry else []
        message += [f"Without a column in the table: {', '.join(without_column)}."] if without_column else []
        super().__init__("\n".join([*message, "Bring the table up to date with: sparkhouse build"]))


class BrokenNullRule(SparkhouseError, ValueError):
    """The condition under which a feature is NULL is none that Spark can evaluate."""

    def __init__(self, features: Sequence[str], null_rule: str, error: str) -> None:
        super().__init__(f"The null rule of {', '.join(features)}, `{null_rule}`, cannot be evaluated: {error}")


@dataclass(frozen=True, kw_only=True)
class RuleResult:
    """One rule on one table; the fields are columns of `monitoring.validation_results`, in its order.

    `element_count` is the number of rows that the rule looked at, `unexpected_count` the number that break it, and
    `examples` are keys of those. A rule about a total (a mean, a row count) breaks without rows of its own: NULL.
    """

    suite: str
    table_name: str
    rule: str
    column_name: str | None
    success: bool
    is_error: bool = False
    observed_value: str | None
    element_count: int | None
    unexpected_count: int | None = None
    examples: tuple[str, ...] = ()
    message: str


@dataclass(frozen=True)
class ValidationReport:
    """The results of one checkpoint run and the page that shows them; broken rules that only warn stand apart."""

    run_id: str
    results: tuple[RuleResult, ...]
    index_page: Path
    warnings: tuple[RuleResult, ...] = ()

    @property
    def passed(self) -> bool:
        """True only if every rule was evaluated and held: an error is not a pass."""
        return all(result.success for result in self.results)

    @property
    def failures(self) -> tuple[RuleResult, ...]:
        """The rules that broke and the rules that could not be evaluated (`is_error`)."""
        return tuple(result for result in self.results if not result.success)

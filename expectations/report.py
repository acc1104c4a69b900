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


# One row per RuleResult of every run.
RESULTS = "monitoring.validation_results"


@dataclass(frozen=True, kw_only=True)
class RuleResult:
    """One Expectation on one table; the fields are columns of `monitoring.validation_results`, in its order.

    `rule` is the rule of limits.yml that it stands for, which may have several; `severity` is `stop` or `warn`.
    `element_count` is the number of rows that it looked at, `unexpected_count` the number that break it, and `examples`
    are keys of those. A rule about a total (a mean, a row count) breaks without rows of its own: NULL. `excess` tells
    how far beyond its limit it is, and `accepted` the reason why people let that pass.
    """

    suite: str
    table_name: str
    rule: str
    expectation: str
    column_name: str | None
    severity: str
    success: bool
    is_error: bool = False
    expected: str
    observed_value: str | None
    element_count: int | None
    unexpected_count: int | None = None
    examples: tuple[str, ...] = ()
    excess: float = 0.0
    accepted: str | None = None
    remedy: str
    message: str

    @property
    def brief(self) -> str:
        """The finding in a line: what was seen where, and what to do."""
        place = f"{self.table_name}.{self.column_name}" if self.column_name else self.table_name
        return f"{place}: {self.observed_value} ({self.rule}). {self.remedy}"

    @property
    def stops(self) -> bool:
        """Whether nothing may be published: an error is not a pass, and nobody can accept it."""
        return not self.success and (self.is_error or (self.severity == "stop" and self.accepted is None))


@dataclass(frozen=True)
class ValidationReport:
    """The results of one checkpoint run, in how many Spark jobs they were found, and the page that shows them.

    `newly_accepted` tells of the findings of earlier runs that people have accepted since the audit before this one.
    """

    run_id: str
    results: tuple[RuleResult, ...]
    jobs: int
    index_page: Path
    newly_accepted: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """True only if every rule that stops was evaluated and held, or is accepted as it is."""
        return not self.failures

    @property
    def failures(self) -> tuple[RuleResult, ...]:
        """The rules that broke and the rules that could not be evaluated (`is_error`)."""
        return tuple(result for result in self.results if result.stops)

    @property
    def accepted(self) -> tuple[RuleResult, ...]:
        """The broken rules that people have accepted."""
        return tuple(result for result in self.results if not result.success and result.accepted is not None)

    @property
    def warnings(self) -> tuple[RuleResult, ...]:
        """The broken rules that only warn."""
        broken = (result for result in self.results if not result.success and result.accepted is None)
        return tuple(result for result in broken if not result.stops)

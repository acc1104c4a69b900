"""What all Expectations of our own share: one metric measures the whole batch, and each judges what it found."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Optional

from great_expectations.expectations.expectation import BatchExpectation

if TYPE_CHECKING:
    from great_expectations.execution_engine import ExecutionEngine


@dataclass(frozen=True)
class Verdict:
    """What was found of a rule, in words, and how many of the units looked at break it (None: it is about a total).

    `excess` says how far beyond its limit it is, in whatever it counts in: where people have accepted so much, more of
    it is another finding.
    """

    success: bool
    observed: str
    looked_at: int | None = None
    broken: int | None = None
    examples: tuple[str, ...] = ()
    excess: float = 0.0


class Judged(BatchExpectation):
    """An Expectation about a whole batch; several of them share a metric, which is computed once.

    `column` is what it is about, `limits` are those of its rule, `expected` says them in words; `unit` is what it
    counts, `remedy` what to do about it.
    """

    column: Optional[str] = None  # noqa: UP045 - Great Expectations evaluates it
    limits: dict[str, float]
    expected: str = ""
    unit: str = "rows"
    remedy: str = ""

    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id", "table")
    success_keys: ClassVar[tuple[str, ...]] = ("column", "limits", "expected", "unit", "remedy")

    @abstractmethod
    def judge(self, measured: Any) -> Verdict:  # noqa: ANN401 - what the metric of the class found
        """Say what of the measured breaks the rule."""

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine[Any] | None = None,
    ) -> dict[str, Any]:
        del runtime_configuration, execution_engine
        (metric,) = self.metric_dependencies
        verdict = self.judge(metrics[metric])
        return {
            "success": verdict.success,
            "result": {
                "observed_value": verdict.observed,
                "element_count": verdict.looked_at,
                "unexpected_count": verdict.broken,
                "partial_unexpected_list": list(verdict.examples),
                "details": {"excess": verdict.excess},
            },
        }

"""What people let pass in spite of the gate: a finding, as far as it went then, with their reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from expectations.report import RESULTS
from warehouse.contract.errors import SparkhouseError
from warehouse.contract.tables import append_rows, completed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyspark.sql import SparkSession

    from expectations.report import RuleResult

TABLE = "monitoring.accepted_findings"
# A finding that has grown by more than a tenth since it was accepted is another one.
ROOM = 1.1


class NothingToAccept(SparkhouseError, LookupError):
    """A rule was to be accepted that did not stop the run."""


class StillStopped(SparkhouseError):
    """Rules have stopped the run that were not accepted."""


@dataclass(frozen=True)
class Acceptance:
    """A finding that was accepted: `place` names its rule, table, column and Expectation."""

    place: tuple[str, ...]
    excess: float
    at: datetime
    said: str
    message: str

    @property
    def summary(self) -> str:
        """The finding as it was, and who let it pass why."""
        return f"{self.message} ({self.said})"

    def covers(self, result: RuleResult) -> bool:
        """Whether a result is the same finding, and has grown by a tenth at the most."""
        return _place(result) == self.place and result.excess <= self.excess * ROOM


def acceptances(spark: SparkSession) -> list[Acceptance]:
    """Return all findings that were ever accepted, the oldest first."""
    if not spark.catalog.tableExists(TABLE):
        return []
    return [
        Acceptance(
            (row.rule, row.table_name, row.column_name or "", row.expectation),
            row.excess,
            row.accepted_at,
            f"accepted on {row.accepted_at:%Y-%m-%d} by {row.accepted_by} in run {row.run_id}: {row.reason}",
            row.message,
        )
        for row in spark.table(TABLE).orderBy("accepted_at").collect()
    ]


def accepted(results: Iterable[RuleResult], before: Sequence[Acceptance]) -> list[RuleResult]:
    """Return the results, those that were accepted before as they are now with who, when and why."""
    return [_accepted(result, before) for result in results]


def newly_accepted(spark: SparkSession, before: Sequence[Acceptance]) -> list[str]:
    """Return what was accepted since the last audit."""
    if not before or not spark.catalog.tableExists(RESULTS):
        return []
    last = spark.table(RESULTS).agg(F.max("validated_at")).collect()[0][0]
    return [each.summary for each in before if last is None or each.at > last]


def stopping(spark: SparkSession, run_id: str) -> list[dict[str, object]]:
    """Return the newest findings of a run that stop it, a row each of `monitoring.validation_results`."""
    if not spark.catalog.tableExists(RESULTS):
        return []
    of_run = completed(spark.table(RESULTS), RESULTS).where(F.col("run_id") == run_id)
    newest = Window.partitionBy("suite")
    found = of_run.withColumn("newest_at", F.max("validated_at").over(newest)).where("validated_at = newest_at")
    stops = found.where("not success and accepted is null and (is_error or severity = 'stop')")
    return [row.asDict() for row in stops.collect()]


def accept(spark: SparkSession, run_id: str, rules: Sequence[str], reason: str, by: str) -> list[str]:
    """Keep that the findings of rules in a run were accepted, by whom and why; return what was found.

    Raises:
        NothingToAccept: one of the rules did not stop the run, or nobody can accept that it could not be evaluated.
        StillStopped: other rules did, too.
    """
    found = stopping(spark, run_id)
    broken = {str(row["rule"]) for row in found}
    idle = [rule for rule in rules if rule not in broken]
    if idle:
        known = ", ".join(sorted(broken)) or "none"
        raise NothingToAccept(f"{', '.join(idle)} did not stop run {run_id}; these rules did: {known}")
    errors = sorted({str(row["rule"]) for row in found if row["is_error"]})
    if errors:
        raise NothingToAccept(f"{', '.join(errors)} could not be evaluated in run {run_id}: run it again")
    left = sorted(broken - set(rules))
    if left:
        more = " ".join(f"--accept {rule}" for rule in left)
        raise StillStopped(f"run {run_id} was stopped by {', '.join(left)}, too: accept that with {more}")
    at = datetime.now(timezone.utc)
    rows = [row | {"reason": reason, "accepted_by": by, "accepted_at": at} for row in found]
    append_rows(spark, TABLE, rows)
    return [str(row["message"]) for row in rows]


def _accepted(result: RuleResult, before: Sequence[Acceptance]) -> RuleResult:
    if result.success or result.is_error:
        return result
    said = [each.said for each in before if each.covers(result)]
    return replace(result, accepted=said[-1]) if said else result


def _place(result: RuleResult) -> tuple[str, ...]:
    return (result.rule, result.table_name, result.column_name or "", result.expectation)

"""The warehouse's part of the job, step by step: simulate, ingest, build, audit, publish, upkeep."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import import_module
from typing import TYPE_CHECKING

from cli.jobs.dbt import DbtFailed, run_dbt
from cli.jobs.demo_log import DemoLog
from cli.jobs.limits import limits_of
from cli.jobs.snapshots import awaited_snapshot
from cli.machine.account import account
from cli.machine.home import shown
from cli.runs.records import DISCARDED, PUBLISHED, ROLLED_BACK, mark, require_stopped_by_gate
from cli.runs.upkeep import tidy
from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date, timedelta
    from pathlib import Path

    from pyspark.sql import SparkSession

    from cli.jobs.dbt import DbtOutcome
    from cli.machine.home import Home
    from cli.runs.steps import Steps
    from expectations.report import ValidationReport
    from warehouse.landing.ingest import IngestSummary
    from warehouse.landing.reader.rules import Rules
    from warehouse.landing.simulator import SimulationSpec, SimulationSummary
    from warehouse.publishing.publication import Publisher
    from warehouse.publishing.upkeep import Upkeep

RAW_SUITES = ("raw",)
LOG_SUITES = (*RAW_SUITES, "staging")
WAREHOUSE_SUITES = (*LOG_SUITES, "features", "labels", "leaks")
PREDICTION_SUITES = ("predictions", "drift", "performance")
TOLD = 10
TOLD_LEFT_OUT = 3


class CheckFailed(SparkhouseError):
    """A dbt test or an expectation failed: the command ends with exit code 1."""


@dataclass
class Job:
    """What the steps share: the session, the state folder, the record of steps."""

    spark: SparkSession
    home: Home
    steps: Steps

    @property
    def publisher(self) -> Publisher:
        from warehouse.publishing.journal import Journal
        from warehouse.publishing.publication import Publisher

        return Publisher(self.spark, Journal(self.home.journal))

    @contextmanager
    def branch(self) -> Iterator[None]:
        """Let a block write on the branch of this run; what it does not publish stays there, for people to look at."""
        from warehouse.publishing.branch import on_branch

        with on_branch(self.spark, self.steps.run_id):
            try:
                yield
            except Exception:
                self._tell_of_branch()
                raise

    def finish_publication(self) -> None:
        """Finish the publication of a run that was killed while it published; otherwise do nothing."""
        journal = self.publisher.journal
        if journal.needs_finishing:
            with self.steps.step("finish") as step:
                if journal.is_damaged:
                    step.detail = f"{journal.path} was damaged, and is set aside; no publication had been cut short"
                publication = self.publisher.finish()
                if publication:
                    self._keep_backups(move.table for move in publication.moves)
                    step.rows_out = len(publication.moves)
                    step.detail = (
                        f"run {publication.run_id} was stopped in the middle of its {publication.action}: "
                        f"all its {step.rows_out} tables are there now"
                    )

    def publish(self, run_id: str | None = None) -> None:
        """Let all readers see what this run, or another one, has written so far."""
        chosen = run_id or self.steps.run_id
        with self.steps.step("publish") as step:
            publication = self.publisher.publish(chosen)
            moves = publication.moves if publication else ()
            self._keep_backups(move.table for move in moves)
            step.rows_in = step.rows_out = len(moves)
            step.detail = f"{len(moves)} tables of run {chosen}" if moves else "nothing was written"

    def publish_accepted(self, run_id: str, rules: Sequence[str], reason: str) -> None:
        """Publish a run that the gate stopped, in spite of named rules.

        Raises NothingUnpublished, NothingToAccept, StillStopped, NotStoppedByGate, MainHasMoved.
        """
        from expectations.gate import accept_findings
        from warehouse.publishing.branch import require_branch

        require_branch(self.spark, run_id)
        require_stopped_by_gate(self.home, run_id)
        with self.steps.step("accept") as step:
            found = accept_findings(self.spark, self.home.data_docs, run_id, rules, reason, by=account())
            step.rows_out = len(found)
            step.detail = f"{len(found)} findings of {', '.join(rules)}"
        self.publish(run_id)
        mark(self.home, run_id, PUBLISHED)

    def _keep_backups(self, names: Iterable[str]) -> None:
        from warehouse.publishing.metadata_backups import keep_backup

        for name in names:
            keep_backup(name, self.home.warehouse, self.home.metadata_backups)

    def maintain(self, keep: timedelta) -> list[Upkeep]:
        """Compact small files, expire old snapshots, remove orphan files."""
        from warehouse.publishing.upkeep import maintain, needed_snapshots, total

        with self.steps.step("maintain") as step:
            needed = needed_snapshots(self.spark, datetime.now(timezone.utc) - keep)
            tended = maintain(self.spark, self.home.warehouse, needed, keep)
            self._keep_backups(each.table for each in tended)
            tended += tidy(self.home)
            together = total(tended)
            step.detail = (
                f"{together.bytes_before:,} bytes in {together.files_before:,} files before, "
                f"{together.bytes_after:,} in {together.files_after:,} after"
            )
        return tended

    def roll_back(self, run_id: str) -> None:
        """Return every table to the state before a run published."""
        with self.steps.step("rollback") as step:
            publication = self.publisher.roll_back(run_id, self.steps.run_id)
            self._keep_backups(move.table for move in publication.moves)
            step.rows_out = len(publication.moves)
            step.detail = f"{step.rows_out} tables are as they were before run {run_id}"
        mark(self.home, run_id, ROLLED_BACK)

    def discard(self, run_id: str | None, *, older: bool = False) -> None:
        """Take away what a run left on its branch, and all older runs or, without a run, all that left something.

        Raises NothingUnpublished.
        """
        from warehouse.publishing.branch import discard, unpublished_runs

        chosen = [run_id] if run_id else []
        if older:
            chosen += [each for each in unpublished_runs(self.spark) if run_id is None or each < run_id]
        for each in chosen:
            with self.steps.step("discard") as step:
                names = discard(self.spark, each, self.home.warehouse)
                step.rows_out = len(names)
                step.detail = f"run {each} left {', '.join(names)}"
            mark(self.home, each, DISCARDED)
        if not chosen:
            self.steps.tell("No run has left anything unpublished.")

    def _tell_of_branch(self) -> None:
        """Say where the unpublished tables are; where Spark itself has ended, there is nobody to ask."""
        from py4j.protocol import Py4JError  # type: ignore[import-untyped]

        from warehouse.publishing.branch import written_tables

        with suppress(Py4JError, OSError):
            if written_tables(self.spark, self.steps.run_id):
                query = f'sparkhouse sql --run {self.steps.run_id} "select ..."'
                self.steps.tell(
                    f"Nothing of this is published. Look at it: {query}; "
                    f"take it away: sparkhouse runs discard {self.steps.run_id}"
                )

    def ingest(self, patterns: Sequence[str | Path], rules: Rules | None = None) -> IngestSummary:
        """Land logs in the raw tables; a log that a run simulated before makes room for them."""
        from warehouse.landing.finding import find_logs
        from warehouse.landing.ingest import ingest
        from warehouse.landing.logs import NotALog
        from warehouse.landing.reader.rules import Rules
        from warehouse.landing.room import UnpacksTooLarge
        from warehouse.landing.salt import load_salt

        rules = rules or Rules()

        with self.steps.step("ingest") as step:
            salt = load_salt(self.home.salt, is_in_use=self._holds_pseudonyms) if rules.pseudonymise else None
            try:
                found = find_logs(patterns)
                DemoLog(self.spark, self.home).require_apart(found.paths)
                summary = ingest(self.spark, found, self.home.landing, salt, rules)
            except (NotALog, UnpacksTooLarge) as refused:
                raise CheckFailed(str(refused)) from refused
            step.rows_in, step.rows_out = summary.lines, summary.accepted
            step.detail = (
                f"{summary.lines:,} lines = {summary.accepted:,} accepted + {summary.rejected:,} rejected"
                f" + {summary.blank:,} blank; {summary.files} files, {summary.files_skipped} known already"
            )
            step.detail += told_dialects(summary) + told_reasons(summary) + told_left_out(summary)
        for doubt in (doubt_of_clock(summary), doubt_of_users(summary)):
            if doubt:
                self.steps.tell(doubt)
        self.keep_logs_apart()
        return summary

    def replay_rejected(self, rules: Rules | None = None) -> None:
        """Judge the refused lines anew: those that are events by today's rules join them."""
        from warehouse.landing.reader.rules import Rules
        from warehouse.landing.replay import replay_rejected

        with self.steps.step("replay") as step:
            summary = replay_rejected(self.spark, rules or Rules())
            step.rows_in, step.rows_out = summary.lines, summary.accepted
            step.detail = (
                f"{summary.lines:,} refused lines = {summary.accepted:,} accepted + {summary.rejected:,} refused"
            )
            step.detail += told_reasons(summary)
            if summary.final:
                step.detail += f"; {summary.final:,} of them cannot be judged anew: only their shape was kept"
        self.keep_logs_apart()

    def _holds_pseudonyms(self) -> bool:
        """Whether there are names in the raw tables that the salt made pseudonyms of."""
        named = "select 1 from raw.events where coalesce(first_name, last_name) is not null limit 1"
        return self.spark.catalog.tableExists("raw.events") and not self.spark.sql(named).isEmpty()

    def keep_logs_apart(self) -> None:
        """Take the log that a run simulated out again, where there are events of the user's own."""
        demo = DemoLog(self.spark, self.home)
        if demo.is_held and demo.is_beside_events:
            with self.steps.step("retire") as step:
                step.rows_in = self.count("raw.events")
                demo.retire()
                step.rows_out = self.count("raw.events")
                step.detail = "the simulated log and its predictions made room for yours"

    def build(self, *extra: str) -> DbtOutcome:
        """Run `dbt build`.

        Raises:
            CheckFailed: a test failed.
            DbtFailed: a model could not be built.
        """
        try:
            return self._dbt_build(*extra)
        except CheckFailed as failed:
            # What is wrong with the log itself says more than the tests of what was made of it.
            raise CheckFailed("\n".join([*self._faults_of_log(), str(failed)])) from failed

    def dbt(self, arguments: Sequence[str]) -> None:
        """Run any other dbt command that writes. Raises CheckFailed, DbtFailed."""
        with self.steps.step("dbt") as step:
            outcome = run_dbt(arguments)
            step.detail = f"{len(outcome.of('success'))} nodes built, {len(outcome.of('pass'))} tests passed"
            if outcome.exit_code:
                step.fail(step.detail)
                raise_failed(outcome)

    def _dbt_build(self, *extra: str) -> DbtOutcome:
        with self.steps.step("build") as step:
            step.rows_in = self.count("raw.events")
            outcome = run_dbt(["--log-level", "none", "build", *extra], on_start=self.steps.progress)
            models = [node for node in outcome.of("success") if node.kind == "model"]
            step.detail = f"{len(models)} models, {len(outcome.of('pass'))} tests passed"
            if outcome.exit_code:
                step.fail(step.detail)
                raise_failed(outcome)
            step.rows_out = self.count("marts.fct_user_features")
        awaited = awaited_snapshot(self.spark, step.rows_out)
        if awaited:
            self.steps.tell(awaited)
        return outcome

    def _faults_of_log(self) -> list[str]:
        report = self._validated(LOG_SUITES)
        return [told_failures(report)] if report.failures else []

    def backfill_options(self, first: date | None, last: date | None) -> list[str]:
        """The options of `build` that make the snapshots from `first` to `last` only; none where neither is given.

        With vars other than last time's, dbt parses the project anew: in a folder of its own, a backfill leaves what
        full builds have parsed as it is.
        """
        bounds = {"snapshots_from": first, "snapshots_to": last}
        chosen = {name: day.isoformat() for name, day in bounds.items() if day}
        if not chosen:
            return []
        return ["--vars", json.dumps(chosen), "--target-path", str(self.home.path / "dbt" / "backfill")]

    def audit(self, suites: Sequence[str]) -> ValidationReport:
        """Run the Great Expectations suites.

        Raises:
            CheckFailed: an expectation failed or had an error.
        """
        from warehouse.publishing.branch import written_tables

        report = self._validated(suites)
        if not report.passed:
            can_publish = bool(written_tables(self.spark, self.steps.run_id))
            raise CheckFailed("\n".join([told_failures(report), *(way_on(report) if can_publish else ())]))
        # Why and what to do about it stands in the Data Docs.
        seen = [f"Warning: {warning.brief}" for warning in report.warnings]
        seen += [f"Accepted: {finding.brief} ({finding.accepted})" for finding in report.accepted]
        seen += [f"Accepted: {said}" for said in report.newly_accepted]
        if seen:
            self.steps.tell(summary(seen, self.steps.run_id))
        return report

    def _validated(self, suites: Sequence[str]) -> ValidationReport:
        from expectations.gate import validate
        from warehouse.contract.catalogue import features

        limits, run_id = limits_of(self.home), self.steps.run_id
        with self.steps.step("validate") as step:
            report = validate(self.spark, suites, self.home.data_docs, run_id, features(), limits=limits)
            broken = len(report.failures)
            step.rows_in, step.rows_out = len(report.results), broken
            step.detail = (
                f"{len(report.results)} expectations of {', '.join(suites)}, {broken} not met; {report.jobs} Spark jobs"
            )
            if broken:
                step.fail(step.detail)
        return report

    def count(self, table: str) -> int | None:
        """Rows of a table (from Iceberg's metadata, no scan), None if there is no such table."""
        return self.spark.table(table).count() if self.spark.catalog.tableExists(table) else None


def simulate_log(spec: SimulationSpec, out: Path, steps: Steps, *, by_day: bool = False) -> SimulationSummary:
    """Write a simulated log."""
    from warehouse.landing.simulator import simulate

    with steps.step("simulate") as step:
        summary = simulate(spec, out, by_day)
        step.rows_out = summary.rows
        step.detail = (
            f"{summary.rows:,} rows of {summary.users} users, {summary.churned_users} churned, in {shown(out)}"
        )
    return summary


def told_dialects(summary: IngestSummary) -> str:
    """How the files are spelled, by the mapping that each was read by; nothing where no line was JSON."""
    files = sorted(summary.dialects.items(), key=lambda item: (-item[1], item[0]))
    if len(files) == 1:
        return f"; read as {files[0][0]}"
    return "; read as " + ", ".join(f"{name} ({count} files)" for name, count in files) if files else ""


def doubt_of_clock(summary: IngestSummary) -> str | None:
    """What to say where most lines lie ahead of this machine's clock: it is more likely to be wrong than they."""
    from warehouse.landing.reader.reader import FUTURE

    ahead = summary.reasons.get(FUTURE, 0)
    if ahead * 2 <= summary.lines:
        return None
    return (
        f"Warning: {ahead:,} of {summary.lines:,} lines lie after the time of ingest. This machine's clock says "
        f"{datetime.now(timezone.utc):%F %T} UTC and may be wrong: set it, then: sparkhouse ingest --replay-rejected"
    )


def doubt_of_users(summary: IngestSummary) -> str | None:
    """What to say where no event has a user who registered: models, snapshots and predictions are of such users."""
    if summary.of_users or not summary.accepted:
        return None
    return (
        f"Warning: of {summary.accepted:,} events none has both a userId and a registration, so all are taken for "
        "guests', and nobody can be scored. If the log has them under other keys, name these in a --mapping."
    )


def told_reasons(summary: IngestSummary) -> str:
    """Why lines were refused, the most frequent reason first; nothing where none was."""
    reasons = sorted(summary.reasons.items(), key=lambda item: -item[1])
    return "".join(f"; {reason}: {lines:,}" for reason, lines in reasons)


def told_left_out(summary: IngestSummary) -> str:
    """What was no log, the first few by name; nothing where all were."""
    first = ", ".join(map(str, summary.left_out[:TOLD_LEFT_OUT]))
    more = f" and {len(summary.left_out) - TOLD_LEFT_OUT:,} more" if len(summary.left_out) > TOLD_LEFT_OUT else ""
    return f"; {len(summary.left_out):,} left out: {first}{more}" if summary.left_out else ""


def summary(failures: Sequence[str], run_id: str) -> str:
    """The first failures, a line each, and where the others are."""
    lines = list(failures[:TOLD])
    if len(failures) > TOLD:
        query = f"select * from monitoring.validation_results where run_id = '{run_id}' and not success"  # noqa: S608
        lines.append(f'and {len(failures) - TOLD} more: sparkhouse sql "{query}"')
    return "\n".join(lines)


def told_failures(report: ValidationReport) -> str:
    """What the gate did not let pass."""
    return summary([failure.message for failure in report.failures], report.run_id)


def way_on(report: ValidationReport) -> list[str]:
    """How to publish a run all the same that findings stopped; a rule that could not be evaluated, nobody accepts."""
    rules = sorted({failure.rule for failure in report.failures if not failure.is_error})
    accepted = " ".join(f"--accept {rule}" for rule in rules)
    told = (
        f"Where that is as it should be, publish it all the same: sparkhouse publish {report.run_id} {accepted} "
        '--reason "..."; or give limits.yml of the state folder other limits: sparkhouse gate lists them'
    )
    return [told] if rules else []


def raise_failed(outcome: DbtOutcome) -> None:
    """Raise what a dbt outcome with a non-zero exit code means."""
    broken = outcome.of("error", "runtime error")
    if broken or outcome.error:
        raise DbtFailed("\n".join([outcome.error, *(f"{node.name}: {node.message}" for node in broken)]).strip())
    raise CheckFailed("\n".join(f"{node.name}: {node.message}" for node in outcome.of("fail")))


def import_in_background(*modules: str) -> None:
    """Import slow modules while the JVM starts and ingests; who needs one waits for it by importing it."""
    threading.Thread(target=lambda: [import_module(name) for name in modules], daemon=True).start()

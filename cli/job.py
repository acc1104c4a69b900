"""The main job, step by step: simulate, ingest, build, audit, train, predict."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from cli.dbt import DbtFailed, run_dbt
from cli.home import shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from pyspark.sql import SparkSession

    from cli.dbt import DbtOutcome
    from cli.home import Home
    from cli.steps import Steps
    from expectations.report import ValidationReport
    from models_ml.prediction import PredictionReport
    from models_ml.training_file import TrainingFile, TrainingFileSpec
    from models_ml.training_report import TrainingReport
    from models_ml.training_spec import TrainingSpec
    from warehouse.landing.ingest import IngestSummary
    from warehouse.landing.simulator import SimulationSpec, SimulationSummary

WAREHOUSE_SUITES = ("raw", "staging", "features", "labels", "leaks")
PREDICTION_SUITES = ("predictions",)
TOLD = 10


class CheckFailed(Exception):
    """A dbt test or an expectation failed: the command ends with exit code 1."""


@dataclass
class Job:
    """What the steps share: the session, the state folder, the record of steps."""

    spark: SparkSession
    home: Home
    steps: Steps

    def ingest(self, patterns: Sequence[str | Path]) -> IngestSummary:
        """Land logs in the raw tables; a log that a run simulated before makes room for them."""
        from warehouse.landing.ingest import ingest
        from warehouse.landing.logs import find_logs
        from warehouse.landing.salt import load_salt

        with self.steps.step("ingest") as step:
            summary = ingest(self.spark, patterns, self.home.landing, load_salt(self.home.salt))
            step.rows_in, step.rows_out = summary.lines, summary.accepted
            step.detail = (
                f"{summary.lines:,} lines = {summary.accepted:,} accepted + {summary.rejected:,} rejected"
                f" + {summary.blank:,} blank; {summary.files} files, {summary.files_skipped} known already"
            )
            for reason, lines in sorted(summary.reasons.items(), key=lambda item: -item[1]):
                step.detail += f"; {reason}: {lines:,}"
        if self.home.simulated_log.exists() and self.home.simulated_log not in find_logs(patterns):
            self._retire_simulated_log()
        return summary

    def _retire_simulated_log(self) -> None:
        """Take the log that a run simulated out again: it must not be pooled with a log of the user's own."""
        simulated = {"file": str(self.home.simulated_log)}
        with self.steps.step("retire") as step:
            step.rows_in = self.count("raw.events")
            for table in ("raw.events", "raw.rejected_events", "raw.ingested_files"):
                self.spark.sql(f"delete from {table} where source_file = :file", simulated)  # noqa: S608 - our tables
            if self.count("ml.churn_predictions"):
                self.spark.sql("delete from ml.churn_predictions")
            self.home.simulated_log.unlink()
            step.rows_out = self.count("raw.events")
            step.detail = "the simulated log and its predictions made room for yours"

    def build(self, *extra: str) -> DbtOutcome:
        """Run `dbt build`.

        Raises:
            CheckFailed: a test failed.
            DbtFailed: a model could not be built.
        """
        with self.steps.step("build") as step:
            step.rows_in = self.count("raw.events")
            outcome = run_dbt(["--log-level", "none", "build", *extra], on_start=self.steps.progress)
            models = [node for node in outcome.of("success") if node.kind == "model"]
            step.detail = f"{len(models)} models, {len(outcome.of('pass'))} tests passed"
            if outcome.exit_code:
                step.fail(step.detail)
                raise_failed(outcome)
            step.rows_out = self.count("marts.fct_user_features")
        return outcome

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
        from expectations.gate import validate
        from warehouse.catalogue import features

        with self.steps.step("validate") as step:
            report = validate(self.spark, suites, self.home.data_docs, self.steps.run_id, features())
            step.rows_in, step.rows_out = len(report.results), len(report.failures)
            step.detail = f"{len(report.results)} expectations of {', '.join(suites)}, {len(report.failures)} not met"
            if not report.passed:
                step.fail(step.detail)
                raise CheckFailed(told([failure.message for failure in report.failures], self.steps.run_id))
        return report

    def train(self, spec: TrainingSpec) -> TrainingReport:
        """Fit and compare the models, keep the best."""
        from models_ml.training import train
        from warehouse.catalogue import features

        with self.steps.step("train") as step:
            names = [feature.name for feature in features()]
            report = train(self.spark, spec, self.home.mlflow, names)
            step.rows_in, step.rows_out = report.train.rows + report.test.rows, len(report.metrics)
            step.detail = f"{report.algorithm} of {len(report.metrics) - 1} algorithms is {report.model_version}"
        return report

    def write_training_set(self, spec: TrainingFileSpec) -> TrainingFile:
        """Write a training set to a file."""
        from models_ml.training_file import write_training_file

        with self.steps.step("write") as step:
            written = write_training_file(self.spark, spec)
            step.rows_in = step.rows_out = written.rows
            known = f", as built at {written.built_at.isoformat()}" if written.built_at else ""
            step.detail = (
                f"{written.rows:,} rows of {written.snapshots} snapshots, {written.features} features and {spec.label}"
                f"{known}, in {shown(spec.out)}"
            )
        return written

    def predict(self, label: str, as_of: date | None = None, model_version: str | None = None) -> PredictionReport:
        """Score a snapshot."""
        from models_ml.prediction import predict

        with self.steps.step("predict") as step:
            report = predict(self.spark, label, as_of, model_version, self.home.mlflow)
            step.rows_in = step.rows_out = report.users
            step.detail = f"{report.users:,} users as of {report.as_of} with {report.model_version}"
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


def told(failures: Sequence[str], run_id: str) -> str:
    """The first failures, a line each, and where the others are."""
    lines = list(failures[:TOLD])
    if len(failures) > TOLD:
        query = f"select * from monitoring.validation_results where run_id = '{run_id}' and not success"  # noqa: S608
        lines.append(f'and {len(failures) - TOLD} more: sparkhouse sql "{query}"')
    return "\n".join(lines)


def raise_failed(outcome: DbtOutcome) -> None:
    """Raise what a dbt outcome with a non-zero exit code means."""
    broken = outcome.of("error", "runtime error")
    if broken or outcome.error:
        raise DbtFailed("\n".join([outcome.error, *(f"{node.name}: {node.message}" for node in broken)]).strip())
    raise CheckFailed("\n".join(f"{node.name}: {node.message}" for node in outcome.of("fail")))


def import_in_background(*modules: str) -> None:
    """Import slow modules while the JVM starts and ingests; who needs one waits for it by importing it."""
    threading.Thread(target=lambda: [import_module(name) for name in modules], daemon=True).start()

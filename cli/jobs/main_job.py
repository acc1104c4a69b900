"""`sparkhouse run`: the whole job in one process and one JVM."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.jobs.limits import limits_of
from cli.jobs.model_job import ModelJob
from cli.jobs.warehouse_job import PREDICTION_SUITES, WAREHOUSE_SUITES, import_in_background, simulate_log
from cli.machine.home import Home
from cli.runs.records import recorded
from cli.spark.session import start_spark

if TYPE_CHECKING:
    from pathlib import Path

    from cli.runs.steps import Steps
    from models_ml.registry.training_report import TrainingReport
    from models_ml.scoring.prediction import PredictionReport
    from warehouse.landing.reader.rules import Rules

SLOW_IMPORTS = ("dbt.cli.main", "great_expectations", "mlflow", "sklearn.metrics")


@dataclass(frozen=True)
class RunReport:
    """What came out of a run, and where its records are; None is what the log is too small or too short for."""

    training: TrainingReport | None
    predictions: PredictionReport | None
    metric_card: Path | None
    run_json: Path
    data_docs: Path


def run_all(
    events: str | None, label: str, steps: Steps, rules: Rules | None = None, *, wait: bool = False
) -> RunReport:
    """Ingest, build, audit, publish, train, predict, audit and publish again; `run.json` is written however it ends.

    Without a log of their own, people get a simulated one; where they have ingested their own, the job works on that.
    The features are published before the models are trained: a log too small for a model, such as the first of daily
    deliveries, has its tables all the same, and that there is no model yet is no failure.
    """
    from models_ml.spec.training_spec import TrainingSpec

    spec = TrainingSpec(label=label)
    home = Home.from_environment()
    limits_of(home)
    run_json = home.reports / "run.json"
    try:
        with recorded(home, steps, wait=wait):
            with ThreadPoolExecutor(1) as background:
                starting = background.submit(start_spark)
                log = events or simulated_log(home, steps, has_logs=home.has_logs)
                import_in_background(*SLOW_IMPORTS)
                job = ModelJob(starting.result(), home, steps)
            job.finish_publication()
            with job.branch():
                if not log and not job.count("raw.ingested_files"):
                    # There was a run with a log, but it was stopped before it published anything.
                    log = simulated_log(home, steps, has_logs=False)
                if log:
                    job.ingest([log], rules)
                # Unit tests are about the models' logic, not today's data: `sparkhouse build` and the tests run them.
                job.build("--exclude-resource-type", "unit_test")
                data_docs = job.audit(WAREHOUSE_SUITES).index_page
                job.publish()
                job.record_outcomes()
                training = job.train_if_possible(spec)
                predictions = job.predict_if_possible(label)
                if predictions:
                    data_docs = job.audit(PREDICTION_SUITES).index_page
                    job.publish()
    finally:
        steps.write(run_json)
    metric_card = home.model_card(training) if training else None
    return RunReport(training, predictions, metric_card, run_json, data_docs)


def simulated_log(home: Home, steps: Steps, *, has_logs: bool) -> Path | None:
    """The log of a run without a log: simulated once, with the embedded defaults; None where others were ingested."""
    from warehouse.landing.simulator import SimulationSpec

    if has_logs:
        return None
    if not home.simulated_log.exists():
        simulate_log(SimulationSpec(), home.simulated_log, steps)
    return home.simulated_log

"""`sparkhouse run`: the whole job in one process and one JVM."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.home import Home
from cli.job import PREDICTION_SUITES, WAREHOUSE_SUITES, Job, import_in_background, simulate_log
from cli.session import start_spark

if TYPE_CHECKING:
    from pathlib import Path

    from cli.steps import Steps
    from models_ml.prediction import PredictionReport
    from models_ml.training_report import TrainingReport

SLOW_IMPORTS = ("dbt.cli.main", "great_expectations", "mlflow", "sklearn.metrics")


@dataclass(frozen=True)
class RunReport:
    """What came out of a run, and where its records are."""

    training: TrainingReport
    predictions: PredictionReport
    run_json: Path
    data_docs: Path


def run_all(events: str | None, label: str, steps: Steps) -> RunReport:
    """Ingest, build, audit, train, predict, audit again; `run.json` is written however it ends.

    Without a log of their own, people get a simulated one; where they have ingested their own, the job works on that.
    """
    from models_ml.training_spec import TrainingSpec

    spec = TrainingSpec(label=label)
    home = Home.from_environment()
    run_json = home.reports / "run.json"
    try:
        with ThreadPoolExecutor(1) as background:
            starting = background.submit(start_spark)
            log = events or simulated_log(home, steps)
            import_in_background(*SLOW_IMPORTS)
            job = Job(starting.result(), home, steps)
        if log:
            job.ingest([log])
        # Unit tests are about the models' logic, not about today's data: `sparkhouse build` and the tests run them.
        job.build("--exclude-resource-type", "unit_test")
        job.audit(WAREHOUSE_SUITES)
        training = job.train(spec)
        predictions = job.predict(label)
        data_docs = job.audit(PREDICTION_SUITES).index_page
    finally:
        steps.write(run_json)
    return RunReport(training, predictions, run_json, data_docs)


def simulated_log(home: Home, steps: Steps) -> Path | None:
    """The log of a run without a log: simulated once, with the embedded defaults; None where others were ingested."""
    from warehouse.landing.simulator import SimulationSpec

    if not home.simulated_log.exists():
        if home.has_logs:
            return None
        simulate_log(SimulationSpec(), home.simulated_log, steps)
    return home.simulated_log

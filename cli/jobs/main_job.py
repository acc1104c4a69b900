"""`sparkhouse run`: the whole job in one process and one JVM."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from cli.jobs import auditing, building, exporting, landing, modelling, publishing, reporting
from cli.jobs.background import import_in_background
from cli.jobs.limits import limits_of
from cli.jobs.workspace import Workspace
from cli.machine.disk import lack_of_room
from cli.machine.home import Home
from cli.printing.run_report import RunReport
from cli.runs.records import recorded
from cli.spark.session import start_spark
from cli.spark.sizing import held_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from cli.jobs.modelling import TrainingWish
    from cli.runs.steps import Steps
    from models_ml.scoring.prediction import PredictionReport
    from warehouse.landing.reader.rules import Rules

# The log that the simulator writes by its defaults.
SIMULATED_BYTES = 132_000_000
SLOW_IMPORTS = ("dbt.cli.main", "great_expectations", "mlflow", "sklearn.metrics")


def run_all(
    events: str | None, wish: TrainingWish, steps: Steps, rules: Rules | None = None, *, wait: bool = False
) -> RunReport:
    """Ingest, build, audit, publish, train, predict, audit and publish again; `run.json` is written however it ends.

    Without a log of their own, people get a simulated one; where they have ingested their own, the job works on that.
    The features are published before the models are trained: a log too small for a model, such as the first of daily
    deliveries, has its tables all the same, and that there is no model yet is no failure. What would come out as it is
    published already is not done again.
    """
    from models_ml.spec.training_spec import TrainingSpec

    label, spec = wish.label, TrainingSpec(label=wish.label)
    home = Home.from_environment()
    limits_of(home)
    to_read = bytes_to_read(home, events)
    run_json = home.run_json
    try:
        with recorded(home, steps, wait=wait):
            if lack := lack_of_room(home.disk, to_read):
                steps.tell(lack)
            with ThreadPoolExecutor(1) as background:
                starting = background.submit(start_spark, to_read + held_bytes(home))
                log = events or simulated_log(home, steps, has_logs=home.has_logs)
                import_in_background(*SLOW_IMPORTS)
                workspace = Workspace(starting.result(), home, steps)
            publishing.finish_publication(workspace)
            with (
                exporting.followed(workspace),
                reporting.what_stopped(workspace),
                publishing.on_branch(workspace),
            ):
                if not log and not workspace.count("raw.ingested_files"):
                    # There was a run with a log, but it was stopped before it published anything.
                    log = simulated_log(home, steps, has_logs=False)
                if log:
                    landing.ingest(workspace, [log], rules)
                is_due = building.is_due(workspace)
                is_built = is_due and building.build_and_publish(workspace)
                training = modelling.train_if_possible(workspace, spec, wish.when)
                is_scored = not (is_built or training) and modelling.has_predicted(workspace, label)
                predictions = None if is_scored else _predict(workspace, label)
            # Of what was published before, the report is there.
            if is_due or predictions or not home.report_page.exists():
                reporting.report(workspace)
    finally:
        steps.write(run_json)
    metric_card = home.model_card(training) if training else None
    has_predictions = is_scored or predictions is not None
    return RunReport(
        training, predictions, has_predictions, metric_card, run_json, home.data_docs_page, home.report_page
    )


def _predict(workspace: Workspace, label: str) -> PredictionReport | None:
    """Score the newest snapshot, audit and publish; None where there is no model, or no snapshot."""
    predictions = modelling.predict_if_possible(workspace, label)
    if predictions:
        auditing.audit(workspace, auditing.PREDICTION_SUITES)
        publishing.publish(workspace)
    return predictions


def bytes_to_read(home: Home, events: str | None) -> int:
    """About how many bytes of log a run takes in: of the log named, or of the one that it simulates."""
    from warehouse.landing.stores import named_bytes

    if events:
        return named_bytes([events])
    return 0 if home.has_logs else SIMULATED_BYTES


def simulated_log(home: Home, steps: Steps, *, has_logs: bool) -> Path | None:
    """The log of a run without a log: simulated once, with the embedded defaults; None where others were ingested."""
    from warehouse.landing.simulator import SimulationSpec

    if has_logs:
        return None
    if not home.simulated_log.exists():
        landing.simulate_log(SimulationSpec(), home.simulated_log, steps)
    return home.simulated_log

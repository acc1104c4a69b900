"""Steps of the models: train, predict, look back at what was predicted, write a training set."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

from cli.jobs import publishing
from cli.machine.home import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from cli.jobs.workspace import Workspace
    from cli.runs.steps import Step
    from models_ml.dataset.training_file import TrainingFile, TrainingFileSpec
    from models_ml.errors import ModelJobError
    from models_ml.registry.training_report import TrainingReport
    from models_ml.scoring.prediction import PredictionReport
    from models_ml.spec.training_spec import TrainingSpec

Result = TypeVar("Result")


class When(str, Enum):
    """When `run` trains: each time, when there is something to learn anew, or not at all."""

    always = "always"
    when_due = "when-due"
    never = "never"


@dataclass(frozen=True)
class TrainingWish:
    """Which label `run` is about, and when it trains."""

    label: str
    when: When = When.when_due


def train(workspace: Workspace, spec: TrainingSpec, promote: str = "auto") -> TrainingReport:
    """Fit and compare the models, keep the best as a version, and write its metric card."""
    with workspace.steps.step("train") as step:
        return _trained(workspace, spec, promote, step)


def train_if_possible(workspace: Workspace, spec: TrainingSpec, when: When) -> TrainingReport | None:
    """The same, when it is wanted; None where it is not, or where the log carries no model yet, which is no failure.

    The step says why it trains, or why not.
    """
    from models_ml.errors import NoKnownSnapshot, OneClassOnly, TooFewSnapshots, TooFewUsers
    from models_ml.training.due import reason_to_train

    with workspace.steps.step("train") as step:
        if when is When.never:
            step.skip("no new model: --train never")
            return None
        reason = reason_to_train(workspace.spark, spec.label, feature_names())
        if when is When.when_due and reason is None:
            step.skip("no new model: the newest has learnt from all labels that are known; --train always trains anew")
            return None
        try:
            report = _trained(workspace, spec, "auto", step)
        except (NoKnownSnapshot, OneClassOnly, TooFewSnapshots, TooFewUsers) as lack:
            step.skip(f"no new model: {lack}")
            return None
        step.detail += f"; trained because {reason or 'it was asked for'}"
        return report


def _trained(workspace: Workspace, spec: TrainingSpec, promote: str, step: Step) -> TrainingReport:
    from models_ml.training import job

    report = job.train(workspace.spark, spec, workspace.home.mlflow, feature_names(), promote)
    card = workspace.home.model_card(report)
    card.parent.mkdir(parents=True, exist_ok=True)
    card.write_text(report.card.to_html(), encoding="utf-8")
    step.rows_in, step.rows_out = report.card.train.rows + report.card.test.rows, len(report.folds)
    role = "champion" if report.promotion.promoted else "challenger"
    step.detail = f"{report.algorithm} of {len(report.folds)} algorithms is {role} {report.model_version}"
    return report


def predict(
    workspace: Workspace, label: str, as_of: date | None = None, model_version: str | None = None
) -> PredictionReport:
    """Score a snapshot."""
    from models_ml.scoring import prediction

    with workspace.steps.step("predict") as step:
        report = prediction.predict(workspace.spark, label, as_of, model_version, workspace.home.mlflow)
        step.rows_in = step.rows_out = report.users
        step.detail = f"{report.users:,} users as of {report.as_of} with {report.model_version}"
    return report


def predict_if_possible(workspace: Workspace, label: str) -> PredictionReport | None:
    """Score the newest snapshot; None where there is no model of the label, or no snapshot."""
    from models_ml.registry.model_versions import champion

    if not workspace.count("marts.fct_user_features") or champion(workspace.spark, label) is None:
        return None
    return predict(workspace, label)


def has_predicted(workspace: Workspace, label: str) -> bool:
    """Whether the champion has scored the newest snapshot."""
    from models_ml.registry.model_versions import champion
    from models_ml.tables import FEATURES, PREDICTIONS

    row = champion(workspace.spark, label)
    if row is None or not workspace.count(PREDICTIONS):
        return False
    newest = f"select max(as_of_date) from {FEATURES}"  # noqa: S608 - our own table
    scored = workspace.spark.table(PREDICTIONS).where(f"as_of_date = ({newest})")
    return not scored.where((scored.label == label) & (scored.model_version == row.model_version)).isEmpty()


def record_outcomes(workspace: Workspace) -> None:
    """Set what was predicted beside what came of it, where that is known by now."""
    from models_ml.monitoring import prediction_outcomes

    predictions = workspace.count("ml.churn_predictions")
    if predictions:
        with workspace.steps.step("outcomes") as step:
            step.rows_in = predictions
            step.rows_out = prediction_outcomes.record_outcomes(workspace.spark)
            step.detail = f"{step.rows_out:,} predictions with a known outcome"


def write_training_set(workspace: Workspace, spec: TrainingFileSpec) -> TrainingFile:
    """Write a training set to a file."""
    from models_ml.dataset.training_file import write_training_file
    from models_ml.tables import FEATURES, LABELS
    from warehouse.publishing.reading import newest_snapshots
    from warehouse.publishing.spark_catalog import SparkCatalog

    with workspace.steps.step("write") as step:
        journal = publishing.publisher(workspace).journal
        published = newest_snapshots(SparkCatalog(workspace.spark), journal, (FEATURES, LABELS))
        written = write_training_file(workspace.spark, spec, published)
        step.rows_in = step.rows_out = written.rows
        known = f", as built at {written.built_at.isoformat()}" if written.built_at else ""
        step.detail = (
            f"{written.rows:,} rows of {written.snapshots} snapshots, {written.features} features and {spec.label}"
            f"{known}, in {shown(spec.out)}"
        )
    return written


def feature_names() -> list[str]:
    """The columns of the feature table that may train."""
    from warehouse.contract.catalogue import features

    return [feature.name for feature in features()]


def each_that_can(tasks: Iterable[Callable[[], Result]]) -> tuple[list[Result], list[ModelJobError]]:
    """Do one task after the other; what the tables do not carry stops none of the others, and is among the faults."""
    from models_ml.errors import ModelJobError

    done: list[Result] = []
    faults: list[ModelJobError] = []
    for task in tasks:
        try:
            done.append(task())
        except ModelJobError as fault:  # noqa: PERF203 - a training takes a minute
            faults.append(fault)
    return done, faults

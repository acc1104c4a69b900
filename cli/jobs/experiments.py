"""Steps that compare ways to train and to evaluate: nothing that they do is published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.jobs.modelling import feature_names

if TYPE_CHECKING:
    from pyspark.sql import Row

    from cli.jobs.workspace import Workspace
    from models_ml.experiments.backtest import BacktestDate
    from models_ml.experiments.imbalance_comparison import ComparedModel
    from models_ml.experiments.next_outcome.classes import OutcomeReport
    from models_ml.experiments.reproduction import Reproduction
    from models_ml.experiments.retrospective.protocol import RetrospectiveReport
    from models_ml.spec.training_spec import TrainingSpec


def compare_imbalance(workspace: Workspace, spec: TrainingSpec) -> list[ComparedModel]:
    """Train with each way to deal with imbalance."""
    from models_ml.experiments import imbalance_comparison

    with workspace.steps.step("train") as step:
        compared = imbalance_comparison.compare_imbalance(
            workspace.spark, spec, feature_names(), workspace.steps.run_id
        )
        step.rows_out = len(compared)
        step.detail = f"{len(compared)} models compared"
    return compared


def backtest(workspace: Workspace, spec: TrainingSpec, dates: int) -> list[BacktestDate]:
    """Train at past dates on what was known then, and score these."""
    from models_ml.experiments import backtest

    with workspace.steps.step("backtest") as step:
        walked = backtest.backtest(workspace.spark, spec, feature_names(), dates)
        step.rows_out = sum(each.rows for each in walked)
        step.detail = f"{len(walked)} dates, {step.rows_out:,} predictions with their outcomes"
    return walked


def retrospective(workspace: Workspace) -> tuple[RetrospectiveReport, Row | None]:
    """Evaluate the notebooks' way, and keep what it finds; with the champion, whose numbers are honest."""
    from models_ml.experiments.retrospective import protocol, records
    from models_ml.registry.model_versions import champion
    from warehouse.contract.labels import default_label

    with workspace.steps.step("evaluate") as step:
        report = protocol.retrospective(workspace.spark, feature_names())
        records.record_evaluation(workspace.spark, report, workspace.steps.run_id)
        step.rows_out = len(report.rows)
        step.detail = "whole lives, split at random: for comparison only"
    return report, champion(workspace.spark, default_label())


def compare_outcomes(workspace: Workspace, seed: int) -> OutcomeReport:
    """Tell all outcomes apart at once, and one against the rest."""
    from models_ml.experiments.next_outcome import classes

    with workspace.steps.step("evaluate") as step:
        report = classes.compare_outcomes(workspace.spark, feature_names(), seed)
        step.rows_out = len(report.scores)
        step.detail = "next_outcome, all classes at once and one against the rest"
    return report


def reproduce(workspace: Workspace, model_version: str) -> Reproduction:
    """Train a version again on the tables as it saw them."""
    from models_ml.experiments.reproduction import reproduce as reproduce_version

    with workspace.steps.step("train") as step:
        reproduction = reproduce_version(workspace.spark, model_version)
        step.rows_out = reproduction.metrics
        step.detail = f"{model_version} once more: {'equal' if reproduction.is_equal else 'not equal'}"
    return reproduction

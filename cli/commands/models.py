"""The commands of the model job: train, compare, predict, look back, spend a budget."""

from __future__ import annotations

from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from cli.commands.access import reader, writer, writer_on_branch
from cli.commands.options import DEFAULT_LABEL, LABELS, AsOf, Format, Label, Quiet, Seed, Wait
from cli.jobs import auditing, campaigning, experiments, model_store, modelling, publishing
from cli.jobs.checks import CheckFailed
from models_ml.campaigns.spec import CampaignSpec

models_app = typer.Typer(help="List all model versions; remove those no longer needed.")


class Imbalance(str, Enum):
    """What is done to the training rows about the few who leave."""

    weights = "weights"
    none = "none"
    under = "under"
    over = "over"
    smote = "smote"


class Promote(str, Enum):
    """Whether a new version becomes champion."""

    auto = "auto"
    never = "never"
    force = "force"


class Protocol(str, Enum):
    """How models are evaluated."""

    retrospective = "retrospective"
    outcomes = "outcomes"


SEED = 20181001


def train(
    label: Label = DEFAULT_LABEL,
    all_labels: Annotated[
        bool, typer.Option("--all-labels", help="All labels, one after the other; those that cannot are told.")
    ] = False,
    imbalance: Annotated[
        Imbalance, typer.Option(help="What is done about the few who leave, on training folds only.")
    ] = Imbalance.weights,
    pca: Annotated[
        int | None, typer.Option(min=1, help="Train on so many principal components instead of the elements.")
    ] = None,
    promote: Annotated[
        Promote, typer.Option(help="Make it champion if it is better by more than chance, or never, or anyhow.")
    ] = Promote.auto,
    seed: Seed = SEED,
    quiet: Quiet = False,
    wait: Wait = False,
) -> None:
    """Search, fit and compare six MLlib algorithms on the snapshots with a known label; keep the best as a version.

    Of next_outcome, models of all its classes at once are compared with one for each class, and none is kept.
    """
    from cli.printing.model_reports import print_outcomes
    from cli.printing.run_report import print_training
    from models_ml.spec.training_spec import OUTCOME, TrainingSpec

    labels = [*LABELS, OUTCOME] if all_labels else [label]
    binary = [each for each in labels if each != OUTCOME]
    specs = [TrainingSpec(label=each, seed=seed, imbalance=imbalance.value, components=pca) for each in binary]
    with writer_on_branch("train", quiet=quiet, wait=wait, log_bytes=0) as workspace:
        trainings = [partial(modelling.train, workspace, spec, promote.value) for spec in specs]
        comparisons = [partial(experiments.compare_outcomes, workspace, seed)] if OUTCOME in labels else []
        trained, untrained = modelling.each_that_can(trainings)
        compared, uncompared = modelling.each_that_can(comparisons)
        faults = [*untrained, *uncompared]
        if not (trained or compared):
            raise faults[0]
        publishing.publish(workspace)
    for training in trained:
        print_training(training)
    for comparison in compared:
        print_outcomes(comparison)
    for fault in faults:
        print(f"not trained: {fault}")


def predict(
    label: Label = DEFAULT_LABEL,
    as_of: AsOf = None,
    model_version: Annotated[
        str | None, typer.Option(help="A row of ml.model_versions; the champion if not given.")
    ] = None,
    quiet: Quiet = False,
    wait: Wait = False,
) -> None:
    """Score a snapshot with a model version, audit the predictions and publish them as ml.churn_predictions."""
    from cli.printing.run_report import print_predictions

    with writer_on_branch("predict", quiet=quiet, wait=wait, log_bytes=0) as workspace:
        report = modelling.predict(workspace, label, as_of.date() if as_of else None, model_version)
        auditing.audit(workspace, auditing.PREDICTION_SUITES)
        publishing.publish(workspace)
    print_predictions(report)


def compare_imbalance(
    label: Label = DEFAULT_LABEL, seed: Seed = SEED, quiet: Quiet = False, wait: Wait = False
) -> None:
    """Train with every --imbalance on the same rows; print the table, keep it in monitoring.imbalance_comparisons."""
    from cli.printing.model_reports import print_imbalance
    from models_ml.spec.training_spec import TrainingSpec

    spec = TrainingSpec(label=label, seed=seed)
    with writer("compare-imbalance", quiet=quiet, wait=wait) as workspace:
        compared = experiments.compare_imbalance(workspace, spec)
    print_imbalance(compared)


def backtest(
    label: Label = DEFAULT_LABEL,
    dates: Annotated[int, typer.Option(min=1, help="How many of the last snapshots with a known outcome.")] = 3,
    seed: Seed = SEED,
    quiet: Quiet = False,
    wait: Wait = False,
) -> None:
    """Walk forward over past snapshots, training on what was known then; writes monitoring.prediction_outcomes."""
    from cli.printing.model_reports import print_backtest
    from models_ml.spec.training_spec import TrainingSpec

    spec = TrainingSpec(label=label, seed=seed)
    with writer("backtest", quiet=quiet, wait=wait) as workspace:
        walked = experiments.backtest(workspace, spec, dates)
    print_backtest(walked)


def evaluate(
    protocol: Annotated[
        Protocol,
        typer.Option(
            help="retrospective: whole lives, split at random, with and without leaks; outcomes: all classes."
        ),
    ] = Protocol.retrospective,
    quiet: Quiet = False,
    wait: Wait = False,
) -> None:
    """Evaluate in another way than `train` does, beside its honest numbers; nothing of this ever feeds predictions.

    The retrospective numbers are kept in monitoring.retrospective_evaluations, for the report to show.
    """
    from cli.printing.model_reports import print_outcomes, print_retrospective

    if protocol is Protocol.retrospective:
        with writer("evaluate", quiet=quiet, wait=wait, log_bytes=0) as workspace:
            evaluated = experiments.retrospective(workspace)
        print_retrospective(evaluated)
    else:
        print_outcomes(experiments.compare_outcomes(reader("evaluate", quiet=quiet), SEED))


def reproduce(
    model_version: Annotated[str, typer.Argument(help="A row of ml.model_versions.")], quiet: Quiet = False
) -> None:
    """Train a version again on the tables as it saw them: equal, or exit code 1 and what differs."""
    reproduction = experiments.reproduce(reader("reproduce", quiet=quiet), model_version)
    print(reproduction)
    if not reproduction.is_equal:
        raise CheckFailed(f"model version {model_version} did not come out again")


def campaign(
    budget: Annotated[float, typer.Option(min=0, help="Money for offers.")] = CampaignSpec.budget,
    offer_cost: Annotated[float, typer.Option(min=0, help="What an offer costs.")] = CampaignSpec.offer_cost,
    save_rate: Annotated[
        float, typer.Option(min=0, max=1, help="Share of leavers whom an offer keeps.")
    ] = CampaignSpec.save_rate,
    customer_value: Annotated[
        float, typer.Option(min=0, help="What a user who stays is worth.")
    ] = CampaignSpec.customer_value,
    holdout: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the list that gets no offer, to measure.")
    ] = CampaignSpec.holdout,
    label: Label = DEFAULT_LABEL,
    as_of: AsOf = None,
    model_version: Annotated[str | None, typer.Option(help="Whose predictions; the latest if not given.")] = None,
    name: Annotated[str | None, typer.Option(help="Id of the campaign; made of its settings if not given.")] = None,
    out: Annotated[Path | None, typer.Option(help="The list as CSV; in the state folder if not given.")] = None,
    quiet: Quiet = False,
    wait: Wait = False,
) -> None:
    """Choose whom to make an offer, by expected value, and whom to hold out; writes ml.campaign_targets and a CSV."""
    from cli.printing.model_reports import print_campaign

    spec = CampaignSpec(
        label=label,
        budget=budget,
        offer_cost=offer_cost,
        save_rate=save_rate,
        customer_value=customer_value,
        holdout=holdout,
        as_of=as_of.date() if as_of else None,
        model_version=model_version,
        name=name,
    )
    with writer_on_branch("campaign", quiet=quiet, wait=wait, log_bytes=0) as workspace:
        report = campaigning.campaign(workspace, spec, out)
        publishing.publish(workspace)
    print_campaign(report)


def campaign_effect(
    campaign_id: Annotated[
        str | None, typer.Argument(help="A row of ml.campaign_targets; the latest if not given.")
    ] = None,
    quiet: Quiet = False,
    wait: Wait = False,
) -> None:
    """Measure from outcomes what a campaign did, offers against hold-out, with its interval."""
    from cli.printing.model_reports import print_effect

    with writer("campaign-effect", quiet=quiet, wait=wait) as workspace:
        effect = campaigning.campaign_effect(workspace, campaign_id)
    print_effect(effect)


@models_app.callback(invoke_without_command=True)
def models(
    context: typer.Context,
    style: Annotated[Format, typer.Option("--format", help="How to print them.")] = Format.table,
) -> None:
    """List all model versions, the newest first: role, test metrics, size of their files."""
    from cli.printing.model_reports import print_models

    if context.invoked_subcommand is None:
        print_models(model_store.stored_models(reader("models", quiet=True)), style.value)


@models_app.command()
def remove(
    versions: Annotated[
        list[str], typer.Argument(help="Rows of ml.model_versions, as `sparkhouse models` lists them.")
    ],
    force: Annotated[
        bool, typer.Option("--force", help="Even a champion: the one before it is champion again, if there was one.")
    ] = False,
    quiet: Quiet = False,
    wait: Wait = False,
) -> None:
    """Take model versions away for good: row, MLflow run, files, metric card. Predictions that name them stay."""
    with writer_on_branch("models remove", quiet=quiet, wait=wait, log_bytes=0) as workspace:
        removal = model_store.remove_models(workspace, versions, force=force)
        publishing.publish(workspace)
        model_store.remove_stored_models(workspace, removal)
    for note in removal.notes:
        print(note)

"""What the commands of the model job print: comparisons, walks, protocols, campaigns."""

from __future__ import annotations

from itertools import groupby
from textwrap import fill
from typing import TYPE_CHECKING

from cli.machine.home import shown
from cli.printing.console import WIDE, interval_text, print_table
from warehouse.contract.cells import visible

if TYPE_CHECKING:
    from pyspark.sql import Row

    from models_ml.campaigns.campaign import CampaignReport
    from models_ml.campaigns.effect import CampaignEffect
    from models_ml.experiments.backtest import BacktestDate
    from models_ml.experiments.imbalance_comparison import ComparedModel
    from models_ml.experiments.next_outcome.classes import OutcomeReport
    from models_ml.experiments.retrospective.protocol import RetrospectiveReport
    from models_ml.registry.version_removal import StoredVersion

RETROSPECTIVE = {
    "weighted_f1": "weighted F1",
    "f1": "F1",
    "accuracy": "accuracy",
    "auc": "AUC",
    "average_precision": "AP",
}
IMBALANCE = {"average_precision": "AP", "auc": "AUC", "brier_skill": "skill"}
BACKTEST = {"auc": "AUC", "average_precision": "AP"}


def print_models(versions: list[StoredVersion], style: str) -> None:
    """Print model versions, a line each."""
    from cli.printing.console import print_rows

    columns = ["model_version", "label", "algorithm", "role", "trained_at", "test_auc", "test_ap", "bytes"]
    rows = [
        (
            each.model_version,
            each.label,
            each.algorithm,
            "champion" if each.is_champion else "",
            f"{each.trained_at:%Y-%m-%d %H:%M:%S}+00:00",
            each.test_auc and round(each.test_auc, 3),
            each.test_average_precision and round(each.test_average_precision, 3),
            each.size_bytes,
        )
        for each in versions
    ]
    print_rows(columns, rows, style)


def print_imbalance(compared: list[ComparedModel]) -> None:
    """Print one row per way to deal with imbalance and algorithm."""
    rows = [
        [
            each.imbalance + (" *" if each.is_best else ""),
            each.algorithm,
            f"{each.fold_average_precision:.3f}",
            *(f"{each.metrics[name]:.3f}" for name in IMBALANCE),
        ]
        for each in compared
    ]
    print_table(["imbalance", "algorithm", "folds AP", *IMBALANCE.values()], rows)
    print("* best on the folds. Folds and test rows are as they are; only what trains is weighted or resampled.")


def print_backtest(walked: list[BacktestDate]) -> None:
    """Print one row per date."""
    rows = [
        [
            str(each.as_of),
            each.algorithm,
            f"{each.train_rows:,}",
            f"{each.rows:,}",
            str(each.positives),
            *(interval_text(each.metrics[name]) for name in BACKTEST),
        ]
        for each in walked
    ]
    print_table(["as of", "algorithm", "trained", "scored", "positive", *BACKTEST.values()], rows)


def print_retrospective(evaluated: tuple[RetrospectiveReport, Row | None]) -> None:
    """Print the notebooks' numbers, the champion's honest ones below them, and what the difference means."""
    report, champion = evaluated
    for variant, of_variant in groupby(report.rows, key=lambda row: row.variant):
        rows = list(of_variant)
        print(f"\n{variant}: {rows[0].users} test users, {rows[0].churners} churners")
        print_table(
            ["model", *RETROSPECTIVE.values()],
            [[row.model, *(f"{getattr(row, name):.3f}" for name in RETROSPECTIVE)] for row in rows],
        )
    if champion:
        print(f"\nthe champion, on later snapshots: {champion.test_rows} test rows, {champion.test_positives} positive")
        honest = [f"{champion.metrics[f'test_{name}']:.3f}" for name in RETROSPECTIVE]
        print_table(["model", *RETROSPECTIVE.values()], [[champion.algorithm, *honest]])
    print(fill(report.text, WIDE - 1))


def print_campaign(report: CampaignReport) -> None:
    """Print what a campaign costs and what it may bring."""
    print(f"Campaign {visible(report.campaign_id)}: {report.label} as of {report.as_of}, by {report.model_version}")
    if report.stands:
        drawn = f"{report.drawn_at:%Y-%m-%d %H:%M} UTC"
        print(f"  drawn on {drawn}: this list stands; a new draw is a new campaign: give it --name")
    print(f"  {report.offers} offers for {report.spent:.2f}; {report.control} users held out")
    interval = ""
    if report.expected_value_low is not None and report.expected_value_high is not None:
        interval = f" [{report.expected_value_low:.2f}, {report.expected_value_high:.2f}]"
    print(
        f"  expected: {report.expected_saved:.1f} users kept, "
        f"worth {report.expected_value:.2f}{interval} net of the offers"
    )
    print(
        f"  holding out costs {report.control_cost:.2f}; "
        f"to show the effect, {report.users_needed} users an arm are needed"
    )
    print(f"  list: {shown(report.path)}")


def print_effect(effect: CampaignEffect) -> None:
    """Print what a campaign did."""
    print(f"Campaign {visible(effect.campaign_id)}: {effect.label} as of {effect.as_of}, by {effect.model_version}")
    for name, arm in (("offer", effect.treatment), ("held out", effect.control)):
        print(f"  {name}: {arm.users} users, of {arm.known} it is known, {arm.left} left")
    for name, interval in (
        ("reduction", effect.reduction),
        ("users kept", effect.saved_users),
        ("value", effect.value),
    ):
        if interval:
            print(f"  {name}: {interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]")
    print(f"  {effect.verdict}")


def print_outcomes(report: OutcomeReport) -> None:
    """Print what each model of all outcomes is worth, and how well it ranks each of them."""
    print(f"next_outcome: {report.split}; feature set {report.features}")
    rows = [
        [model, interval_text(score.log_loss), f"{score.accuracy:.3f}", interval_text(score.lifted_macro_f1)]
        for model, score in report.scores.items()
    ]
    print_table(["model", "log loss", "accuracy", "macro F1, lifted"], rows)
    by_class = [
        [model, *(f"{score.by_class[name].auc:.3f}" for name in report.counts)]
        for model, score in report.scores.items()
    ]
    print_table(["AUC of", *report.counts], by_class)
    for note in report.notes:
        print(note)

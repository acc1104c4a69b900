"""What the commands of the model job print: comparisons, walks, protocols, campaigns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from cli.home import shown
from cli.report import told

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyspark.sql import Row

    from models_ml.backtest import BacktestDate
    from models_ml.campaign import CampaignReport
    from models_ml.campaign_effect import CampaignEffect
    from models_ml.imbalance_comparison import ComparedModel
    from models_ml.outcome_classes import OutcomeReport
    from models_ml.retrospective import RetrospectiveReport

RETROSPECTIVE = ("weighted_f1", "f1", "accuracy", "auc", "average_precision")
BACKTEST = ("auc", "average_precision", "brier_skill", "calibration_error")


def print_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows of text under their headers."""
    table = Table(*headers, box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*row)
    Console(highlight=False).print(table)


def print_imbalance(compared: list[ComparedModel]) -> None:
    """Print one row per way to deal with imbalance and algorithm."""
    metrics = list(compared[0].metrics)
    rows = [
        [
            each.imbalance,
            each.algorithm + (" *" if each.is_best else ""),
            f"{each.fold_average_precision:.3f}",
            *(f"{each.metrics[name]:.3f}" for name in metrics),
        ]
        for each in compared
    ]
    print_table(["imbalance", "algorithm", "folds AP", *metrics], rows)
    print("* best on the folds. Folds and test rows are as they are; only what trains is weighted or resampled.")


def print_backtest(walked: list[BacktestDate]) -> None:
    """Print one row per date."""
    rows = [
        [
            str(each.as_of),
            each.algorithm,
            f"{each.train_rows:,} of {each.train_snapshots} snapshots",
            f"{each.rows:,}",
            str(each.positives),
            *(told(each.metrics[name]) for name in BACKTEST),
        ]
        for each in walked
    ]
    print_table(["as of", "algorithm", "trained on", "scored", "positive", *BACKTEST], rows)


def print_retrospective(evaluated: tuple[RetrospectiveReport, Row | None]) -> None:
    """Print the notebooks' numbers, the champion's honest ones below them, and what the difference means."""
    report, champion = evaluated
    rows = [
        [each.variant, each.model, str(each.users), str(each.churners)]
        + [f"{getattr(each, name):.3f}" for name in RETROSPECTIVE]
        for each in report.rows
    ]
    if champion:
        honest = [f"{champion.metrics[f'test_{name}']:.3f}" for name in RETROSPECTIVE]
        counts = [str(champion.test_rows), str(champion.test_positives)]
        rows.append([f"later snapshots ({champion.model_version})", champion.algorithm, *counts, *honest])
    print_table(["variant", "model", "test rows", "churners", *RETROSPECTIVE], rows)
    print(report.text)


def print_campaign(report: CampaignReport) -> None:
    """Print what a campaign costs and what it may bring."""
    print(f"Campaign {report.campaign_id}: {report.label} as of {report.as_of}, by {report.model_version}")
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
    print(f"Campaign {effect.campaign_id}: {effect.label} as of {effect.as_of}, by {effect.model_version}")
    for name, arm in (("offer", effect.treatment), ("held out", effect.control)):
        print(f"  {name}: {arm.users} users, of {arm.known} it is known, {arm.left} left")
    for name, interval in (
        ("reduction", effect.reduction),
        ("users kept", effect.saved_users),
        ("value", effect.value),
    ):
        if interval:
            print(f"  {name}: {interval.estimate:.3f} [{interval.low:.3f}, {interval.high:.3f}]")
    print(f"  {effect.verdict}")


def print_outcomes(report: OutcomeReport) -> None:
    """Print what each model of all outcomes is worth, and how well it ranks each of them."""
    print(f"next_outcome: {report.split}; feature set {report.features}")
    rows = [
        [model, told(score.log_loss), f"{score.accuracy:.3f}", told(score.macro_f1), f"{score.weighted_f1:.3f}"]
        for model, score in report.scores.items()
    ]
    print_table(["model", "log loss", "accuracy", "macro F1", "weighted F1"], rows)
    by_class = [
        [name, str(count.test_rows), *(f"{score.by_class[name].auc:.3f}" for score in report.scores.values())]
        for name, count in report.counts.items()
    ]
    print_table(["AUC of", "test rows", *report.scores], by_class)
    for note in report.notes:
        print(note)

"""What commands print when they are done: the model table, the users most at risk, the paths."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from cli.home import shown

if TYPE_CHECKING:
    from cli.main_job import RunReport
    from models_ml.metrics import Interval
    from models_ml.prediction import PredictionReport
    from models_ml.training_report import TrainingReport

# With its interval, more would not fit a terminal: the metric card has all.
METRICS = {"average_precision": "test AP", "auc": "test AUC"}


def print_training(report: TrainingReport) -> None:
    """Print the split and one row for each algorithm and baseline, with 95 % intervals."""
    table = Table("model", "folds AP", *METRICS.values(), box=box.SIMPLE_HEAD)
    for model, metrics in report.card.models.items():
        mark = " *" if model == report.algorithm else ""
        on_folds = f"{report.folds[model]:.3f}" if model in report.folds else ""
        table.add_row(model + mark, on_folds, *(told(metrics[name]) for name in METRICS))
    console = Console(highlight=False)
    console.print(f"\n{report.label}: {report.split}", soft_wrap=True)
    for name, sample in (("train", report.card.train), ("test", report.card.test)):
        console.print(f"{name}: {sample.rows:,} rows of {sample.users:,} users, {sample.positives:,} positive")
    console.print(table)
    console.print(f"* model version {report.model_version}. AP: average precision. Folds: of users, on training rows.")
    became = "champion" if report.promotion.promoted else "challenger"
    console.print(f"It is {became}: {report.promotion.reason}.", soft_wrap=True)
    for warning in report.card.warnings:
        console.print(f"[bold red]{warning}[/]")


def told(interval: Interval) -> str:
    """A number and its interval."""
    return f"{interval.value:.3f} [{interval.low:.2f}, {interval.high:.2f}]"


def print_predictions(report: PredictionReport) -> None:
    """Print the users most at risk of one snapshot, and why they are."""
    table = Table("user_id", "probability", "reasons", box=box.SIMPLE_HEAD)
    for user in report.most_at_risk:
        table.add_row(user.user_id, f"{user.churn_probability:.3f}", "\n".join(user.reasons))
    console = Console(highlight=False)
    console.print(f"\nMost at risk of {report.users:,} users as of {report.as_of} ({report.label}):")
    console.print(table)


def print_run(report: RunReport) -> None:
    """Print what came out of a run."""
    print_training(report.training)
    print_predictions(report.predictions)
    print(f"Metric card:  {shown(report.metric_card)}")
    print(f"Data quality: {shown(report.data_docs)}")
    print(f"Run record:   {shown(report.run_json)}")
    query = "select * from ml.churn_predictions order by churn_probability desc limit 10"
    print(f'Query:        {shown(Path(sys.argv[0]))} sql "{query}"')

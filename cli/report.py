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
    from models_ml.prediction import PredictionReport
    from models_ml.training_report import TrainingReport

METRICS = {
    "cv_average_precision": "CV AP",
    "test_average_precision": "test AP",
    "test_auc": "test AUC",
    "test_brier": "test Brier",
    "test_f1": "test F1",
}


def print_training(report: TrainingReport) -> None:
    """Print the split and one row for each algorithm and the no-skill baseline."""
    table = Table("algorithm", *METRICS.values(), box=box.SIMPLE_HEAD)
    for algorithm, metrics in report.metrics.items():
        values = (metrics.get(name) for name in METRICS)
        mark = " *" if algorithm == report.algorithm else ""
        table.add_row(algorithm + mark, *("" if value is None else f"{value:.3f}" for value in values))
    console = Console(highlight=False)
    console.print(f"\n{report.label}: {report.split}", soft_wrap=True)
    for name, counts in (("train", report.train), ("test", report.test)):
        console.print(f"{name}: {counts.rows:,} rows of {counts.users:,} users, {counts.positives:,} positive")
    console.print(table)
    console.print(f"* model version {report.model_version}. AP: area under precision-recall. CV: folds by user.")
    if report.leak_warning:
        console.print(f"[bold red]{report.leak_warning}[/]")


def print_predictions(report: PredictionReport) -> None:
    """Print the users most at risk of one snapshot."""
    table = Table("user_id", "churn_probability", "risk_decile", "predicted_churn", box=box.SIMPLE_HEAD)
    for user in report.most_at_risk:
        table.add_row(user.user_id, f"{user.churn_probability:.3f}", str(user.risk_decile), str(user.predicted_churn))
    console = Console(highlight=False)
    console.print(f"\nMost at risk of {report.users:,} users as of {report.as_of} ({report.label}):")
    console.print(table)


def print_run(report: RunReport) -> None:
    """Print what came out of a run."""
    print_training(report.training)
    print_predictions(report.predictions)
    print(f"Data quality: {shown(report.data_docs)}")
    print(f"Run record:   {shown(report.run_json)}")
    query = "select * from ml.churn_predictions order by churn_probability desc limit 10"
    print(f'Query:        {shown(Path(sys.argv[0]))} sql "{query}"')

"""What commands print when they are done: the model table, the users most at risk, the paths."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.machine.home import shown
from cli.printing.console import PlainConsole, interval_text, print_table
from warehouse.contract.cells import visible

if TYPE_CHECKING:
    from models_ml.registry.training_report import TrainingReport
    from models_ml.scoring.prediction import PredictionReport

# With its interval, more would not fit a terminal: the metric card has all.
METRICS = {"average_precision": "test AP", "auc": "test AUC"}
MOST_AT_RISK = "select * from ml.churn_predictions order by churn_probability desc limit 10"
FEATURES = "select * from marts.fct_user_features order by as_of_date desc limit 10"


@dataclass(frozen=True)
class RunReport:
    """What came out of a run, and where its records are; None is what had nothing new to work on, or too little."""

    training: TrainingReport | None
    predictions: PredictionReport | None
    has_predictions: bool
    metric_card: Path | None
    run_json: Path
    data_docs: Path
    report: Path


def print_training(report: TrainingReport) -> None:
    """Print the split and one row for each algorithm and baseline, with 95 % intervals."""
    print(f"\n{report.label}: {report.split}")
    for name, sample in (("train", report.card.train), ("test", report.card.test)):
        print(f"{name}: {sample.rows:,} rows of {sample.users:,} users, {sample.positives:,} positive")
    rows = [
        [
            model + (" *" if model == report.algorithm else ""),
            f"{report.folds[model]:.3f}" if model in report.folds else "",
            *(interval_text(metrics[name]) for name in METRICS),
        ]
        for model, metrics in report.card.models.items()
    ]
    print_table(["model", "folds AP", *METRICS.values()], rows)
    print(f"* model version {report.model_version}. AP: average precision. Folds: of users, on training rows.")
    print(f"It is {'champion' if report.promotion.promoted else 'challenger'}: {report.promotion.reason}.")
    for warning in report.card.warnings:
        PlainConsole().print(visible(warning), style="bold red", soft_wrap=True)


def print_predictions(report: PredictionReport) -> None:
    """Print the users most at risk of one snapshot, and why they are."""
    print(f"\nMost at risk of {report.users:,} users as of {report.as_of} ({report.label}):")
    print_table(
        ["user_id", "probability", "reasons"],
        [[user.user_id, f"{user.churn_probability:.3f}", user.reasons] for user in report.most_at_risk],
    )


def print_run(report: RunReport) -> None:
    """Print what came out of a run."""
    if report.training:
        print_training(report.training)
    if report.predictions:
        print_predictions(report.predictions)
    if report.metric_card:
        print(f"Metric card:  {shown(report.metric_card)}")
    print(f"Data quality: {shown(report.data_docs)}")
    print(f"Report:       {shown(report.report)}")
    print(f"Run record:   {shown(report.run_json)}")
    home = report.run_json.parents[1]
    print(f"Query:        {query_of_predictions(home) if report.has_predictions else command_of(FEATURES, home)}")


def query_of_predictions(home: Path) -> str:
    """The command that lists the users most at risk, for the state folder."""
    return command_of(MOST_AT_RISK, home)


def command_of(query: str, home: Path) -> str:
    """The command that puts a query to the tables of the state folder."""
    elsewhere = "" if home == Path("var").resolve() else f"SPARKHOUSE_HOME={shown(home)} "
    return f'{elsewhere}{shown(Path(sys.argv[0]))} sql "{query}"'

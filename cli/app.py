"""`sparkhouse`: the commands. Exit codes: 0 ok, 1 a check failed, 2 could not run."""

from __future__ import annotations

import sys
import traceback
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from cli.dbt import CHECK_FAILED, COULD_NOT_RUN, run_dbt
from cli.home import Home, shown
from cli.job import PREDICTION_SUITES, WAREHOUSE_SUITES, CheckFailed, Job, simulate_log
from cli.steps import Steps

OUR_PACKAGES = ("cli", "expectations", "models_ml", "warehouse")
FIRST_DAY = datetime(2018, 10, 1)  # noqa: DTZ001 - typer's dates have no zone

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A point-in-time feature warehouse and churn model job for the Sparkify event log, on Spark. "
    "State lives under $SPARKHOUSE_HOME (default ./var). "
    "Exit codes: 0 ok, 1 a check failed, 2 could not run.",
)


class Ids(str, Enum):
    """How the simulator numbers users."""

    banded = "banded"
    random = "random"


class Format(str, Enum):
    """How rows are printed."""

    table = "table"
    csv = "csv"
    json = "json"


Quiet = Annotated[bool, typer.Option("--quiet", help="One line a step, no spinner.")]
Label = Annotated[str, typer.Option(help="A label of marts.fct_churn_labels.")]
AsOf = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Snapshot date; the newest if not given.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same result.")]


def utc_moment(text: str) -> datetime:
    """Return the moment that an ISO 8601 text names, in UTC where it names no zone; raises ValueError."""
    named = datetime.fromisoformat(f"{text[:-1]}+00:00" if text.endswith("Z") else text)
    return named.astimezone(timezone.utc) if named.tzinfo else named.replace(tzinfo=timezone.utc)


def start_job(*, quiet: bool = False) -> Job:
    """Start Spark on the state folder."""
    from cli.session import start_spark

    home = Home.from_environment()
    return Job(start_spark(), home, new_steps(quiet=quiet))


def new_steps(*, quiet: bool) -> Steps:
    """Begin the record of a command, under a run id that sorts by time."""
    return Steps(quiet=quiet, run_id=datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S%fZ"))


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="File to write (.gz compresses); with --by-day a folder.")],
    users: Annotated[int, typer.Option(help="Users at the start.")] = 225,
    days: Annotated[int, typer.Option(help="Days the log covers.")] = 61,
    start: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First day, UTC.")] = FIRST_DAY,
    seed: Seed = 21,
    ids: Annotated[
        Ids, typer.Option(help="User ids in cohort bands (as mini, medium) or random (as full).")
    ] = Ids.banded,
    by_day: Annotated[bool, typer.Option("--by-day", help="One file a UTC day.")] = False,
    quiet: Quiet = False,
) -> None:
    """Write a log in the raw Sparkify format, from the published behaviour of its four cohorts."""
    from warehouse.landing.simulator import SimulationSpec

    spec = SimulationSpec(users=users, days=days, start=start.date(), seed=seed, ids=ids.value)
    simulate_log(spec, out, new_steps(quiet=quiet), by_day=by_day)


@app.command()
def ingest(
    paths: Annotated[list[str], typer.Argument(help="Files, folders or globs of JSON lines; .gz, .bz2, .xz too.")],
    quiet: Quiet = False,
) -> None:
    """Land logs in raw.events; lines that cannot be events go to raw.rejected_events with their reasons."""
    start_job(quiet=quiet).ingest(paths)


@app.command()
def build(
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="Backfill: this snapshot date and every 7 days from it on."),
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Backfill: snapshots up to this date.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Build and test all dbt models, then audit them with Great Expectations.

    A backfill makes the snapshots of chosen dates anew, on the weekly grid or off it, and keeps those of all others.
    """
    if first and last and first > last:
        raise typer.BadParameter(f"--from {first:%F} is after --to {last:%F}.")
    job = start_job(quiet=quiet)
    job.build(*job.backfill_options(first and first.date(), last and last.date()))
    job.audit(WAREHOUSE_SUITES)


@app.command()
def validate(quiet: Quiet = False) -> None:
    """Audit the warehouse and the predictions with Great Expectations; write Data Docs."""
    job = start_job(quiet=quiet)
    suites = WAREHOUSE_SUITES + PREDICTION_SUITES if job.count("ml.churn_predictions") else WAREHOUSE_SUITES
    print(f"Data quality: {shown(job.audit(suites).index_page)}")


@app.command()
def train(
    label: Label = "churned_in_time_bin",
    seed: Seed = 20181001,
    quiet: Quiet = False,
) -> None:
    """Fit and compare the models on the snapshots whose label is known; keep the best as a new model version."""
    from cli.report import print_training
    from models_ml.training_spec import TrainingSpec

    print_training(start_job(quiet=quiet).train(TrainingSpec(label=label, seed=seed)))


@app.command()
def training_set(
    out: Annotated[Path, typer.Option(help="File to write, .parquet or .csv.")],
    label: Label = "churned_in_time_bin",
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="Snapshot dates from this one on.")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Snapshot dates up to this one.")
    ] = None,
    as_known_at: Annotated[
        datetime | None,
        typer.Option(
            parser=utc_moment,
            metavar="TIMESTAMP",
            help="What the last build complete at this moment held, byte for byte; ISO 8601, UTC if no zone is given.",
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Write all features and a label of the snapshots whose label is known, now or at a past moment, to one file."""
    from models_ml.training_file import TrainingFileSpec

    spec = TrainingFileSpec(label, out, first and first.date(), last and last.date(), as_known_at)
    start_job(quiet=quiet).write_training_set(spec)


@app.command()
def predict(
    label: Label = "churned_in_time_bin",
    as_of: AsOf = None,
    model_version: Annotated[
        str | None, typer.Option(help="A row of ml.model_versions; the newest if not given.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Score a snapshot with a model version and write ml.churn_predictions."""
    from cli.report import print_predictions

    job = start_job(quiet=quiet)
    report = job.predict(label, as_of.date() if as_of else None, model_version)
    job.audit(PREDICTION_SUITES)
    print_predictions(report)


@app.command()
def sql(
    statement: Annotated[str, typer.Argument(help="One SELECT, DESCRIBE or SHOW statement, in Spark SQL.")],
    style: Annotated[Format, typer.Option("--format", help="How to print the rows.")] = Format.table,
) -> None:
    """Query the warehouse, for example ml.churn_predictions."""
    from cli.query import check_reading, print_rows, query

    check_reading(statement)
    print_rows(*query(start_job().spark, statement), style.value)


@app.command()
def features(
    group: Annotated[str | None, typer.Option(help="Only this group, such as recency; all if not given.")] = None,
    style: Annotated[Format, typer.Option("--format", help="How to print them; csv and json hold all.")] = Format.table,
) -> None:
    """List the catalogue of features: unit, range, when NULL, leak class, meaning."""
    from cli.features import features_of, print_features

    print_features(features_of(group), style.value)


@app.command()
def run(
    events: Annotated[
        str | None, typer.Option(help="A log of your own: file, folder or glob. Else one is simulated.")
    ] = None,
    label: Label = "churned_in_time_bin",
    quiet: Quiet = False,
) -> None:
    """Do it all: ingest, build, audit, train, predict. Writes reports/run.json in the state folder."""
    from cli.main_job import run_all
    from cli.report import print_run

    print_run(run_all(events, label, new_steps(quiet=quiet)))


@app.command()
def prove_point_in_time(
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A snapshot date; a middle one if not given.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Rebuild the features of a snapshot without later events: no value may change, on pain of exit code 1."""
    from cli import proof

    proven = proof.prove_point_in_time(start_job(quiet=quiet), as_of.date() if as_of else None)
    print(proven)
    proven.require()


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def dbt(context: typer.Context) -> None:
    """Run any dbt command on this project, profile and state folder: `sparkhouse dbt ls`."""
    Home.from_environment()
    raise typer.Exit(run_dbt(context.args).exit_code)


@app.command()
def doctor() -> None:
    """Say what is installed, which Java and state folder are used, what is wrong and how to mend it."""
    from cli.doctor import examine

    findings = examine(Home.from_environment())
    for finding in findings:
        print(f"{'ok   ' if finding.ok else 'WRONG'} {finding.subject}: {finding.found}")
        if not finding.ok:
            print(f"      {finding.remedy}")
    raise typer.Exit(0 if all(finding.ok for finding in findings) else CHECK_FAILED)


def main() -> None:
    """Run the command line; turn errors into exit codes."""
    try:
        app()
    except Exception as error:  # noqa: BLE001 - the last handler: every error becomes a message and an exit code
        sys.exit(explain(error))


def explain(error: Exception) -> int:
    """Print an error to standard error, ours as a message, others whole; return the exit code it stands for."""
    package = type(error).__module__.split(".")[0]
    if package in OUR_PACKAGES:
        print(f"sparkhouse: {error}", file=sys.stderr)
    else:
        traceback.print_exception(error)
    return CHECK_FAILED if isinstance(error, CheckFailed) else COULD_NOT_RUN

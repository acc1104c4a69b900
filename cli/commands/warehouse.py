"""The commands of the warehouse: from a log to published tables."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.commands.access import new_steps, reader, reading_rules, writer, writer_on_branch
from cli.commands.options import (
    DEFAULT_LABEL,
    Ids,
    KeepRefusedText,
    Label,
    MappingFile,
    Pseudonymise,
    Quiet,
    Seed,
    Wait,
)
from cli.jobs import auditing, building, landing, modelling, publishing
from cli.jobs.background import import_in_background
from cli.jobs.dbt import DBT_READERS, DBT_WRITERS, dbt_command, run_dbt
from cli.machine.disk import lack_of_room
from cli.machine.home import Home, shown
from cli.runs.relocation import require_in_place
from warehouse.publishing.journal import utc_moment

FIRST_DAY = datetime(2018, 10, 1)  # noqa: DTZ001 - typer's dates have no zone


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
    landing.simulate_log(spec, out, new_steps("simulate", quiet=quiet), by_day=by_day)


def ingest(
    paths: Annotated[
        list[str] | None, typer.Argument(help="Files, folders or globs: JSON, CSV or Parquet, packed or not.")
    ] = None,
    replay_rejected: Annotated[
        bool, typer.Option("--replay-rejected", help="Judge the lines refused so far anew, by the rules of today.")
    ] = False,
    pseudonymise: Pseudonymise = True,
    mapping: MappingFile = None,
    keep_refused_text: KeepRefusedText = False,
    quiet: Quiet = False,
    wait: Wait = False,
) -> None:
    """Land logs in raw.events; lines that cannot be events go to raw.rejected_events with their reasons."""
    from warehouse.landing.stores import named_bytes

    if not paths and not replay_rejected:
        raise typer.BadParameter("Name a log to ingest, or give --replay-rejected.")
    rules = reading_rules(mapping, pseudonymise=pseudonymise, keep_refused_text=keep_refused_text)
    to_read = named_bytes(paths or ())
    with writer_on_branch("ingest", quiet=quiet, wait=wait, log_bytes=to_read) as workspace:
        if lack := lack_of_room(workspace.home.disk, to_read):
            workspace.steps.tell(lack)
        if replay_rejected:
            landing.replay_rejected(workspace, rules)
        if paths:
            landing.ingest(workspace, paths, rules)
        if workspace.count("raw.events"):
            auditing.audit(workspace, auditing.RAW_SUITES)
        publishing.publish(workspace)


def build(
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="Backfill: this snapshot date and every 7 days from it on."),
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Backfill: snapshots up to this date.")
    ] = None,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Make all rows anew, and let columns go that a model has no more.")
    ] = False,
    quiet: Quiet = False,
    wait: Wait = False,
) -> None:
    """Build and test all dbt models, audit them with Great Expectations, and publish them if all is well.

    A backfill makes the snapshots of chosen dates anew, on the weekly grid or off it, and keeps those of all others.
    """
    if first and last and first > last:
        raise typer.BadParameter(f"--from {first:%F} is after --to {last:%F}.")
    import_in_background("dbt.cli.main", "great_expectations")
    with writer_on_branch("build", quiet=quiet, wait=wait) as workspace:
        backfill = building.backfill_options(workspace.home, first and first.date(), last and last.date())
        building.build_and_publish(workspace, *backfill, *(["--full-refresh"] if full_refresh else []))


def validate(quiet: Quiet = False, wait: Wait = False) -> None:
    """Audit the published warehouse and predictions with Great Expectations; write Data Docs."""
    with writer_on_branch("validate", quiet=quiet, wait=wait) as workspace:
        suites = (
            auditing.WAREHOUSE_SUITES + auditing.PREDICTION_SUITES
            if workspace.count("ml.churn_predictions")
            else auditing.WAREHOUSE_SUITES
        )
        report = auditing.audit(workspace, suites)
    print(f"Data quality: {shown(report.index_page)}")


def dbt(context: typer.Context) -> None:
    """Run any dbt command on this project, profile and state folder: `sparkhouse dbt ls`.

    What it builds is audited and published as by `sparkhouse build`, whatever was selected.
    """
    command = dbt_command(context.args)
    if command in DBT_WRITERS:
        with writer_on_branch("dbt", quiet=True, wait=False) as workspace:
            building.dbt(workspace, context.args)
            auditing.audit(workspace, auditing.WAREHOUSE_SUITES)
            publishing.publish(workspace)
        return
    if command in DBT_READERS:
        reader("dbt", quiet=True)
    require_in_place(Home.from_environment())
    raise typer.Exit(run_dbt(context.args).exit_code)


def training_set(
    out: Annotated[Path, typer.Option(help="File to write, .parquet or .csv.")],
    label: Label = DEFAULT_LABEL,
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
    from models_ml.dataset.training_file import TrainingFileSpec

    spec = TrainingFileSpec(label, out, first and first.date(), last and last.date(), as_known_at)
    modelling.write_training_set(reader("training-set", quiet=quiet), spec)


def prove_point_in_time(
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A snapshot date; a middle one if not given.")
    ] = None,
    quiet: Quiet = False,
    wait: Wait = False,
) -> None:
    """Rebuild the features of a snapshot without later events: no value may change, on pain of exit code 1."""
    from cli.proof import point_in_time as proof

    with writer("prove-point-in-time", quiet=quiet, wait=wait) as workspace:
        proven = proof.prove_point_in_time(workspace, as_of.date() if as_of else None)
        print(proven)
        proven.require()


def run(
    events: Annotated[
        str | None, typer.Option(help="A log of your own: file, folder or glob. Else one is simulated.")
    ] = None,
    label: Label = DEFAULT_LABEL,
    pseudonymise: Pseudonymise = True,
    mapping: MappingFile = None,
    keep_refused_text: KeepRefusedText = False,
    train: Annotated[
        modelling.When,
        typer.Option(help="Train each time, when labels have become known or have changed, or not at all."),
    ] = modelling.When.when_due,
    quiet: Quiet = False,
    wait: Wait = False,
) -> None:
    """Do it all: ingest, build, audit, publish, train, predict. Writes reports/run.json in the state folder."""
    from cli.jobs.main_job import run_all
    from cli.printing.run_report import print_run

    if mapping and not events:
        raise typer.BadParameter("--mapping is about a log of your own: name it with --events.")
    rules = reading_rules(mapping, pseudonymise=pseudonymise, keep_refused_text=keep_refused_text)
    wish = modelling.TrainingWish(label, train)
    print_run(run_all(events, wish, new_steps("run", quiet=quiet), rules, wait=wait))

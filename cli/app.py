"""`sparkhouse`: the commands. Exit codes: 0 ok, 1 a check failed, 2 could not run."""

from __future__ import annotations

import sys
import traceback
from dataclasses import asdict, fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from textwrap import shorten
from typing import Annotated

import typer

from cli.dbt import CHECK_FAILED, COULD_NOT_RUN, DBT_READERS, DBT_WRITERS, dbt_command, run_dbt
from cli.faults import told_faults
from cli.home import Home, InvalidSetting, shown
from cli.job import PREDICTION_SUITES, RAW_SUITES, WAREHOUSE_SUITES, CheckFailed, import_in_background, simulate_log
from cli.printing import accept_all_text, flush
from cli.relocation import relocate, require_in_place
from cli.runs import Run, held_lock_anywhere, mend_files
from cli.shell import (
    Format,
    Ids,
    KeepRefusedText,
    Label,
    MappingFile,
    Pseudonymise,
    Quiet,
    Seed,
    Wait,
    app,
    new_steps,
    reader,
    reading_rules,
    writer,
    writer_on_branch,
)
from warehouse.contract.cells import LINES, visible
from warehouse.publishing.journal import utc_moment

__all__ = ["app", "main"]

OUR_PACKAGES = ("cli", "expectations", "models_ml", "warehouse")
MESSAGE_WIDTH = 80
FIRST_DAY = datetime(2018, 10, 1)  # noqa: DTZ001 - typer's dates have no zone

runs_app = typer.Typer(help="List all runs; discard what a failed one left.")
app.add_typer(runs_app, name="runs")


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
    simulate_log(spec, out, new_steps("simulate", quiet=quiet), by_day=by_day)


@app.command()
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
    if not paths and not replay_rejected:
        raise typer.BadParameter("Name a log to ingest, or give --replay-rejected.")
    rules = reading_rules(mapping, pseudonymise=pseudonymise, keep_refused_text=keep_refused_text)
    with writer_on_branch("ingest", quiet=quiet, wait=wait) as job:
        if replay_rejected:
            job.replay_rejected(rules)
        if paths:
            job.ingest(paths, rules)
        if job.count("raw.events"):
            job.audit(RAW_SUITES)
        job.publish()


@app.command()
def build(
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="Backfill: this snapshot date and every 7 days from it on."),
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Backfill: snapshots up to this date.")
    ] = None,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Let columns that a model has no more leave its table.")
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
    with writer_on_branch("build", quiet=quiet, wait=wait) as job:
        backfill = job.backfill_options(first and first.date(), last and last.date())
        job.build(*backfill, *(["--full-refresh"] if full_refresh else []))
        job.audit(WAREHOUSE_SUITES)
        job.publish()
        job.record_outcomes()


@app.command()
def validate(quiet: Quiet = False, wait: Wait = False) -> None:
    """Audit the published warehouse and predictions with Great Expectations; write Data Docs."""
    with writer_on_branch("validate", quiet=quiet, wait=wait) as job:
        suites = WAREHOUSE_SUITES + PREDICTION_SUITES if job.count("ml.churn_predictions") else WAREHOUSE_SUITES
        report = job.audit(suites)
    print(f"Data quality: {shown(report.index_page)}")


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
    from models_ml.dataset.training_file import TrainingFileSpec

    spec = TrainingFileSpec(label, out, first and first.date(), last and last.date(), as_known_at)
    reader("training-set", quiet=quiet).write_training_set(spec)


# The commands of the model job stand in a module of their own, and in the help before these.
import cli.model_commands  # noqa: E402, F401 - defining them is what it is imported for


@app.command()
def sql(
    statement: Annotated[str, typer.Argument(help="One SELECT (or describe, show tables in), in Spark SQL.")],
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="TIMESTAMP|RUN_ID", help="The tables as they were published then; UTC if no zone is given."
        ),
    ] = None,
    run_id: Annotated[
        str | None, typer.Option("--run", metavar="RUN_ID", help="What a failed run left unpublished.")
    ] = None,
    style: Annotated[Format, typer.Option("--format", help="How to print the rows.")] = Format.table,
    limit: Annotated[int | None, typer.Option(min=0, help="The most rows to print; all if not given.")] = None,
    timeout: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="Cancel a statement that takes longer.")
    ] = None,
) -> None:
    """Query the published warehouse, for example ml.churn_predictions, as it is now or was; this command only reads."""
    from cli.interruption import interruptible
    from cli.printing import print_rows, waiting
    from cli.query import reading

    asked = reading(statement, as_of, run_id, limit)
    with waiting() as first_of:
        job = reader("sql", quiet=True)
        with interruptible(job.spark, timeout):
            columns, rows = asked.rows(job.spark, job.publisher.journal)
            print_rows(columns, first_of(rows), style.value)


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
    pseudonymise: Pseudonymise = True,
    mapping: MappingFile = None,
    keep_refused_text: KeepRefusedText = False,
    quiet: Quiet = False,
    wait: Wait = False,
) -> None:
    """Do it all: ingest, build, audit, publish, train, predict. Writes reports/run.json in the state folder."""
    from cli.main_job import run_all
    from cli.report import print_run

    if mapping and not events:
        raise typer.BadParameter("--mapping is about a log of your own: name it with --events.")
    rules = reading_rules(mapping, pseudonymise=pseudonymise, keep_refused_text=keep_refused_text)
    print_run(run_all(events, label, new_steps("run", quiet=quiet), rules, wait=wait))


@app.command()
def prove_point_in_time(
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A snapshot date; a middle one if not given.")
    ] = None,
    quiet: Quiet = False,
    wait: Wait = False,
) -> None:
    """Rebuild the features of a snapshot without later events: no value may change, on pain of exit code 1."""
    from cli import proof

    with writer("prove-point-in-time", quiet=quiet, wait=wait) as job:
        proven = proof.prove_point_in_time(job, as_of.date() if as_of else None)
        print(proven)
        proven.require()


@app.command()
def rollback(
    run_id: Annotated[str, typer.Argument(help="A run that published something, as `sparkhouse runs` lists it.")],
    quiet: Quiet = False,
    wait: Wait = False,
) -> None:
    """Return every table to the state before a run published; a rollback can be rolled back, too."""
    with writer("rollback", quiet=quiet, wait=wait) as job:
        job.roll_back(run_id)


@runs_app.callback(invoke_without_command=True)
def runs(
    context: typer.Context,
    style: Annotated[Format, typer.Option("--format", help="How to print them.")] = Format.table,
) -> None:
    """List all runs: published, failed, broken off, rolled back. A failed run can be looked at, and discarded."""
    from cli.printing import print_rows
    from cli.runs import runs as runs_on_record

    if context.invoked_subcommand is None:
        listed = runs_on_record(Home.from_environment())
        if style is Format.table:
            listed = [replace(run, message=shorten(run.message, MESSAGE_WIDTH)) for run in listed]
        print_rows([field.name for field in fields(Run)], [tuple(asdict(run).values()) for run in listed], style.value)


@runs_app.command()
def discard(
    run_id: Annotated[str | None, typer.Argument(help="A run that failed or was broken off.")] = None,
    all_older: Annotated[
        bool, typer.Option("--all-older", help="And all older runs; without a run, all that left something.")
    ] = False,
    quiet: Quiet = False,
    wait: Wait = False,
) -> None:
    """Take away what a run left unpublished on its branch."""
    if not (run_id or all_older):
        raise typer.BadParameter("Name a run, or give --all-older.")
    with writer("runs discard", quiet=quiet, wait=wait) as job:
        job.discard(run_id, older=all_older)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def dbt(context: typer.Context) -> None:
    """Run any dbt command on this project, profile and state folder: `sparkhouse dbt ls`.

    What it builds is audited and published as by `sparkhouse build`, whatever was selected.
    """
    command = dbt_command(context.args)
    if command in DBT_WRITERS:
        with writer_on_branch("dbt", quiet=True, wait=False) as job:
            job.dbt(context.args)
            job.audit(WAREHOUSE_SUITES)
            job.publish()
        return
    if command in DBT_READERS:
        reader("dbt", quiet=True)
    require_in_place(Home.from_environment())
    raise typer.Exit(run_dbt(context.args).exit_code)


@app.command()
def maintain(
    keep_days: Annotated[
        int,
        typer.Option(
            min=0, help="States that were published in the last so many days stay readable; 0 keeps today's only."
        ),
    ] = 30,
    quiet: Quiet = False,
    wait: Wait = False,
) -> None:
    """Compact small files, expire old snapshots that no model and no publication needs, remove orphan files."""
    from cli.printing import print_rows

    with writer("maintain", quiet=quiet, wait=wait) as job:
        tended = [asdict(each) for each in job.maintain(timedelta(days=keep_days))]
    if tended:
        print_rows(list(tended[0]), [tuple(each.values()) for each in tended], Format.table.value)


@app.command()
def licences(
    style: Annotated[Format, typer.Option("--format", help="How to print them.")] = Format.table,
) -> None:
    """List every package of the lock file that is installed here, with its version and licence."""
    from cli.licences import print_licences

    print_licences(style.value)


@app.command()
def doctor(
    mend: Annotated[bool, typer.Option("--mend", help="Put right damaged files of the state folder first.")] = False,
    move_in: Annotated[
        bool, typer.Option("--relocate", help="Make a copied or moved state folder one of its own first.")
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Do not start Spark.")] = False,
) -> None:
    """Try all that a run needs, from Java to a table in the state folder; say what is wrong and how to mend it."""
    from cli.doctor import examine

    home = Home.from_environment()
    if move_in:
        with held_lock_anywhere(home, new_steps("doctor", quiet=True), wait=False):
            for line in relocate(home):
                print(line)
    if mend:
        for line in mend_files(home, new_steps("doctor", quiet=True)):
            print(line)
    all_well = True
    for finding in examine(home, quick=quick):
        print(visible(f"{'ok   ' if finding.ok else 'WRONG'} {finding.subject}: {finding.found}"), flush=True)
        if not finding.ok:
            print(visible(f"      {finding.remedy}", keep=LINES), flush=True)
        all_well = all_well and finding.ok
    raise typer.Exit(0 if all_well else CHECK_FAILED)


def main() -> None:
    """Run the command line; turn errors into exit codes."""
    accept_all_text()
    try:
        app()
    except Exception as error:  # noqa: BLE001 - the last handler: every error becomes a message and an exit code
        sys.exit(explain(error))
    finally:
        flush()


def explain(error: Exception) -> int:
    """Print an error to standard error, return the exit code it stands for.

    Ours are told as they are, and what befell the machine or the files with what to do about it; all others whole.
    """
    messages = [str(error)] if isinstance(error, InvalidSetting) else told_faults(error, Home.from_environment())
    if messages:
        print(*(f"sparkhouse: {visible(each, keep=LINES)}" for each in messages), sep="\n", file=sys.stderr)
        return COULD_NOT_RUN
    if type(error).__module__.split(".")[0] in OUR_PACKAGES:
        print(f"sparkhouse: {visible(str(error), keep=LINES)}", file=sys.stderr)
    else:
        traceback.print_exception(error)
    return CHECK_FAILED if isinstance(error, CheckFailed) else COULD_NOT_RUN

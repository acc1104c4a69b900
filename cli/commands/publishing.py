"""The commands about what was published: runs, rollback, upkeep."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from datetime import timedelta
from textwrap import shorten
from typing import Annotated

import typer

from cli.commands.access import writer
from cli.commands.options import Format, Quiet, Wait
from cli.jobs import modelling, publishing
from cli.machine.home import Home
from cli.runs.records import Run

MESSAGE_WIDTH = 80

runs_app = typer.Typer(help="List all runs; discard what a failed one left.")


@runs_app.callback(invoke_without_command=True)
def runs(
    context: typer.Context,
    style: Annotated[Format, typer.Option("--format", help="How to print them.")] = Format.table,
) -> None:
    """List all runs: published, failed, broken off, rolled back. A failed run can be looked at, and discarded."""
    from cli.printing.console import print_rows
    from cli.runs.records import runs as runs_on_record

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
    with writer("runs discard", quiet=quiet, wait=wait, log_bytes=0) as workspace:
        publishing.discard(workspace, run_id, older=all_older)


def publish(
    run_id: Annotated[str, typer.Argument(help="A run that the gate stopped, as `sparkhouse runs` lists it.")],
    accept: Annotated[list[str], typer.Option(metavar="RULE", help="A rule that stopped it; may be given again.")],
    reason: Annotated[str, typer.Option(help="Why that is as it should be; kept with the finding and your account.")],
    quiet: Quiet = False,
    wait: Wait = False,
) -> None:
    """Publish a run in spite of rules that stopped it; later runs let such findings pass while they are no worse."""
    if not reason.strip():
        raise typer.BadParameter("Say why: --reason is kept for those who ask later.")
    with writer("publish", quiet=quiet, wait=wait, log_bytes=0) as workspace:
        publishing.publish_accepted(workspace, run_id, accept, reason)
        modelling.record_outcomes(workspace)


def rollback(
    run_id: Annotated[str, typer.Argument(help="A run that published something, as `sparkhouse runs` lists it.")],
    quiet: Quiet = False,
    wait: Wait = False,
) -> None:
    """Return every table to the state before a run published; a rollback can be rolled back, too."""
    with writer("rollback", quiet=quiet, wait=wait, log_bytes=0) as workspace:
        publishing.roll_back(workspace, run_id)


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
    from cli.printing.console import print_rows

    with writer("maintain", quiet=quiet, wait=wait) as workspace:
        tended = [asdict(each) for each in publishing.maintain(workspace, timedelta(days=keep_days))]
    if tended:
        print_rows(list(tended[0]), [tuple(each.values()) for each in tended], Format.table.value)

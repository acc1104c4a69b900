"""The commands that answer a question: of the tables, the catalogue, the packages, the machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.commands.access import new_steps, reader
from cli.commands.options import Format, Quiet, SqlFormat
from cli.jobs.dbt import CHECK_FAILED
from cli.machine.home import Home, shown
from cli.runs.records import held_lock_anywhere, mend_files
from cli.runs.relocation import relocate
from warehouse.contract.cells import LINES, visible


def sql(
    statement: Annotated[
        str | None,
        typer.Argument(help="One SELECT (or describe, show tables in), in Spark SQL; without one, a shell."),
    ] = None,
    file: Annotated[Path | None, typer.Option(help="A file with the statement.")] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="TIMESTAMP|RUN_ID", help="The tables as they were published then; UTC if no zone is given."
        ),
    ] = None,
    run_id: Annotated[
        str | None, typer.Option("--run", metavar="RUN_ID", help="What a failed run left unpublished.")
    ] = None,
    style: Annotated[SqlFormat, typer.Option("--format", help="How to print the rows.")] = SqlFormat.table,
    out: Annotated[Path | None, typer.Option(help="The file to write, for --format parquet.")] = None,
    limit: Annotated[int | None, typer.Option(min=0, help="The most rows to print; all if not given.")] = None,
    timeout: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="Cancel a statement that takes longer.")
    ] = None,
) -> None:
    """Query the published warehouse, for example ml.churn_predictions, as it is now or was; this command only reads."""
    from cli.commands.answers import answered, answered_as_arrow
    from cli.printing.console import print_rows, waiting
    from cli.servers.sql_server.door import Question

    if (style is SqlFormat.parquet) != (out is not None):
        raise typer.BadParameter("--format parquet and --out FILE go together; what else is printed, `> FILE` takes.")
    text = _statement(statement, file)
    if text is None:
        from cli.commands.answers import open_shell

        open_shell()
        return
    question = Question(text, as_of, run_id, limit)
    if out:
        from cli.printing.parquet_file import write_parquet

        with waiting() as first_of, answered_as_arrow(question, timeout) as (schema, batches):
            write_parquet(out, schema, first_of(batches))
        return
    with waiting() as first_of, answered(question, timeout) as (columns, rows):
        print_rows(columns, first_of(rows), style.value)


def _statement(statement: str | None, file: Path | None) -> str | None:
    """Return the one statement that was given, on standard input if nowhere else; None where somebody sits there."""
    if statement is not None and file is not None:
        raise typer.BadParameter("Give a statement or a file with one, not both.")
    if file is not None:
        return file.read_text(encoding="utf-8")
    return sys.stdin.read() if statement is None and not sys.stdin.isatty() else statement


def tables(
    style: Annotated[Format, typer.Option("--format", help="How to print them.")] = Format.table,
) -> None:
    """List the published tables with their rows, and the Iceberg metadata that DuckDB, Polars and others read."""
    import sparkhouse
    from cli.printing.console import print_rows

    Home.from_environment()
    listed = sparkhouse.tables()
    print_rows(["table", "rows", "path"], ((table.name, table.row_count, table.path) for table in listed), style.value)


def report(
    open_it: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False, quiet: Quiet = False
) -> None:
    """Write the report on the published tables: pages that work from disk, offline. `run` writes it, too."""
    import webbrowser

    from cli.jobs import reporting

    index = reporting.report(reader("report", quiet=quiet))
    print(f"Report: {shown(index)}")
    if open_it:
        webbrowser.open(index.as_uri())


def features(
    group: Annotated[str | None, typer.Option(help="Only this group, such as recency; all if not given.")] = None,
    style: Annotated[Format, typer.Option("--format", help="How to print them; csv and json hold all.")] = Format.table,
) -> None:
    """List the catalogue of features: unit, range, when NULL, leak class, meaning."""
    from cli.printing.feature_list import features_of, print_features

    print_features(features_of(group), style.value)


def gate(
    style: Annotated[Format, typer.Option("--format", help="How to print them; csv and json hold all.")] = Format.table,
) -> None:
    """List the rules of the gate: kind, what a broken one does, limits, why, and who says so."""
    from cli.jobs.limits import limits_of
    from cli.printing.gate_rules import print_gate

    print_gate(limits_of(Home.from_environment()), style.value)


def licences(
    style: Annotated[Format, typer.Option("--format", help="How to print them.")] = Format.table,
) -> None:
    """List every package of the lock file that is installed here, with its version and licence."""
    from cli.health.licences import print_licences

    print_licences(style.value)


def doctor(
    mend: Annotated[bool, typer.Option("--mend", help="Put right damaged files of the state folder first.")] = False,
    move_in: Annotated[
        bool, typer.Option("--relocate", help="Make a copied or moved state folder one of its own first.")
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Do not start Spark.")] = False,
) -> None:
    """Try all that a run needs, from Java to a table in the state folder; say what is wrong and how to mend it."""
    from cli.health.doctor import examine

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

"""What all commands share: the typer app, options, and how Spark is started for a command that writes or reads."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.home import Home
from cli.model_job import ModelJob
from cli.relocation import require_in_place
from cli.runs import held_lock, recorded
from cli.steps import Steps
from cli.writer_lock import WriterAtWork

if TYPE_CHECKING:
    from collections.abc import Iterator

    from warehouse.landing.reader.rules import Rules

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
Wait = Annotated[bool, typer.Option("--wait", help="Wait for another writer to end, instead of refusing.")]
Pseudonymise = Annotated[
    bool,
    typer.Option(
        help="Keep first and last names as salted hashes in `raw`, or not at all; in clear they are never kept."
    ),
]
MappingFile = Annotated[
    Path | None,
    typer.Option("--mapping", help="YAML file that says what another service's log calls keys, pages and levels."),
]
KeepRefusedText = Annotated[
    bool, typer.Option("--keep-refused-text", help="Keep the text of refused lines that are no JSON, not its shape.")
]
Label = Annotated[str, typer.Option(help="A label of marts.fct_churn_labels.")]
AsOf = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Snapshot date; the newest if not given.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same result.")]


@contextmanager
def writer(command: str, *, quiet: bool, wait: bool) -> Iterator[ModelJob]:
    """Start Spark for a command that writes: under the writers' lock, on record, no publication left unfinished."""
    home, steps = Home.from_environment(), new_steps(command, quiet=quiet)
    with recorded(home, steps, wait=wait):
        job = start_job(home, steps)
        job.finish_publication()
        yield job


@contextmanager
def writer_on_branch(command: str, *, quiet: bool, wait: bool) -> Iterator[ModelJob]:
    """The same, on a branch of the run: what it does not publish, no reader sees."""
    with writer(command, quiet=quiet, wait=wait) as job, job.branch():
        yield job


def reader(command: str, *, quiet: bool) -> ModelJob:
    """Start Spark for a command that reads; a publication that was cut short is finished, if nobody writes."""
    home, steps = Home.from_environment(), new_steps(command, quiet=quiet)
    job = start_job(home, steps)
    if job.publisher.journal.needs_finishing:
        with suppress(WriterAtWork, OSError), held_lock(home, steps, wait=False):
            job.finish_publication()
    return job


def reading_rules(mapping: Path | None, *, pseudonymise: bool, keep_refused_text: bool) -> Rules:
    """Put together how a log is to be read, before anything is written. Raises BrokenMapping."""
    from warehouse.landing.reader.mapping_file import load_mapping
    from warehouse.landing.reader.rules import Rules

    return Rules(pseudonymise, load_mapping(mapping) if mapping else None, keep_refused_text)


def start_job(home: Home, steps: Steps) -> ModelJob:
    """Start Spark on the state folder. Raises StateElsewhere, ForeignPath."""
    from cli.session import start_spark

    require_in_place(home)
    return ModelJob(start_spark(), home, steps)


def new_steps(command: str, *, quiet: bool) -> Steps:
    """Begin the record of a command, under a run id that sorts by time."""
    return Steps(quiet=quiet, run_id=datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S%fZ"), command=command)

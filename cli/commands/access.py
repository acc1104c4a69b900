"""How Spark is started for a command that writes or reads."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from cli.jobs import exporting, publishing
from cli.jobs.limits import limits_of
from cli.jobs.workspace import Workspace
from cli.machine.home import Home
from cli.runs.records import held_lock, recorded
from cli.runs.relocation import require_in_place
from cli.runs.steps import Steps
from cli.runs.writer_lock import WriterAtWork
from cli.spark.sizing import held_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from warehouse.landing.reader.rules import Rules


@contextmanager
def writer(command: str, *, quiet: bool, wait: bool, log_bytes: int | None = None) -> Iterator[Workspace]:
    """Start Spark for a command that writes: under the writers' lock, on record, no publication left unfinished.

    `log_bytes` is how much of a log it works through, if not all that the warehouse holds: none of it, where it works
    on snapshots or on metadata.
    """
    home, steps = Home.from_environment(), new_steps(command, quiet=quiet)
    with recorded(home, steps, wait=wait):
        workspace = start_workspace(home, steps, held_bytes(home) if log_bytes is None else log_bytes)
        with exporting.followed(workspace):
            publishing.finish_publication(workspace)
            yield workspace


@contextmanager
def writer_on_branch(command: str, *, quiet: bool, wait: bool, log_bytes: int | None = None) -> Iterator[Workspace]:
    """The same, on a branch of the run: what it does not publish, no reader sees.

    Raises BrokenLimits before anything else: an audit could not judge by them.
    """
    limits_of(Home.from_environment())
    with writer(command, quiet=quiet, wait=wait, log_bytes=log_bytes) as workspace, publishing.on_branch(workspace):
        yield workspace


def reader(command: str, *, quiet: bool) -> Workspace:
    """Start Spark for a command that reads; a publication that was cut short is finished, if nobody writes."""
    home, steps = Home.from_environment(), new_steps(command, quiet=quiet)
    workspace = start_workspace(home, steps)
    if publishing.publisher(workspace).journal.needs_finishing:
        with suppress(WriterAtWork, OSError), held_lock(home, steps, wait=False):
            publishing.finish_publication(workspace)
    return workspace


def reading_rules(mapping: Path | None, *, pseudonymise: bool, keep_refused_text: bool) -> Rules:
    """Put together how a log is to be read, before anything is written. Raises BrokenMapping."""
    from warehouse.landing.reader.mapping_file import load_mapping
    from warehouse.landing.reader.rules import Rules

    return Rules(pseudonymise, load_mapping(mapping) if mapping else None, keep_refused_text)


def start_workspace(home: Home, steps: Steps, log_bytes: int = 0) -> Workspace:
    """Start Spark on the state folder, sized for so much log. Raises StateElsewhere, ForeignPath."""
    from cli.spark.session import start_spark

    require_in_place(home)
    return Workspace(start_spark(log_bytes), home, steps)


def new_steps(command: str, *, quiet: bool) -> Steps:
    """Begin the record of a command, under a run id that sorts by time."""
    return Steps(quiet=quiet, run_id=datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S%fZ"), command=command)

"""Runs: every command that writes is one, under the writers' lock and with a record of its own beside the tables."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli.runs.relocation import require_in_place
from cli.runs.spares import restored
from cli.runs.steps import write_json
from cli.runs.writer_lock import Holder, current_holder, shared_holder, shared_lock, writer_lock
from warehouse.contract.errors import SparkhouseError
from warehouse.publishing.shared_place import mark_places

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cli.machine.home import Home
    from cli.runs.steps import Steps

UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError)
RUNNING, BROKEN_OFF, FAILED, DONE, PUBLISHED = "running", "broken off", "failed", "done", "published"
DISCARDED, ROLLED_BACK = "discarded", "rolled back"
DAMAGED = "record damaged"


GATE = "validate"


class NotStoppedByGate(SparkhouseError, RuntimeError):
    """Something else than findings of the gate kept a run from publishing."""


@dataclass(frozen=True)
class Run:
    """A run as its record tells it; `seconds` is None where it was killed, `message` is what it failed with."""

    run_id: str
    command: str
    status: str
    started_at: str
    seconds: float | None
    message: str


@contextmanager
def held_lock(home: Home, steps: Steps, *, wait: bool) -> Iterator[None]:
    """Hold the writers' lock of the state folder where it lies, and put right what damaged metadata can be put right.

    Raises StateElsewhere, ForeignPath, ClockWasAhead, or WriterAtWork, unless `wait`.
    """
    from warehouse.landing.staged_logs import clear_staging
    from warehouse.publishing.clock import require_past

    require_in_place(home)
    with held_lock_anywhere(home, steps, wait=wait):
        # What a killed ingest unpacked holds names in clear.
        clear_staging(home.landing)
        # Of shared tables one machine's trouble may be its own: those are mended when somebody asks for it.
        for mended in [] if home.cluster else restored(home):
            steps.tell(mended)
        require_past(home.catalog.written)
        yield


@contextmanager
def held_lock_anywhere(home: Home, steps: Steps, *, wait: bool) -> Iterator[None]:
    """Hold the writers' lock, wherever the tables say that they lie. Raises WriterAtWork, unless `wait`."""
    holder = Holder(steps.command, steps.run_id, os.getpid(), steps.started_at.isoformat(timespec="seconds"))
    waiting = (lambda other: steps.tell(f"waiting: {other}")) if wait else None
    with (
        writer_lock(home.writer_lock, holder, waiting) as left,
        shared_lock(home.cluster.database, holder, waiting) if home.cluster else nullcontext() as left_elsewhere,
    ):
        # A run that was killed has mostly left both.
        for killed in {each.run_id: each for each in (left, left_elsewhere) if each}.values():
            steps.tell(f"{killed} was killed: its lock is taken over")
        if home.cluster:
            mark_places(home.cluster.database, home.cluster.places)
            home.cluster.tables.make_default_schema()
        yield


@contextmanager
def recorded(home: Home, steps: Steps, *, wait: bool = False) -> Iterator[None]:
    """Hold the writers' lock for a run, and keep its record: running, then published, done or failed.

    Raises WriterAtWork, unless `wait`.
    """
    with held_lock(home, steps, wait=wait):
        path = _path(home, steps.run_id)
        write_json(path, {**steps.record, "status": RUNNING})
        try:
            yield
        except BaseException as error:
            write_json(path, {**steps.record, "status": FAILED, "message": f"{type(error).__name__}: {error}"})
            raise
        is_published = any(step.name == "publish" and step.rows_out for step in steps.done)
        write_json(path, {**steps.record, "status": PUBLISHED if is_published else DONE})


def runs(home: Home) -> list[Run]:
    """Return all runs on record, the newest first, of all machines that share the tables."""
    holder = shared_holder(home.cluster.database) if home.cluster else current_holder(home.writer_lock)
    return [_run(path, holder) for path in sorted(home.runs.glob("*.json"), reverse=True)]


def mark(home: Home, run_id: str, status: str) -> None:
    """Change what the record of a run says became of it; a run without a readable record stays without."""
    path = _path(home, run_id)
    with suppress(*UNREADABLE):
        write_json(path, {**json.loads(path.read_text()), "status": status})


def require_stopped_by_gate(home: Home, run_id: str) -> None:
    """Raise NotStoppedByGate unless nothing but an audit stopped a run: what failed before has left no whole tables."""
    try:
        record = json.loads(_path(home, run_id).read_text())
        failed = [step["name"] for step in record["steps"] if step["status"] == "failed"]
        status = record["status"]
    except UNREADABLE as error:
        raise NotStoppedByGate(f"run {run_id} has no record that tells what stopped it: run it again") from error
    if status != FAILED or failed != [GATE]:
        what = f"by {', '.join(failed)}" if failed else "before its audit"
        raise NotStoppedByGate(f"run {run_id} was not stopped by the gate alone, but {what}: run it again")


def damaged_records(home: Home) -> list[Path]:
    """Return the records of runs that cannot be read."""
    return [path for path in sorted(home.runs.glob("*.json")) if _run(path, None).status == DAMAGED]


def mend_files(home: Home, steps: Steps) -> Iterator[str]:
    """Put right what can be put right without Spark; yield what was done."""
    from warehouse.publishing.clock import date_back

    require_in_place(home)
    with held_lock_anywhere(home, steps, wait=False):
        yield from restored(home)
        for table in date_back(home.catalog.written):
            yield f"{table} was written ahead of now, and is dated back"
        for path in damaged_records(home):
            yield f"set aside: {path.replace(path.with_name(f'{path.name}.damaged'))}"


def _path(home: Home, run_id: str) -> Path:
    return home.runs / f"{run_id}.json"


def _run(path: Path, holder: Holder | None) -> Run:
    try:
        return _run_on_record(json.loads(path.read_text()), holder)
    except UNREADABLE:
        return Run(path.stem, "", DAMAGED, "", None, f"{path} cannot be read: `sparkhouse doctor --mend` sets it aside")


def _run_on_record(record: dict[str, Any], holder: Holder | None) -> Run:
    status, is_held = record["status"], holder is not None and holder.run_id == record["run_id"]
    if status == RUNNING and not is_held:
        status = BROKEN_OFF
    has_ended = status not in {RUNNING, BROKEN_OFF}
    return Run(
        record["run_id"],
        record["command"],
        status,
        record["started_at"],
        record["seconds"] if has_ended else None,
        record.get("message", "").partition("\n")[0],
    )

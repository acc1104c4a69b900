"""Runs: every command that writes is one, under the writers' lock and with a record of its own in the state folder."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.steps import write_json
from cli.writer_lock import Holder, current_holder, writer_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cli.home import Home
    from cli.steps import Steps

RUNNING, BROKEN_OFF, FAILED, DONE, PUBLISHED = "running", "broken off", "failed", "done", "published"
DISCARDED, ROLLED_BACK = "discarded", "rolled back"


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
    """Hold the writers' lock of the state folder, and put right what damaged metadata can be put right.

    Raises WriterAtWork, unless `wait`.
    """
    from warehouse.publishing.spare_metadata import restore

    holder = Holder(steps.command, steps.run_id, os.getpid(), steps.started_at.isoformat(timespec="seconds"))
    with writer_lock(home.writer_lock, holder, (lambda told: steps.tell(f"waiting: {told}")) if wait else None) as left:
        if left:
            steps.tell(f"{left} was killed: its lock is taken over")
        for mended in restore(home.warehouse, home.spares):
            steps.tell(mended)
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
    """Return all runs on record, the newest first."""
    holder = current_holder(home.writer_lock)
    return [_run(path, holder) for path in sorted(home.runs.glob("*.json"), reverse=True)]


def mark(home: Home, run_id: str, status: str) -> None:
    """Change what the record of a run says became of it; a run without a record stays without."""
    path = _path(home, run_id)
    if path.exists():
        write_json(path, {**json.loads(path.read_text()), "status": status})


def _path(home: Home, run_id: str) -> Path:
    return home.runs / f"{run_id}.json"


def _run(path: Path, holder: Holder | None) -> Run:
    told = json.loads(path.read_text())
    status, is_held = told["status"], holder is not None and holder.run_id == told["run_id"]
    if status == RUNNING and not is_held:
        status = BROKEN_OFF
    has_ended = status not in {RUNNING, BROKEN_OFF}
    return Run(
        told["run_id"],
        told["command"],
        status,
        told["started_at"],
        told["seconds"] if has_ended else None,
        told.get("message", "").partition("\n")[0],
    )

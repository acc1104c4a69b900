"""Steps of a command: progress while they run, one line when they end, a record for `run.json`."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from warehouse.contract.cells import LINES, visible
from warehouse.contract.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.status import Status

FINE = ("ok", "skipped")


@dataclass
class Step:
    """One step: `seconds` is wall time, rows are what the step counts (lines, events, snapshots, users)."""

    name: str
    seconds: float = 0.0
    rows_in: int | None = None
    rows_out: int | None = None
    status: str = "running"
    detail: str = ""

    def fail(self, detail: str) -> None:
        """End the step as stopped by a check."""
        self.status, self.detail = "failed", detail

    def skip(self, detail: str) -> None:
        """End the step as one that had nothing to work on, which is no failure."""
        self.status, self.detail = "skipped", detail


class Steps:
    """The steps of one command, in order. Shows a spinner on a terminal unless `quiet`; else one line a step."""

    def __init__(self, *, quiet: bool = False, run_id: str = "", command: str = "") -> None:
        self.console = Console(stderr=True, highlight=False)
        self.run_id = run_id
        self.command = command
        self.started_at = datetime.now(timezone.utc)
        self.done: list[Step] = []
        self._spins = self.console.is_terminal and not quiet
        self._status: Status | None = None

    def progress(self, text: str) -> None:
        """Say what the step is at, where somebody watches."""
        if self._status:
            self._status.update(escape(visible(f"{self.done[-1].name}: {text}")))

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Time a block; an error in it, or `Step.fail`, makes it failed."""
        step = Step(name)
        self.done.append(step)
        started = time.perf_counter()
        try:
            with self.console.status(name) if self._spins else nullcontext() as self._status:
                yield step
            if step.status == "running":
                step.status = "ok"
        except BaseException:
            step.status = "failed"
            raise
        finally:
            self._status = None
            step.seconds = round(time.perf_counter() - started, 2)
            self._print(step)

    def tell(self, text: str) -> None:
        """Say something between two steps."""
        self.console.print(escape(visible(text, keep=LINES)), soft_wrap=True)

    @property
    def record(self) -> dict[str, Any]:
        """The record of all steps, for JSON."""
        finished_at = datetime.now(timezone.utc)
        return {
            "run_id": self.run_id,
            "command": self.command,
            "started_at": self.started_at.isoformat(timespec="seconds"),
            "finished_at": finished_at.isoformat(timespec="seconds"),
            "seconds": round((finished_at - self.started_at).total_seconds(), 2),
            "status": "ok" if all(step.status in FINE for step in self.done) else "failed",
            "steps": [asdict(step) for step in self.done],
        }

    def write(self, path: Path) -> None:
        """Write the record of all steps as JSON."""
        write_json(path, self.record)

    def _print(self, step: Step) -> None:
        colour = "green" if step.status in FINE else "red"
        mark = f"[{colour}]{step.status}[/]"
        self.console.print(
            f"{step.name:<10} {step.seconds:6.1f} s  {mark}  {escape(visible(step.detail, keep=LINES))}", soft_wrap=True
        )


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a file that appears whole or not at all."""
    replace_file(path, f"{json.dumps(content, indent=2)}\n".encode())

"""Simulator of the Sparkify event log, a restatement of Interana's eventsim with its published settings.

The log has the raw format, the quirks and the statistics of the published logs, at any size. It follows from the seed
alone: every user has a random stream of their own, so that more days add rows and change none, and the number of
processes does not matter.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from warehouse.contract.errors import SparkhouseError
from warehouse.landing.simulator.clock import DAY, EPOCH
from warehouse.landing.simulator.cohorts import cohorts
from warehouse.landing.simulator.files import EventFiles, event_files
from warehouse.landing.simulator.runs import SPARKIFY, Run, Service
from warehouse.landing.simulator.shards import LocalShard, Seconds, Shard, ShardProcess, Step, Totals

Ids = Literal["banded", "random"]
# What is held in memory at a time: the rows of six hours and the sessions that run.
STEP = DAY // 4
USERS_PER_PROCESS = 500
MAX_DAYS = 3_650
MAX_USERS: dict[str, int] = {"banded": 50_000, "random": 100_000}


class InvalidSimulation(SparkhouseError, ValueError):
    """The simulation asked for cannot be run. The message says what to change."""


@dataclass(frozen=True)
class SimulationSpec:
    """What to simulate.

    `users` are there at the start; the user base then grows by a tenth a year. About as many users have events in a
    log of 61 days: the few who cancelled shortly before the start and the few who join make up for one another.
    `ids`: "banded" gives four cohort runs one after the other, each with its band of ids and its session counter, as
    in the small published logs; "random" gives one log in order of time with all cohorts mixed, as in the full one.
    The log covers [start, start + days) in UTC. `service` is one unlike the published settings. Raises
    InvalidSimulation.
    """

    users: int = 225
    days: int = 61
    start: date = date(2018, 10, 1)
    seed: int = 21
    ids: Ids = "banded"
    service: Service = SPARKIFY

    def __post_init__(self) -> None:
        if self.ids not in get_args(Ids):
            raise InvalidSimulation(f"ids must be one of {', '.join(get_args(Ids))}, not {self.ids!r}")
        if not 1 <= self.users <= MAX_USERS[self.ids]:
            raise InvalidSimulation(f"users must be 1 to {MAX_USERS[self.ids]} for {self.ids} ids, not {self.users}")
        if not 1 <= self.days <= MAX_DAYS:
            raise InvalidSimulation(f"days must be 1 to {MAX_DAYS}, not {self.days}")
        if isinstance(self.start, datetime):
            raise InvalidSimulation("start must be a date: a log starts at midnight UTC")


@dataclass(frozen=True)
class SimulationSummary:
    """What was written. `users` counts ids with a row of their own, `churned_users` those that cancelled."""

    paths: tuple[Path, ...]
    rows: int
    users: int
    churned_users: int
    bytes: int


def simulate(
    spec: SimulationSpec,
    out: Path,
    by_day: bool = False,  # noqa: FBT001, FBT002 - reads well in a call
    processes: int | None = None,
) -> SimulationSummary:
    """Write a log to the file `out` (gzip if it ends in .gz), or one file per UTC day to the folder `out`.

    Files get their names when all are complete; existing ones of the same name are replaced. Large simulations run in
    several processes, which import the calling script again: guard its main part.
    """
    totals: list[Totals] = []
    rows = 0
    with event_files(out, by_day=by_day) as files:
        for day in range(spec.days):
            files.write(spec.start + timedelta(days=day), b"")
        for run in _runs(spec):
            run_rows, run_totals = _write_run(run, spec.days, files, _shards(run, processes))
            rows += run_rows
            totals += run_totals
        paths = files.publish()
    return SimulationSummary(
        paths=paths,
        rows=rows,
        users=sum(total.users for total in totals),
        churned_users=sum(total.churned_users for total in totals),
        bytes=sum(path.stat().st_size for path in paths),
    )


def _runs(spec: SimulationSpec) -> Iterator[Run]:
    start = (spec.start - EPOCH).days * DAY
    if spec.ids == "random":
        yield Run(spec.seed, start, spec.users, None, spec.service)
        return
    weights = [cohort.weight for cohort in cohorts()]
    bounds = np.rint(np.cumsum([0, *weights]) * spec.users / sum(weights)).astype(int)
    for cohort, users in zip(cohorts(), np.diff(bounds).tolist(), strict=True):
        if users:
            yield Run(spec.seed, start, users, cohort.name, spec.service)


def _shards(run: Run, processes: int | None) -> Sequence[Shard]:
    parts = processes or max(1, min(os.cpu_count() or 1, run.users // USERS_PER_PROCESS))
    if parts == 1:
        return [LocalShard(run, 0, 1)]
    return [ShardProcess(run, part, parts) for part in range(parts)]


def _write_run(run: Run, days: int, files: EventFiles, shards: Sequence[Shard]) -> tuple[int, list[Totals]]:
    """Rows and totals of a run. While this process merges one step the shards work on the next."""
    end = run.start + days * DAY
    rows, sessions = 0, 0
    numbers = [np.empty(0, np.int64) for _ in shards]
    with ThreadPoolExecutor(len(shards)) as threads:

        def ask(until: int) -> list[Future[Step]]:
            return [threads.submit(shard.step, own, until) for shard, own in zip(shards, numbers, strict=True)]

        answers = ask(run.start)
        # The end comes twice: each step writes what the one before simulated.
        for until in [*range(run.start + STEP, end + 1, STEP), end]:
            steps = [answer.result() for answer in answers]
            numbers = _number(steps, sessions)
            sessions += sum(map(len, numbers))
            answers = ask(until)
            rows += _write(steps, files)
        rows += _write([answer.result() for answer in answers], files)
        return rows, list(threads.map(lambda shard: shard.totals(), shards))


def _number(steps: Sequence[Step], counted: int) -> list[Seconds]:
    """The sessionIds of the sessions that begin in a step: they count on through the run, by time and user."""
    begins = np.concatenate([step.session_begins for step in steps])
    order = np.lexsort((np.concatenate([step.session_users for step in steps]), begins))
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.arange(counted + 1, counted + 1 + len(order))
    return np.split(numbers, np.cumsum([len(step.session_begins) for step in steps])[:-1])


def _write(steps: Sequence[Step], files: EventFiles) -> int:
    """Merge the shards' rows by time and user and append them to the file of their day, of which a step is a part."""
    seconds = np.concatenate([step.seconds for step in steps])
    order = np.lexsort((np.concatenate([step.users for step in steps]), seconds))
    lines = [line for step in steps for line in step.lines]
    if lines:
        day = EPOCH + timedelta(days=int(seconds[order[0]]) // DAY)
        files.write(day, b"".join([lines[place] for place in order.tolist()]))
    return len(lines)

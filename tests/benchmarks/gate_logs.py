"""How the gate does on logs that it has not been tuned on: good ones of unlike services, and spoilt ones.

Run it with `make bench-gate`: it prints the two tables of expectations/README.md. Each good log goes through ingest,
build and audit on an empty warehouse, in one piece or day by day; each poison comes on top of four published weeks,
and as a first log. Exit code 1 where a good log is stopped, or a poison on top of published weeks is not.
"""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import date, datetime, timezone
from functools import partial
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from commands import drop_all_tables

from cli.commands.access import new_steps
from warehouse.landing.simulator import SimulationSpec, simulate
from warehouse.landing.simulator.runs import SPARKIFY, Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pyspark.sql import SparkSession

    from cli.machine.home import Home

    Lines = Iterable[bytes]

START = date(2018, 10, 1)
DAY_MS = 86_400_000
START_MS = int(datetime(2018, 10, 1, tzinfo=timezone.utc).timestamp() * 1000)
PUBLISHED_DAYS = 28
TS, ITEM = re.compile(rb'"ts":(\d+)'), re.compile(rb'"itemInSession":(\d+)')
USER = re.compile(rb'"userId":"(\d+)"')
CONFIRMED = b'"page":"Cancellation Confirmation"'


@dataclass(frozen=True)
class GoodLog:
    """A true log of a service, in one piece or, `by_day`, one day after the other on top of four weeks.

    `spoil` is what becomes of its lines, which stays true: another time zone, a time when it was shut.
    """

    kind: str
    users: int = 150
    days: int = 61
    service: Service = SPARKIFY
    spoil: Callable[[Lines], Lines] = iter
    by_day: bool = False
    outage: tuple[str, str] | None = None


def moved(hours: float) -> Callable[[Lines], Lines]:
    """Another time zone: all happens so many hours later."""

    def move(lines: Lines) -> Iterator[bytes]:
        for line in lines:
            yield TS.sub(lambda found: b'"ts":%d' % (int(found[1]) + int(hours * 3_600_000)), line)

    return move


def without(first: float, until: float) -> Callable[[Lines], Lines]:
    """No event between two days of the log."""
    return lambda lines: (line for line in lines if not first <= _day(line) < until)


def _day(line: bytes) -> float:
    found = TS.search(line)
    assert found
    return (int(found[1]) - START_MS) / DAY_MS


NO_QUIET_DAYS, FRIDAYS = Service(days_off=()), Service(days_off=(4,))
GROWING, OPENING = Service(growth_per_year=2.54), Service(growth_per_year=20)
shut = partial(GoodLog, spoil=without(21, 42))
daily = partial(GoodLog, "day by day", days=33, by_day=True)
SHORT_AND_LONG = ((200, 8), (200, 10), (150, 14), (150, 21), (150, 30), (100, 90), (60, 200), (30, 400))
GOOD_LOGS = (
    *(GoodLog("no quiet days", users, service=NO_QUIET_DAYS) for users in (5, 40, 100, 225, 500, 1_000)),
    *(GoodLog("quiet Fridays", users, service=FRIDAYS) for users in (20, 80, 150, 300, 600)),
    *(GoodLog("another time zone", spoil=moved(hours)) for hours in (-8, -5, 5.5, 8, 12)),
    *(GoodLog("few and many users", users) for users in (5, 8, 12, 20, 35, 60, 100, 400, 1_200, 3_000)),
    *(GoodLog("short and long", *size) for size in SHORT_AND_LONG),
    *(
        GoodLog("a fifth to five times the cancellations", users, service=Service(cancellations=times))
        for times, users in ((0.2, 200), (0.2, 600), (0.5, 200), (2, 200), (3, 200), (5, 200), (5, 1_000))
    ),
    *(GoodLog("growth of 5 % a week", users, service=GROWING) for users in (60, 150, 300, 600)),
    *(GoodLog("opens on the first day", users, service=OPENING) for users in (5, 20, 60)),
    *(shut("shut for three weeks", users) for users in (30, 100, 250)),
    *(shut("shut for three weeks, and told so", users, outage=("2018-10-22", "2018-11-12")) for users in (100, 250)),
    daily(users=30),
    daily(users=120, service=NO_QUIET_DAYS),
    daily(service=FRIDAYS),
    daily(service=GROWING),
    daily(users=60, service=OPENING),
    daily(service=Service(cancellations=5)),
    daily(days=56, spoil=without(31, 52), outage=("2018-11-01", "2018-11-22")),
)


@dataclass(frozen=True)
class Poison:
    """What spoils a log whose lines are well-formed all the same."""

    name: str
    spoil: Callable[[Lines], Lines]
    users: int = 150


def without_level(lines: Lines) -> Iterator[bytes]:
    return (re.sub(rb'"level":"\w+",', b"", line) for line in lines)


def a_hundred_times(lines: Lines) -> Iterator[bytes]:
    """All that one user does, a hundred times, as new items a few seconds later each time."""
    listed = list(lines)
    counts = Counter(found[1] for line in listed if (found := USER.search(line)))
    user = counts.most_common(len(counts) // 2 + 1)[-1][0]
    yield from listed
    own = [line for line in listed if b'"userId":"%s"' % user in line]
    for nth in range(1, 100):
        yield from (_later(line, nth) for line in own)


def _later(line: bytes, nth: int) -> bytes:
    later = TS.sub(lambda found: b'"ts":%d' % (int(found[1]) + nth * 7_000), line)
    return ITEM.sub(lambda found: b'"itemInSession":%d' % (int(found[1]) + nth * 10_000), later)


def twice_as_many_cancel(lines: Lines) -> Iterator[bytes]:
    """As many users again leave: one of their last events is turned into a cancellation, and none comes after it."""
    listed = list(lines)
    left = {found[1] for line in listed if CONFIRMED in line and (found := USER.search(line))}
    last: dict[bytes, int] = {}
    for place, line in enumerate(listed):
        found = USER.search(line)
        if found and found[1] not in left and b'"registration"' in line:
            last[found[1]] = place
    leaving = {last[user] for user in sorted(last)[:: max(1, len(last) // max(1, len(left)))][: len(left)]}
    for place, line in enumerate(listed):
        yield re.sub(rb'"page":"[^"]*"', CONFIRMED, line) if place in leaving else line


POISONS = (
    Poison("half a day is missing", without(31.25, 31.75)),
    Poison("no line has a level", without_level),
    Poison("one user is there a hundred times", a_hundred_times),
    Poison("the clock is a day late", moved(24)),
    # Of 1,200 users, the 90 cancellations of two weeks after 135 of four may still be chance.
    Poison("twice as many users cancel", twice_as_many_cancel, users=2_250),
)


@dataclass(frozen=True)
class Outcome:
    """What the gate said: rules that stopped and rules that warned."""

    stopped: frozenset[str]
    warned: frozenset[str]


@dataclass(frozen=True)
class Bench:
    """One session on one state folder, emptied for each log."""

    spark: SparkSession
    home: Home
    logs: Path

    def good(self, log: GoodLog, seed: int) -> Outcome:
        files = self._simulated(log, seed)
        self.home.limits.unlink(missing_ok=True)
        if log.outage:
            first, until = log.outage
            text = f"outages: [{{from: {first}, until: {until}, reason: It was shut.}}]"
            self.home.limits.write_text(text)
        if not log.by_day:
            return self._deliver(files)
        found = [self._deliver(files[:PUBLISHED_DAYS])]
        found += [self._deliver([file]) for file in files[PUBLISHED_DAYS:]]
        return Outcome(
            *(frozenset().union(*parts) for parts in zip(*((each.stopped, each.warned) for each in found), strict=True))
        )

    def poisoned(self, poison: Poison, *, on_top: bool) -> Outcome:
        files = self._simulated(GoodLog("", poison.users, 42), seed=3)
        self.home.limits.unlink(missing_ok=True)
        if on_top:
            assert not self._deliver(files[:PUBLISHED_DAYS]).stopped
            files = files[PUBLISHED_DAYS:]
        whole = self.logs / "poison.json"
        whole.write_bytes(
            b"".join(poison.spoil(line for file in files for line in file.read_bytes().splitlines(keepends=True)))
        )
        return self._deliver([whole])

    def _simulated(self, log: GoodLog, seed: int) -> list[Path]:
        drop_all_tables(self.spark)
        for old in self.logs.iterdir():
            old.unlink()
        spec = SimulationSpec(log.users, log.days, START, seed, "random", log.service)
        files = simulate(spec, self.logs, by_day=True, processes=1).paths
        for file in files:
            file.write_bytes(b"".join(log.spoil(file.read_bytes().splitlines(keepends=True))))
        return [file for file in files if file.stat().st_size]

    def _deliver(self, files: list[Path]) -> Outcome:
        """Ingest, build, audit and publish as `run` does; what the audit found stands in its table."""
        from cli.jobs import auditing, building, landing, publishing
        from cli.jobs.checks import CheckFailed
        from cli.jobs.workspace import Workspace

        said, failed = StringIO(), ""
        with redirect_stdout(said), redirect_stderr(said):
            workspace = Workspace(self.spark, self.home, new_steps("run", quiet=True))
            try:
                with publishing.on_branch(workspace):
                    landing.ingest(workspace, files)
                    building.build(workspace)
                    auditing.audit(workspace, auditing.WAREHOUSE_SUITES)
                    publishing.publish(workspace)
            except CheckFailed as stopped:
                failed = str(stopped)
        rows = self.spark.sql(
            "select rule, severity, message from monitoring.validation_results where not success and accepted is null"
            " and run_id = (select max(run_id) from monitoring.validation_results)"
        ).collect()
        stops = frozenset(row.rule for row in rows if row.severity == "stop")
        if failed and not stops:
            raise SystemExit(f"not the gate stopped this log: {failed}")
        return Outcome(stops, frozenset(row.rule for row in rows if row.severity == "warn"))


def main(only: str = "") -> int:
    with TemporaryDirectory() as folder:
        logs = Path(folder) / "logs"
        logs.mkdir()
        os.environ["SPARKHOUSE_HOME"] = str(Path(folder) / "home")
        from cli.machine.home import Home
        from cli.spark.session import start_spark

        home = Home.from_environment()
        bench = Bench(start_spark(), home, logs)
        alarms = _good(bench, only) if only != "poisons" else 0
        missed = _poisons(bench) if only in {"", "poisons"} else 0
    return int(bool(alarms or missed))


def _good(bench: Bench, only: str) -> int:
    print("| good logs | number | stopped | rules that warned (logs) |\n|---|---|---|---|")
    found: dict[str, list[Outcome]] = {}
    for seed, log in enumerate(GOOD_LOGS, 1):
        if only in log.kind:
            outcome = bench.good(log, seed)
            found.setdefault(log.kind, []).append(outcome)
            told = f"{log.kind}, {log.users} users, {log.days} days, seed {seed}: {_told(outcome)}"
            print(told, file=sys.stderr, flush=True)
    for kind, outcomes in found.items():
        warned = Counter(rule for outcome in outcomes for rule in outcome.warned)
        told = ", ".join(f"{rule} ({count})" for rule, count in sorted(warned.items())) or "none"
        print(f"| {kind} | {len(outcomes)} | {sum(bool(each.stopped) for each in outcomes)} | {told} |")
    every = [each for outcomes in found.values() for each in outcomes]
    alarms = sum(bool(each.stopped) for each in every)
    print(f"| all | {len(every)} | {alarms} | {sum(bool(each.warned) for each in every)} logs |", flush=True)
    return alarms


def _poisons(bench: Bench) -> int:
    print("\n| poison | on top of four published weeks | as a first log |\n|---|---|---|")
    missed = 0
    for poison in POISONS:
        on_top, first = (bench.poisoned(poison, on_top=on_top) for on_top in (True, False))
        missed += not on_top.stopped
        print(f"| {poison.name} | {_told(on_top)} | {_told(first)} |", flush=True)
    return missed


def _told(outcome: Outcome) -> str:
    if outcome.stopped:
        return f"stopped by {', '.join(sorted(outcome.stopped))}"
    return f"warned of by {', '.join(sorted(outcome.warned))}" if outcome.warned else "not found"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

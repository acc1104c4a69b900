"""What `sparkhouse run` takes, over two hand-written scripts of the same work, and a cold query, in turns, in one go.

    python tests/benchmarks/ratios.py [USERS [ROUNDS]]

`floor_pyspark.py` is what a careful person writes in an afternoon with Spark, at Spark's default options;
`floor_duckdb.py` the same in one process with DuckDB and scikit-learn. Neither has tables to query, tests, a gate,
calibration, or a history. Every run is a process of its own on an empty state folder, JVM start included, set-up and
simulation not; the report and the web app's file are left out of the run's wall time, and not of its processor time.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from measured import SPARKHOUSE, Measured, measured, simulated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HERE = Path(__file__).parent
PYSPARK, DUCKDB, RUN, QUERY = "floor_pyspark.py", "floor_duckdb.py", "sparkhouse run", 'sparkhouse sql "select 1"'
APART = ("report", "export")


def round_of(log: Path, scratch: Path) -> dict[str, Measured]:
    """Run each once."""
    home = scratch / "home"
    return {
        PYSPARK: measured(sys.executable, HERE / PYSPARK, log, scratch / "pyspark", home=scratch / "none"),
        DUCKDB: measured(sys.executable, HERE / DUCKDB, log, scratch / "duckdb", home=scratch / "none"),
        RUN: measured(SPARKHOUSE, "run", "--quiet", "--events", log, home=home),
        QUERY: measured(SPARKHOUSE, "sql", "select 1", home=home),
    }


def seconds_apart(home: Path) -> float:
    """The seconds of the steps that are not the job's: of the run in a state folder."""
    steps = json.loads((home / "reports" / "run.json").read_text())["steps"]
    return float(sum(step["seconds"] for step in steps if step["name"] in APART))


def print_steps(home: Path) -> None:
    """Print the steps of the run in a state folder."""
    for step in json.loads((home / "reports" / "run.json").read_text())["steps"]:
        print(f"    {step['name']:<9} {step['seconds']:7.1f} s  {step['detail']}", flush=True)


def print_ratios(rounds: Sequence[Mapping[str, Measured]], apart: Sequence[float]) -> None:
    """Print the ratios of the medians."""

    def median(name: str) -> tuple[float, float]:
        walls = [each[name].seconds for each in rounds]
        if name == RUN:
            walls = [wall - seconds for wall, seconds in zip(walls, apart, strict=True)]
        return statistics.median(walls), statistics.median(each[name].cpu_seconds for each in rounds)

    for floor in (PYSPARK, DUCKDB):
        wall, cpu = (of_run / of_floor for of_run, of_floor in zip(median(RUN), median(floor), strict=True))
        print(f"{RUN} over {floor}: {wall:.2f} of wall time, {cpu:.2f} of processor time")


def main(users: int, count: int) -> None:
    """Print each round, then the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        log = simulated(Path(folder), "--users", f"{users}", "--ids", "random")
        print(f"{users:,} users, {log.stat().st_size / 1e6:,.0f} MB, rounds: {count}")
        rounds, apart = [], []
        for number in range(1, count + 1):
            scratch = Path(folder) / f"{number}"
            rounds.append(round_of(log, scratch))
            apart.append(seconds_apart(scratch / "home"))
            for name, found in rounds[-1].items():
                print(f"  {name}: {found}", flush=True)
            print_steps(scratch / "home")
        print_ratios(rounds, apart)


if __name__ == "__main__":
    chosen = [int(each) for each in sys.argv[1:]]
    main(*chosen, *(225, 2)[len(chosen) :])

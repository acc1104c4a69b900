"""Wall time of `sparkhouse run` against the hand-written floor, on one simulated mini log, in turns, in one go.

    python tests/benchmarks/run_vs_floor.py [ROUNDS]

Prints each round, then the ratio of the medians of the whole job, that of the dbt build (all models, data tests and
unit tests, as `sparkhouse build` runs them on the ingested log) to the floor's part from parsing to features, and that
of the training (six algorithms with their grids on three folds, calibration, card, explanations) to the floor's three
plain fits. Every run is a process of its own on an empty state folder, JVM start included, set-up and simulation not.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cli.machine.environment import java_home

FLOOR = Path(__file__).with_name("floor_pyspark.py")
SPARKHOUSE = Path(sys.executable).with_name("sparkhouse")


def run(*command: str | Path, home: Path) -> tuple[float, str]:
    """Run a command to its end; return its wall time in seconds and what it printed."""
    started = time.perf_counter()
    java = str(java_home(os.environ.get("JAVA_HOME")))
    environment = {**os.environ, "SPARKHOUSE_HOME": str(home), "PYSPARK_PYTHON": sys.executable, "JAVA_HOME": java}
    # Steps are told on the error stream, results on the output stream: both are read.
    done = subprocess.run(
        [str(part) for part in command],
        check=True,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return time.perf_counter() - started, done.stdout


def seconds_of(pattern: str, printed: str) -> float:
    """The seconds that a line of the output tells."""
    found = re.search(pattern, printed)
    if found is None:
        raise ValueError(f"no line like {pattern!r} in {printed!r}")
    return float(found[1])


def main(rounds: int) -> None:
    """Measure `rounds` times each, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        log = scratch / "mini.json"
        subprocess.run([SPARKHOUSE, "simulate", "--quiet", "--out", log], check=True)
        names = ("floor", "floor's features", "floor's fits", "sparkhouse run", "training", "dbt build")
        times: dict[str, list[float]] = {name: [] for name in names}
        for number in range(1, rounds + 1):
            seconds, printed = run(sys.executable, FLOOR, log, scratch / f"floor-{number}", home=scratch / "floor-home")
            times["floor"].append(seconds)
            times["floor's features"].append(seconds_of(r"parse to features: ([\d.]+) s", printed))
            fits = seconds_of(r"all: ([\d.]+) s", printed) - times["floor's features"][-1]
            times["floor's fits"].append(fits)
            home = scratch / f"home-{number}"
            seconds, printed = run(SPARKHOUSE, "run", "--quiet", "--events", log, home=home)
            times["sparkhouse run"].append(seconds)
            times["training"].append(seconds_of(r"train +([\d.]+) s", printed))
            _, printed = run(SPARKHOUSE, "build", "--quiet", home=home)
            times["dbt build"].append(seconds_of(r"build +([\d.]+) s", printed))
            print(
                f"round {number}: " + ", ".join(f"{name} {values[-1]:.1f} s" for name, values in times.items()),
                flush=True,
            )
        median = {name: statistics.median(values) for name, values in times.items()}
        whole = median["sparkhouse run"] / median["floor"]
        build = median["dbt build"] / median["floor's features"]
        fits = median["training"] / median["floor's fits"]
        print(f"median of {rounds}: sparkhouse run takes {whole:.2f} times the floor,")
        print(f"dbt build {build:.2f} times the floor's features,")
        print(f"training {fits:.2f} times the floor's three fits")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 3)

"""Wall time of `sparkhouse run` against the hand-written floor, on one simulated mini log, in turns, in one go.

    python tests/benchmarks/run_vs_floor.py [ROUNDS]

Prints each round and the ratio of the medians. Every run is a process of its own on an empty state folder, JVM start
included, set-up and simulation excluded.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FLOOR = Path(__file__).with_name("floor_pyspark.py")
SPARKHOUSE = Path(sys.executable).with_name("sparkhouse")


def seconds(*command: str | Path, home: Path) -> float:
    """Run a command to its end and return its wall time."""
    started = time.perf_counter()
    environment = {**os.environ, "SPARKHOUSE_HOME": str(home), "PYSPARK_PYTHON": sys.executable}
    subprocess.run([str(part) for part in command], check=True, env=environment, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main(rounds: int) -> None:
    """Measure `rounds` times each, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        log = scratch / "mini.json"
        subprocess.run([SPARKHOUSE, "simulate", "--quiet", "--out", log], check=True)
        floor, run = [], []
        for number in range(1, rounds + 1):
            floor.append(seconds(sys.executable, FLOOR, log, scratch / f"floor-{number}", home=scratch / "floor-home"))
            run.append(seconds(SPARKHOUSE, "run", "--quiet", "--events", log, home=scratch / f"home-{number}"))
            print(f"round {number}: floor {floor[-1]:.1f} s, sparkhouse run {run[-1]:.1f} s", flush=True)
        ratio = statistics.median(run) / statistics.median(floor)
        print(f"median of {rounds}: sparkhouse run takes {ratio:.2f} times the floor")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 3)

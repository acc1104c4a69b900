"""What `sparkhouse run` takes on two workers of one core, over the same run on two cores of one machine.

    PYTHONPATH=tests/helpers python tests/benchmarks/on_a_cluster.py [USERS [ROUNDS]]

In turns, each in a process of its own on empty tables. Master, workers and database work on the same two cores, so what
they take is part of it. Needs what `make database` installs.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from cluster import lacking, machines, postgres, variables
from measured import SPARKHOUSE, simulated

if TYPE_CHECKING:
    from collections.abc import Mapping

WORKER_MEMORY, EXECUTOR_MEMORY = "4g", "3500m"


def seconds_of_steps(log: Path, home: Path, environment: Mapping[str, str]) -> dict[str, float]:
    """Run once; return the seconds of the whole and of its steps, those of one name together."""
    own = {**os.environ, "SPARKHOUSE_HOME": str(home), **environment}
    started = time.perf_counter()
    done = subprocess.run(
        [SPARKHOUSE, "run", "--quiet", "--events", log], env=own, capture_output=True, text=True, check=False
    )
    whole = time.perf_counter() - started
    if done.returncode:
        sys.exit(f"{done.stdout}\n{done.stderr}")
    seconds = {"run": whole}
    for step in json.loads((home / "reports" / "run.json").read_text())["steps"]:
        seconds[step["name"]] = seconds.get(step["name"], 0.0) + step["seconds"]
    seconds["start and end"] = 2 * whole - sum(seconds.values())
    return seconds


def on_cluster(log: Path, folder: Path) -> dict[str, float]:
    """Run once on a cluster of its own, which is up when the run begins."""
    conf = folder / "spark.conf"
    conf.write_text(f"spark.executor.memory {EXECUTOR_MEMORY}\n")
    with postgres() as server, machines(folder / "machines", memory=WORKER_MEMORY) as cluster:
        environment = {**variables(server, cluster, folder / "shared"), "SPARKHOUSE_SPARK_CONF": str(conf)}
        return seconds_of_steps(log, folder / "home", environment)


def main(users: int, count: int) -> None:
    if lacking():
        sys.exit(lacking())
    ratios: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        log = simulated(Path(scratch), "--users", f"{users}", "--ids", "random")
        print(f"{users:,} users, {log.stat().st_size / 1e6:,.0f} MB, rounds: {count}")
        for number in range(1, count + 1):
            folder = Path(scratch) / f"{number}"
            folder.mkdir()
            local = seconds_of_steps(log, folder / "local", {"SPARKHOUSE_MASTER": "local[2]"})
            shared = on_cluster(log, folder)
            for name, seconds in local.items():
                ratios.setdefault(name, []).append(shared[name] / seconds)
                print(f"  {name:<13} {shared[name]:7.1f} s on the cluster, {seconds:7.1f} s on one machine", flush=True)
    for name, found in ratios.items():
        print(f"{name}: {statistics.median(found):.2f}")


if __name__ == "__main__":
    chosen = [int(each) for each in sys.argv[1:]]
    main(*chosen, *(225, 1)[len(chosen) :])

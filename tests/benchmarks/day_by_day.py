"""Whether a log that comes day by day gives the tables of the whole log, column by column, and what a day takes.

    PYTHONPATH=tests/helpers python tests/benchmarks/day_by_day.py [USERS]

Each day is ingested, built and published by a run of its own, all in one process, without tests and gate; the whole is
one build of the same events. Exit code 1 where a column differs.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from unittest.mock import patch

from incremental_warehouse import Deliveries, differing

from warehouse.landing.simulator import SimulationSpec, simulate

if TYPE_CHECKING:
    from collections.abc import Sequence

DAYS = 61


def main(users: int) -> int:
    with TemporaryDirectory() as folder:
        logs = Path(folder) / "logs"
        logs.mkdir()
        os.environ["SPARKHOUSE_HOME"] = str(Path(folder) / "home")
        from cli.jobs import auditing
        from cli.machine.home import Home
        from cli.spark.session import start_spark

        files = simulate(SimulationSpec(users, DAYS), logs, by_day=True).paths
        home = Home.from_environment()
        with patch.object(auditing, "audit"):
            found = _compared(Deliveries(start_spark(), home), files)
    for table, columns in found.items():
        print(f"{table} differs in {', '.join(columns)}")
    print(f"{users} users, {len(files)} single days: {len(found)} tables differ from those of the whole")
    return int(bool(found))


def _compared(warehouse: Deliveries, files: Sequence[Path]) -> dict[str, list[str]]:
    """Take in one file after the other, then build all at once; return what differs."""
    seconds = []
    for file in files:
        started = time.perf_counter()
        said = warehouse.run([file])
        seconds.append(time.perf_counter() - started)
        print(f"{file.name}: {seconds[-1]:.1f} s, {said}", flush=True)
    by_day = warehouse.content()
    started = time.perf_counter()
    warehouse.run([], "--full-refresh")
    print(f"median of a day {statistics.median(seconds):.1f} s, the whole {time.perf_counter() - started:.1f} s")
    return differing(by_day, warehouse.content())


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 20))

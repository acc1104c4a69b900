"""Ingest and run of a log of 12 GB, or of the users asked for, on 2 cores with 8 GB of heap: what each step takes.

    python tests/benchmarks/large_log.py [USERS]

Prints the steps with their rows and seconds, the peaks of memory and of the state folder, and what the tables take.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measured import SPARKHOUSE, bytes_of, measured, simulated
from ratios import print_steps

USERS = 22_277
MACHINE = {"SPARKHOUSE_MASTER": "local[2]", "SPARKHOUSE_DRIVER_MEMORY": "8g"}


def main(users: int) -> None:
    """Simulate, and run."""
    with tempfile.TemporaryDirectory() as folder:
        log, home = simulated(Path(folder), "--users", f"{users}", "--ids", "random"), Path(folder) / "home"
        size = log.stat().st_size
        print(f"{users:,} users, {size / 1e9:.1f} GB", flush=True)
        ingested = measured(SPARKHOUSE, "ingest", "--quiet", log, home=home, **MACHINE)
        print(f"sparkhouse ingest: {ingested}, {size / 1e6 / ingested.cpu_seconds:.1f} MB a CPU second", flush=True)
        took = measured(SPARKHOUSE, "run", "--quiet", home=home, **MACHINE)
        print(f"sparkhouse run, of what is ingested: {took}")
        print_steps(home)
        tables = bytes_of(home / "warehouse")
        disk = max(ingested.disk, took.disk)
        print(f"state folder at most {disk / size:.2f} of the log, tables {tables / size:.2f} in the end")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else USERS)

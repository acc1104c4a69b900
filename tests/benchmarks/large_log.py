"""A run of a log of 12 GB, of the users asked for, or of a file, on 2 cores with 8 GB of heap: what each step takes.

    python tests/benchmarks/large_log.py [USERS|FILE]

Prints the steps with their rows and seconds, the peaks of memory and of the state folder, and what the tables take.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measured import SPARKHOUSE, bytes_of, measured, simulated
from ratios import print_steps

USERS = "22277"
MACHINE = {"SPARKHOUSE_MASTER": "local[2]", "SPARKHOUSE_DRIVER_MEMORY": "8g"}


def main(asked: str) -> None:
    """Simulate, if need be, and run."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        log = simulated(Path(folder), "--users", asked, "--ids", "random") if asked.isdigit() else Path(asked)
        size = log.stat().st_size
        print(f"{size / 1e9:.1f} GB", flush=True)
        took = measured(SPARKHOUSE, "run", "--quiet", "--events", log, home=home, **MACHINE)
        print(f"sparkhouse run: {took}, state folder at most {took.disk / size:.2f} of the log")
        print_steps(home)
        print(f"tables {bytes_of(home / 'warehouse') / size:.2f} of the log")


if __name__ == "__main__":
    main(sys.argv[1] if sys.argv[1:] else USERS)

"""One run on a log of 12 GB, or of the users asked for, on 2 cores with 8 GB of heap: what each step takes.

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


def main(users: int) -> None:
    """Simulate, and run."""
    with tempfile.TemporaryDirectory() as folder:
        log, home = simulated(Path(folder), "--users", f"{users}", "--ids", "random"), Path(folder) / "home"
        size = log.stat().st_size
        print(f"{users:,} users, {size / 1e9:.1f} GB", flush=True)
        took = measured(
            SPARKHOUSE,
            "run",
            "--quiet",
            "--events",
            log,
            home=home,
            SPARKHOUSE_MASTER="local[2]",
            SPARKHOUSE_DRIVER_MEMORY="8g",
        )
        print(f"sparkhouse run: {took}, {size / 1e6 / took.cpu_seconds:.1f} MB of log a CPU second")
        print_steps(home)
        tables = bytes_of(home / "warehouse")
        print(f"state folder at most {took.peak.disk / size:.2f} of the log, tables {tables / size:.2f} in the end")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else USERS)

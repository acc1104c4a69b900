"""What `sparkhouse run` takes on one more day, and on nothing new, over what all days before took, in one go.

    python tests/benchmarks/one_more_day.py [USERS]

All runs are processes of their own on one state folder, JVM start and report included, set-up and simulation not.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measured import SPARKHOUSE, measured, simulated
from ratios import print_steps

DAYS = 61


def main(users: int) -> None:
    """Take in all days but the last, then the last, then the last once more."""
    with tempfile.TemporaryDirectory() as folder:
        home, earlier = Path(folder) / "home", Path(folder) / "earlier"
        days = simulated(Path(folder), "--by-day", "--users", f"{users}", "--ids", "random", "--days", f"{DAYS}")
        *before, last = sorted(days.iterdir())
        earlier.mkdir()
        for path in before:
            path.rename(earlier / path.name)
        took = {}
        for name, events in {"all before": earlier, "one more day": last, "nothing new": last}.items():
            took[name] = measured(SPARKHOUSE, "run", "--quiet", "--events", events, home=home)
            print(f"{name}: {took[name]}", flush=True)
            print_steps(home)
        for name in ("one more day", "nothing new"):
            wall = took[name].seconds / took["all before"].seconds
            cpu = took[name].cpu_seconds / took["all before"].cpu_seconds
            print(
                f"{users:,} users, {name}: {wall:.2f} of the wall time of the {DAYS - 1} days before, {cpu:.2f} of CPU"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 225)

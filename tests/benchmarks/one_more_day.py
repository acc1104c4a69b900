"""Wall time of `sparkhouse run` on one more day, and on nothing new, over that of all days before, in one go.

    python tests/benchmarks/one_more_day.py [USERS]

All runs are processes of their own on one state folder, JVM start and report included, set-up and simulation not.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from run_vs_floor import SPARKHOUSE, run

DAYS = 61


def main(users: int) -> None:
    """Take in all days but the last, then the last, then the last once more."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        home, earlier = scratch / "home", scratch / "earlier"
        simulated = ("simulate", "--quiet", "--by-day", "--users", f"{users}", "--days", f"{DAYS}")
        run(SPARKHOUSE, *simulated, "--out", scratch / "days", home=home)
        *before, last = sorted((scratch / "days").iterdir())
        earlier.mkdir()
        for path in before:
            path.rename(earlier / path.name)
        seconds = {}
        for name, events in {"all before": earlier, "one more day": last, "nothing new": last}.items():
            seconds[name], printed = run(SPARKHOUSE, "run", "--quiet", "--events", events, home=home)
            print(f"{name}: {seconds[name]:.1f} s", flush=True)
            print("\n".join(line for line in printed.splitlines() if " s  " in line), flush=True)
        for name in ("one more day", "nothing new"):
            print(f"{users} users, {name}: {seconds[name] / seconds['all before']:.2f} of the {DAYS - 1} days before")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 225)

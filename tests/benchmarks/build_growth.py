"""How build and training grow with the log: their times on a mini log and on one of ten times the events, side by side.

    python tests/benchmarks/build_growth.py

Prints the events and the seconds of the build step (all models and data tests) and of the training, and the ratios.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SPARKHOUSE = Path(sys.executable).with_name("sparkhouse")


STEPS = ("build", "train")


def run(users: int, folder: Path) -> tuple[int, dict[str, float]]:
    """Run the job on a simulated log; return the log's rows and the seconds of its long steps."""
    environment = {**os.environ, "SPARKHOUSE_HOME": str(folder)}
    log = folder / "events.json"
    options = ["--users", str(users), "--ids", "random", "--out", str(log)]
    for command in (["simulate", *options], ["run", "--events", str(log)]):
        subprocess.run([SPARKHOUSE, *command, "--quiet"], check=True, env=environment, stdout=subprocess.DEVNULL)
    steps = json.loads((folder / "reports" / "run.json").read_text())["steps"]
    seconds = {step["name"]: step["seconds"] for step in steps if step["name"] in STEPS}
    return next(step["rows_in"] for step in steps if step["name"] == "build"), seconds


def main() -> None:
    """Build both, the small one first."""
    with tempfile.TemporaryDirectory() as folder:
        small, large = (run(users, Path(folder) / str(users)) for users in (225, 2250))
    for rows, seconds in (small, large):
        print(f"{rows:,} events: " + ", ".join(f"{name} {seconds[name]:.1f} s" for name in STEPS))
    ratios = (f"{large[1][name] / small[1][name]:.2f} times the time to {name}" for name in STEPS)
    print(f"{large[0] / small[0]:.1f} times the events: {', '.join(ratios)}")


if __name__ == "__main__":
    main()

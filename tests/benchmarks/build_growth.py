"""How the dbt build grows with the log: build times on a mini log and on one of ten times the events, side by side.

    python tests/benchmarks/build_growth.py

Prints the events and the seconds of the build step (all models and data tests) of each, and the ratio.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SPARKHOUSE = Path(sys.executable).with_name("sparkhouse")


def build(users: int, folder: Path) -> tuple[int, float]:
    """Run the job on a simulated log; return the log's rows and the seconds of the build step."""
    environment = {**os.environ, "SPARKHOUSE_HOME": str(folder)}
    log = folder / "events.json"
    options = ["--users", str(users), "--ids", "random", "--out", str(log)]
    for command in (["simulate", *options], ["run", "--events", str(log)]):
        subprocess.run([SPARKHOUSE, *command, "--quiet"], check=True, env=environment, stdout=subprocess.DEVNULL)
    steps = json.loads((folder / "reports" / "run.json").read_text())["steps"]
    step = next(step for step in steps if step["name"] == "build")
    return step["rows_in"], step["seconds"]


def main() -> None:
    """Build both, the small one first."""
    with tempfile.TemporaryDirectory() as folder:
        small, large = (build(users, Path(folder) / str(users)) for users in (225, 2250))
    for rows, seconds in (small, large):
        print(f"{rows:,} events: dbt build {seconds:.1f} s")
    print(f"{large[0] / small[0]:.1f} times the events, {large[1] / small[1]:.2f} times the time")


if __name__ == "__main__":
    main()
